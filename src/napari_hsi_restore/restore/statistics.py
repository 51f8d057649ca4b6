"""Mean, covariance and noise of a cube, read in blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.noise import Known, estimate_sigma
from napari_hsi_restore.noise.measured import check_scale

Float = npt.NDArray[np.float64]

BLOCK_VALUES = 16_000_000
"""Values that are read at once."""

NOISE_VALUES = 40_000_000
"""Values from the middle of a larger cube that its noise is estimated from."""


@dataclasses.dataclass(frozen=True, eq=False)
class SpectralStatistics:
    """First and second moments of the valid spectra.

    Attributes
    ----------
    active : bool ndarray, (bands,)
        Bands with measurements that vary and are not marked as bad; only these are
        restored.
    mean : float64 ndarray, (active bands,)
    covariance : float64 ndarray, (active bands, active bands)
    pixels : int
        Spectra that were counted.
    """

    active: npt.NDArray[np.bool_]
    mean: Float
    covariance: Float
    pixels: int


class Measured:
    """What was measured of one cube so far, so that it is not measured twice.

    Only whole results are kept, whatever was cancelled; they are the same as those of a
    new measurement. The caller sees to it that it is always the same cube.

    Attributes
    ----------
    classical : Known
        What the analysis of the noise and the restorers without training know of it.
    """

    def __init__(self) -> None:
        self.classical = Known()
        self._spectra: SpectralStatistics | None = None
        self._noise: Float | None = None

    def spectra(self, cube: HyperCube) -> Generator[float, None, SpectralStatistics]:
        """Moments of the valid spectra, as `gather` measures them.

        Yields
        ------
        float
            Fraction done.
        """
        if self._spectra is None:
            for part in gather(cube):
                if isinstance(part, SpectralStatistics):
                    self._spectra = part
                else:
                    yield part
        if self._spectra is None:
            raise AssertionError("the statistics come last")
        return self._spectra

    def noise(self, cube: HyperCube) -> tuple[npt.NDArray[np.bool_], Float]:
        """The active bands, (bands,), and their noise as `noise_of` estimates it."""
        active = self.active(cube)
        if self._noise is None:
            self._noise = noise_of(cube, active)
        return active, self._noise

    def active(self, cube: HyperCube) -> npt.NDArray[np.bool_]:
        """The active bands, as `active_bands` finds them."""
        return active_bands(cube) if self._spectra is None else self._spectra.active


def row_blocks(cube: HyperCube) -> Iterator[slice]:
    """Runs of rows that are read at once, the same whatever the tile size."""
    bands, height, width = cube.shape
    rows = max(1, BLOCK_VALUES // (bands * width))
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))


def active_bands(cube: HyperCube) -> npt.NDArray[np.bool_]:
    """Bands with at least two different valid values in a sample of rows, (bands,).

    Bands that are marked as bad are never among them (`HyperCube.usable_bands`).

    Raises
    ------
    UserError
        If there is none, or its values are too large or too small to compute with.
    """
    step = max(1, cube.shape[1] // 64)
    sample = np.asarray(cube.data[:, ::step, :])
    valid = cube.valid(sample)
    numbers = sample.astype(np.float64)
    low = np.where(valid, numbers, np.inf).min(axis=(1, 2))
    high = np.where(valid, numbers, -np.inf).max(axis=(1, 2))
    active: npt.NDArray[np.bool_] = (high > low) & cube.usable_bands()
    if not active.any():
        raise UserError(
            f"{cube.source or cube.name}: no band has two different valid values (all values are "
            "NaN, no-data, constant or marked bad), so there is nothing to denoise; check the "
            "no-data value."
        )
    check_scale(cube, low[active], high[active])
    return active


def gather(cube: HyperCube) -> Iterator[SpectralStatistics | float]:
    """Moments over all pixels that are valid in every active band.

    Yields
    ------
    float
        Fraction done, after every block.
    SpectralStatistics
        At last.

    Raises
    ------
    UserError
        If fewer than two pixels are valid in all active bands.
    """
    active = active_bands(cube)
    bands = int(active.sum())
    count, total, products = 0, np.zeros(bands), np.zeros((bands, bands))
    origin: npt.NDArray[np.float32] | None = None
    for rows in row_blocks(cube):
        block = _of_bands(np.asarray(cube.data[:, rows, :]), active)
        valid = cube.valid(block).all(axis=0)
        # A mask takes longer to apply than everything else here, and most cubes need none.
        chosen = block.reshape(bands, -1) if valid.all() else block[:, valid]
        spectra = chosen.astype(np.float32)
        if spectra.shape[1]:
            if origin is None:
                # Differences from a typical spectrum keep single precision exact enough.
                origin = spectra.mean(axis=1)
            spectra -= origin[:, None]
            count += spectra.shape[1]
            total = total + spectra.sum(axis=1, dtype=np.float64)
            products = products + (spectra @ spectra.T).astype(np.float64)
        yield rows.stop / cube.shape[1]
    if origin is None or count < 2:
        raise UserError(
            f"{cube.source or cube.name}: fewer than two pixels have valid values in all bands; "
            "take a method that looks at the whole image, such as refined, which copes with gaps, "
            "or mark the bands without data as bad."
        )
    shift = total / count
    covariance = products / count - np.outer(shift, shift)
    if not np.isfinite(covariance).all():
        _say_what_is_too_large(cube, active)
    yield SpectralStatistics(active, origin + shift, covariance, count)


def _say_what_is_too_large(cube: HyperCube, active: npt.NDArray[np.bool_]) -> None:
    """Raise `UserError`: the sample of rows did not show how large the values are."""
    extremes = []
    for rows in row_blocks(cube):
        block = _of_bands(np.asarray(cube.data[:, rows, :]), active)
        valid = cube.valid(block)
        extremes.append(np.abs(block[valid].astype(np.float64)).max(initial=0.0))
    largest = np.array([max(extremes)])
    check_scale(cube, -largest, largest)


def noise_of(cube: HyperCube, active: npt.NDArray[np.bool_]) -> Float:
    """Estimated noise of the active bands, in stored units, (active bands,)."""
    bands, height, width = cube.shape
    rows = slice(0, height)
    if bands * height * width > NOISE_VALUES:
        count = max(8, NOISE_VALUES // (bands * width))
        start = max(0, (height - count) // 2)
        rows = slice(start, min(height, start + count))
    stored = _of_bands(np.asarray(cube.data[:, rows, :]), active)
    valid: npt.NDArray[np.bool_] = np.all(cube.valid(stored), axis=0)
    if valid.all():
        # It takes a band after the other, so a copy of all of them in float32 is not needed.
        return estimate_sigma(stored, valid)
    block = stored.astype(np.float32, copy=False)
    means = block[:, valid].mean(axis=1) if valid.any() else np.zeros(len(block), np.float32)
    return estimate_sigma(filled(block, valid, means), valid)


def _of_bands(block: npt.NDArray[Any], active: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Some bands of a block, (bands, y, x); the block itself where those are all."""
    return block if active.all() else block[active]


def filled(
    block: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], spectrum: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """A block with its invalid pixels set to one spectrum.

    Parameters
    ----------
    block : float32 ndarray, (bands, y, x)
    valid : bool ndarray, (y, x)
    spectrum : ndarray, (bands,)

    Returns
    -------
    float32 ndarray, (bands, y, x)
    """
    if valid.all():
        return block
    return np.where(valid, block, spectrum.astype(np.float32)[:, None, None])
