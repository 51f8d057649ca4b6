"""How a block of a cube goes through an enlarging network, by architecture."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.models.basis import Basis, Float, detail_basis
from napari_hsi_restore.models.neighbours import PLANES, BandSequence, band_sequence
from napari_hsi_restore.models.spec import EigenSRSpec, EnlargerSpec, MeanSRSpec, ModelSpec

if TYPE_CHECKING:
    import torch

    from napari_hsi_restore.models.architectures.coarsr import CoarSR
    from napari_hsi_restore.models.catalog import EigenNetwork, Network

Block = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

BANDS_AT_ONCE_PIXELS = 20_000
"""Pixels times bands of the input that a CPU takes in one go: cancelling waits for them."""

FLOAT_BYTES = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Enlarged:
    """Some enlarged bands.

    Attributes
    ----------
    bands : intp ndarray, (n,)
        Which bands of the block these are.
    values : float32 ndarray, (n, scale y, scale x)
        In the units of the block.
    """

    bands: Indices
    values: Block


class Enlarger(Protocol):
    """A network with all that it needs to enlarge any block of one cube."""

    @property
    def halo(self) -> int:
        """Pixels beyond a block that its inside depends on."""

    def bytes(self, pixels: float) -> float:
        """Memory that a block of so many pixels takes at least."""

    def enlarge(self, block: Block, available: float) -> Iterator[tuple[float, Enlarged | None]]:
        """Enlarge a block within some bytes of memory.

        Parameters
        ----------
        block : float32 ndarray, (bands, y, x)
            Without gaps.
        available : float
            Bytes.

        Yields
        ------
        float, Enlarged or None
            Fraction done, and bands that are ready, each once.
        """


@dataclasses.dataclass(frozen=True, eq=False)
class BandEnlarger:
    """CoarSR: each band with its neighbours, many bands at once.

    Attributes
    ----------
    network : CoarSR
    halo : int
    sequence : BandSequence
        Of the bands of the block.
    white : float
        Value that the network sees as 1.
    """

    network: CoarSR
    halo: int
    sequence: BandSequence
    white: float

    def bytes(self, pixels: float) -> float:
        """Memory that one band takes."""
        return pixels * _band_bytes(self.network.width, self.network.scale)

    def enlarge(self, block: Block, available: float) -> Iterator[tuple[float, Enlarged | None]]:
        """See `Enlarger.enlarge`."""
        import torch

        device = next(self.network.parameters()).device
        pixels = block.shape[1] * block.shape[2]
        most = int(available // self.bytes(pixels))
        if device.type == "cpu":
            most = min(most, BANDS_AT_ONCE_PIXELS // pixels)
        most = max(1, most)
        low = torch.from_numpy(block / np.float32(self.white)).to(device)
        starts = torch.from_numpy(self.sequence.starts)
        total = len(block)
        state: torch.Tensor | None = None
        for first in range(0, total, most):
            rows = self.sequence.planes[first : first + most]
            planes = low[torch.from_numpy(rows).to(device)][None]
            part = slice(first, first + most)
            # As a decorator the mode ends at every yield; a with block would leak to the caller.
            stages = torch.inference_mode()(self.network.stages)(planes, starts[part], state)
            steps = self.network.stage_count
            result = None
            for index, stage in enumerate(stages, start=1):
                result = stage
                if result is None:
                    yield (first + index / steps * len(rows)) / total, None
            assert result is not None
            enlarged, state = result
            values = enlarged[0].cpu().numpy() * np.float32(self.white)
            yield (first + len(rows)) / total, Enlarged(rows[:, 0], values)


@dataclasses.dataclass(frozen=True, eq=False)
class ComponentEnlarger:
    """EigenSR, in stages too: bicubic bands, and the detail of a few eigenimages.

    Attributes
    ----------
    network : EigenNetwork
    halo : int
    basis : Basis
        Of the bands of the block.
    """

    network: EigenNetwork
    halo: int
    basis: Basis

    def bytes(self, pixels: float) -> float:
        """Memory that a block takes."""
        return pixels * _components_bytes(self.network, len(self.basis.mean))

    def enlarge(self, block: Block, available: float) -> Iterator[tuple[float, Enlarged | None]]:
        """See `Enlarger.enlarge`."""
        import torch

        from napari_hsi_restore.models.resampling import bicubic

        del available
        device = next(self.network.parameters()).device
        missing = self.network.components - self.basis.components
        components = np.pad(self.basis.project(block), ((0, missing), (0, 0), (0, 0)))
        images = torch.from_numpy(components)[None].to(device)
        detail = images
        stages = torch.inference_mode()(self.network.stages)(images)
        steps = self.network.steps + 1
        for index, stage in enumerate(stages, start=1):
            detail = stage
            yield index / (steps + 1), None
        back = torch.from_numpy(self.basis.backward.astype(np.float32)).to(device)
        known = detail[0, : self.basis.components].float()
        total, at_once = len(block), max(1, len(block) // 8)
        for first in range(0, total, at_once):
            part = slice(first, first + at_once)
            low = torch.from_numpy(np.ascontiguousarray(block[part])).to(device)
            large = bicubic(low, self.network.scale)
            large += torch.tensordot(back[part], known, dims=1)
            bands = np.arange(first, first + len(low))
            fraction = (steps + (first + len(low)) / total) / (steps + 1)
            yield fraction, Enlarged(bands, large.cpu().numpy())


@dataclasses.dataclass(frozen=True, eq=False)
class MeanEnlarger:
    """The mean of the answers of several networks.

    Attributes
    ----------
    members : tuple of Enlarger
    shares : tuple of float
        Of the work; the sum is 1.
    bands, scale : int
        Of the block, and pixels out for a pixel in.
    """

    members: tuple[Enlarger, ...]
    shares: tuple[float, ...]
    bands: int
    scale: int

    @property
    def halo(self) -> int:
        """See `Enlarger.halo`."""
        return max(member.halo for member in self.members)

    def bytes(self, pixels: float) -> float:
        """What the largest member takes, and the mean so far."""
        most = max(member.bytes(pixels) for member in self.members)
        return most + mean_bytes(pixels, self.bands, self.scale)

    def enlarge(self, block: Block, available: float) -> Iterator[tuple[float, Enlarged | None]]:
        """See `Enlarger.enlarge`; the bands come with the last member."""
        bands, height, width = block.shape
        mean = np.zeros((bands, height * self.scale, width * self.scale), np.float32)
        rest = available - mean_bytes(height * width, bands, self.scale)
        share = np.float32(1.0 / len(self.members))
        begin = 0.0
        for member, part in zip(self.members, self.shares, strict=True):
            for fraction, ready in member.enlarge(block, rest):
                done = None
                if ready is not None:
                    mean[ready.bands] += share * ready.values
                    if member is self.members[-1]:
                        done = Enlarged(ready.bands, mean[ready.bands])
                yield begin + part * fraction, done
            begin += part


def mean_bytes(pixels: float, bands: int, scale: int) -> float:
    """Memory of the enlarged bands of some pixels of the input."""
    return pixels * FLOAT_BYTES * bands * scale**2


def spec_bytes(spec: EnlargerSpec, pixels: float, bands: int) -> float:
    """Memory that some pixels of the input take at least, known from the spec alone."""
    if isinstance(spec, MeanSRSpec):
        most = max(spec_bytes(member, pixels, bands) for member in spec.members)
        return most + mean_bytes(pixels, bands, spec.scale)
    if isinstance(spec, EigenSRSpec):
        return _components_bytes(spec, bands) * pixels
    return _band_bytes(spec.width, spec.scale) * pixels


def _components_bytes(of: EigenNetwork | EigenSRSpec, bands: int) -> float:
    """Of a pixel: features, components, and some enlarged bands."""
    return FLOAT_BYTES * (6.0 * of.features + of.scale**2 * (3 * of.components + 2) + bands)


def _band_bytes(width: int, scale: int) -> float:
    """Of a pixel of one band: features, measured, and the enlarged band."""
    return FLOAT_BYTES * (26.0 * width + 3 * scale**2 + PLANES)


def enlarger_of(
    network: Network,
    spec: ModelSpec,
    mean: Float,
    covariance: Float,
    *,
    wavelengths_nm: Float | None,
    white: float,
) -> Enlarger | None:
    """A network made ready for one cube.

    Parameters
    ----------
    network : Network
    spec : ModelSpec
        Of the network.
    mean : float64 ndarray, (bands,)
    covariance : float64 ndarray, (bands, bands)
        Of the spectra of the cube.
    wavelengths_nm : float64 ndarray, (bands,), or None
    white : float
        Value that counts as white.

    Returns
    -------
    Enlarger or None
        None for a network that does not enlarge.
    """
    from napari_hsi_restore.models.architectures.coarsr import CoarSR
    from napari_hsi_restore.models.architectures.meansr import MeanSR
    from napari_hsi_restore.models.catalog import EigenNetwork

    if isinstance(network, CoarSR):
        return BandEnlarger(network, spec.halo, band_sequence(len(mean), wavelengths_nm), white)
    if isinstance(network, EigenNetwork):
        basis = detail_basis(mean, covariance, network.components)
        return ComponentEnlarger(network, spec.halo, basis)
    if isinstance(network, MeanSR) and isinstance(spec, MeanSRSpec):
        members = []
        for part, of_part in zip(network.members, spec.members, strict=True):
            assert isinstance(part, CoarSR | EigenNetwork)
            member = enlarger_of(
                part, of_part, mean, covariance, wavelengths_nm=wavelengths_nm, white=white
            )
            assert member is not None
            members.append(member)
        works = [member.macs(1.0, len(mean)) for member in spec.members]
        shares = tuple(work / sum(works) for work in works)
        return MeanEnlarger(tuple(members), shares, len(mean), network.scale)
    return None
