"""What a restoration network needs and gives; no caller asks which network it is."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from napari_hsi_restore.search_space.genotype import Genotype

Task = Literal["denoise", "superres"]


class _Spec(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What every network has.

    Attributes
    ----------
    min_bands : int
        Fewest bands that it takes.
    halo : int
        Pixels of the input beyond a tile that its inside depends on.
    multiple : int
        A tile's sides must be a multiple of this.
    """

    min_bands: int = 1
    halo: int
    multiple: int = 1


class StasSpec(_Spec, frozen=True, extra="forbid"):
    """The contract of a denoiser with STAS cells.

    Attributes
    ----------
    architecture : {'stas'}
    task : {'denoise'}
    scale : {1}
        Pixels out for a pixel in, along each side.
    genotype : Genotype
        Wiring of its cells.
    width : int
        Channels between the cells.
    domain : {'eigenimages', 'bands'}
        Basis of the spectra that it works in (`napari_hsi_restore.models.basis`).
    most_components : int
        Components that the network restores at most; the rest is filtered linearly.
    """

    architecture: Literal["stas"] = "stas"
    task: Literal["denoise"] = "denoise"
    scale: Literal[1] = 1
    genotype: Genotype
    width: int
    domain: Literal["eigenimages", "bands"]
    most_components: int = 24


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

    architecture: Literal["coarsr"] = "coarsr"
    task: Literal["superres"] = "superres"
    scale: Literal[2, 3, 4, 8]
    width: int


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
    """

    architecture: Literal["eigensr"] = "eigensr"
    task: Literal["superres"] = "superres"
    scale: Literal[2, 3, 4, 8]
    width: int
    blocks: int
    components: int


SuperresSpec = CoarSRSpec | EigenSRSpec
ModelSpec = Annotated[
    StasSpec | CoarSRSpec | EigenSRSpec, pydantic.Field(discriminator="architecture")
]
