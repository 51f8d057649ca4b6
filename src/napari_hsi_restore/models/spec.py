"""What a restoration network needs and gives; no caller asks which network it is."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import pydantic

from napari_hsi_restore.search_space.genotype import Genotype

Task = Literal["denoise", "superres", "refine"]


class _Spec(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What every network has.

    Attributes
    ----------
    min_bands : int
        Fewest bands that it takes.
    multiple : int
        What is read for a tile must begin at a multiple of this, counted from the corner
        of the image.
    """

    min_bands: int = 1
    multiple: int = 1


class _DenoiserSpec(_Spec, frozen=True, extra="forbid"):
    """What every denoiser has.

    Attributes
    ----------
    task : {'denoise'}
    scale : {1}
        Pixels out for a pixel in, along each side.
    halo : int
        Pixels of the input beyond a tile that its inside depends on.
    width : int
        Channels at full resolution.
    domain : {'eigenimages', 'bands'}
        Basis of the spectra that it works in (`napari_hsi_restore.models.basis`).
    most_components : int
        Components that the network restores at most; the rest is filtered linearly.
    """

    task: Literal["denoise"] = "denoise"
    scale: Literal[1] = 1
    halo: int
    width: int
    domain: Literal["eigenimages", "bands"]
    most_components: int = 24


class StasSpec(_DenoiserSpec, frozen=True, extra="forbid"):
    """The contract of a denoiser with STAS cells.

    Attributes
    ----------
    architecture : {'stas'}
    genotype : Genotype
        Wiring of its cells.
    """

    feature_copies: ClassVar[float] = 6.0
    """Tensors of full width and resolution that are alive at once (measured)."""

    architecture: Literal["stas"] = "stas"
    genotype: Genotype


class QRNN3DSpec(_DenoiserSpec, frozen=True, extra="forbid"):
    """The contract of a QRNN3D denoiser.

    Attributes
    ----------
    architecture : {'qrnn3d'}
    """

    feature_copies: ClassVar[float] = 30.0
    """Tensors of full width and resolution that are alive at once (measured)."""

    architecture: Literal["qrnn3d"] = "qrnn3d"


class CoarSRSpec(_Spec, frozen=True, extra="forbid"):
    """The contract of a CoarSR network, which enlarges each band with its neighbours.

    Attributes
    ----------
    architecture : {'coarsr'}
    task : {'superres'}
    scale : {2, 3, 4, 8}
        Pixels out for a pixel in, along each side.
    width : int
        Features, 64 as published.
    """

    sees_white: ClassVar[bool] = True
    """It sees values that are divided by white."""

    architecture: Literal["coarsr"] = "coarsr"
    task: Literal["superres"] = "superres"
    scale: Literal[2, 3, 4, 8]
    width: int

    @property
    def halo(self) -> int:
        """Pixels of the input beyond a tile that its inside depends on, at every scale.

        Head 1; two ASFM of 10 each (two residual blocks of two convolutions within a
        group, the same across groups, two convolutions between groups); the convolution
        before the fusion 1; the tail 2.
        """
        return 24

    def macs(self, pixels: float, bands: int) -> float:
        """Multiplications with a weight that a cube takes.

        Parameters
        ----------
        pixels : float
            Of the input.
        bands : int
        """
        square = float(self.width**2)
        # Two ASFM: 24 convolutions in six pairs of blocks, six between groups, and 1 x 1 ones
        # over the groups; then the reduction, the convolution before the fusion, the fusion.
        body = 2 * (24 * 9 + 6 * 9 + 9 + 9) * square + (3 + 9 + 2) * square + 9 * 7 * self.width
        # The tail is one convolution, however many it was trained as.
        tail = 25 * self.width * self.scale**2
        return pixels * bands * (body + tail)


class EigenSRSpec(_Spec, frozen=True, extra="forbid"):
    """The contract of an EigenSR network, which enlarges a few eigenimages together.

    Attributes
    ----------
    architecture : {'eigensr'}
    task : {'superres'}
    scale : {2, 3, 4, 8}
        Pixels out for a pixel in, along each side.
    width, blocks : int
        Features and residual blocks.
    components : int
        Eigenimages that it takes.
    stages : int
        Networks in a row, each of which enlarges by the same whole number
        (`napari_hsi_restore.models.architectures.eigencascade`).
    """

    sees_white: ClassVar[bool] = False
    """It sees components, which know no white."""

    architecture: Literal["eigensr"] = "eigensr"
    task: Literal["superres"] = "superres"
    scale: Literal[2, 3, 4, 8]
    width: int
    blocks: int
    components: int
    stages: int = pydantic.Field(default=1, ge=1)

    @pydantic.model_validator(mode="after")
    def _check_stages(self) -> EigenSRSpec:
        if self.step**self.stages != self.scale:
            raise ValueError(f"{self.stages} stages alike cannot enlarge by {self.scale}")
        return self

    @property
    def step(self) -> int:
        """Pixels out for a pixel in of each stage."""
        return round(self.scale ** (1 / self.stages))

    @property
    def features(self) -> int:
        """Values of a layer of the last stage for a pixel of the input."""
        density = self.scale // self.step
        return self.width * density * density

    @property
    def halo(self) -> int:
        """Pixels of the input beyond a tile that its inside depends on: one a convolution."""
        reach = 2 * self.blocks + 3
        return sum(-(-reach // int(self.step**stage)) for stage in range(self.stages))

    def macs(self, pixels: float, bands: int) -> float:
        """Multiplications with a weight that a cube takes.

        Parameters
        ----------
        pixels : float
            Of the input.
        bands : int
            They do not count: the components do.
        """
        inner = (2 * self.blocks + 1) * self.width**2
        ends = self.width * self.components * (1 + self.step**2)
        density = sum(float(self.step ** (2 * stage)) for stage in range(self.stages))
        return 9.0 * pixels * density * (inner + ends)


SuperresSpec = Annotated[CoarSRSpec | EigenSRSpec, pydantic.Field(discriminator="architecture")]
"""A network that enlarges and can be trained."""


class MeanSRSpec(_Spec, frozen=True, extra="forbid"):
    """The contract of several networks that enlarge, whose answers are averaged.

    Attributes
    ----------
    architecture : {'mean'}
    task : {'superres'}
    scale : {2, 3, 4, 8}
        Pixels out for a pixel in, along each side, of every member.
    members : tuple of CoarSRSpec or EigenSRSpec
    """

    architecture: Literal["mean"] = "mean"
    task: Literal["superres"] = "superres"
    scale: Literal[2, 3, 4, 8]
    members: tuple[SuperresSpec, ...] = pydantic.Field(min_length=2, max_length=4)

    @pydantic.model_validator(mode="after")
    def _check_members(self) -> MeanSRSpec:
        if any(member.scale != self.scale for member in self.members):
            raise ValueError("all members enlarge by the same scale")
        return self

    @property
    def sees_white(self) -> bool:
        """Whether a member sees values that are divided by white."""
        return any(member.sees_white for member in self.members)

    @property
    def halo(self) -> int:
        """Pixels of the input beyond a tile that the inside of some member depends on."""
        return max(member.halo for member in self.members)

    def macs(self, pixels: float, bands: int) -> float:
        """See `CoarSRSpec.macs`."""
        return sum(member.macs(pixels, bands) for member in self.members)


class RefinerSpec(_Spec, frozen=True, extra="forbid"):
    """The contract of the network that looks over what `ngmeet` removed.

    Attributes
    ----------
    architecture : {'refiner'}
    task : {'refine'}
    scale : {1}
        Pixels out for a pixel in, along each side.
    widths, blocks : tuple of int
        Of each level; see `napari_hsi_restore.models.architectures.refiner.Refiner`.
    """

    architecture: Literal["refiner"] = "refiner"
    task: Literal["refine"] = "refine"
    scale: Literal[1] = 1
    widths: tuple[int, ...] = pydantic.Field(min_length=1, max_length=6)
    blocks: tuple[int, ...] = pydantic.Field(min_length=1, max_length=6)

    @pydantic.model_validator(mode="after")
    def _check_levels(self) -> RefinerSpec:
        if len(self.widths) != len(self.blocks):
            raise ValueError("as many numbers of blocks as widths, one of each for every level")
        return self

    @property
    def halo(self) -> int:
        """Pixels of the input beyond a part that its inside depends on, at every level.

        The window of the detail, the two convolutions at the ends, and two convolutions a
        block, twice but at the coarsest level; rounded up to whole pixels of that level.
        """
        deepest = len(self.widths) - 1
        reach = 3 + 2 * 2
        for level, blocks in enumerate(self.blocks):
            reach += 2 ** (level + 1) * 2 * blocks * (1 if level == deepest else 2)
        multiple: int = 2 ** (deepest + 1)
        return -(-reach // multiple) * multiple


DenoiserSpec = StasSpec | QRNN3DSpec
EnlargerSpec = CoarSRSpec | EigenSRSpec | MeanSRSpec
ModelSpec = Annotated[
    StasSpec | QRNN3DSpec | CoarSRSpec | EigenSRSpec | MeanSRSpec | RefinerSpec,
    pydantic.Field(discriminator="architecture"),
]
