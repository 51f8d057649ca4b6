"""What was removed, to be looked at: whether the residual is white, and where it is not.

A residual of noise alone knows nothing of its neighbours: its autocorrelation over space is a
single dot. Bands may share a little of it, as a restoration that keeps a spectral subspace
removes all noise outside of it. What to show, and over how many pixels, is ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.restore.residual import (
    AROUND,
    Image,
    Mask,
    White,
    bands_to_look_at,
    residual_of_band,
    whitened,
)

_REACH = 10
_MOST_SIDE, _MOST_PLANES = 256, 24
_SAMPLE = 16384


@dataclasses.dataclass(frozen=True, eq=False)
class Removed:
    """What a restoration has taken away, as pictures and spectra.

    Attributes
    ----------
    over_space : float32 ndarray, (lags, lags)
        Autocorrelation of the residual over rows and columns, mean over bands; 1 in the
        middle, 0 elsewhere for noise.
    over_bands : float32 ndarray, (looked, looked)
        Correlation of the residuals of bands; NaN for bands from which nothing was removed.
    bands : intp ndarray, (looked,)
        Which bands those are.
    points : tuple of (row, column)
        Pixels around which most structure was removed, the most striking first.
    before, after : float32 ndarray, (points, bands)
        Mean spectra of 5 x 5 pixels around them, in stored units; NaN where there is no data.
    """

    over_space: npt.NDArray[np.float32]
    over_bands: npt.NDArray[np.float32]
    bands: npt.NDArray[np.intp]
    points: tuple[tuple[int, int], ...]
    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]

    @property
    def neighbours(self) -> float:
        """Correlation of a pixel of the residual with those beside, above and below it."""
        middle = len(self.over_space) // 2
        cross = self.over_space[[middle - 1, middle, middle], [middle, middle - 1, middle + 1]]
        return float(np.mean([*cross, self.over_space[middle + 1, middle]]))

    def moved(self, top: int, left: int) -> Removed:
        """The same with points counted from another corner of the image."""
        points = tuple((row + top, column + left) for row, column in self.points)
        return dataclasses.replace(self, points=points)

    def save(self, path: Path) -> None:
        """Write it as one ``.npz`` file, which `load` reads."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        points = np.array(self.points, dtype=np.intp).reshape(-1, 2)
        np.savez(path, **{**fields, "points": points})

    @classmethod
    def load(cls, path: Path) -> Removed:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            fields = {field.name: stored[field.name] for field in dataclasses.fields(cls)}
        points = tuple((int(row), int(column)) for row, column in fields["points"])
        return cls(**{**fields, "points": points})


def look_closer(
    cube: HyperCube,
    result: HyperCube,
    points: Sequence[tuple[int, int]],
    hidden: Mask | None = None,
) -> Generator[float, None, Removed | None]:
    """Measure what was removed.

    Parameters
    ----------
    cube : HyperCube
        What was restored.
    result : HyperCube
        Of the same shape.
    points : sequence of (row, column)
        Of `napari_hsi_restore.restore.residual.Residual`.
    hidden : bool ndarray, (y, x), or None
        Pixels that were filled on purpose.

    Yields
    ------
    float
        Fraction done, after every band.

    Returns
    -------
    Removed or None
        None where nothing was removed that could be looked at.
    """
    chosen = bands_to_look_at(cube)
    looked = chosen[:: -(-len(chosen) // _MOST_PLANES)]
    shared, pairs = _Autocorrelation(), []
    for number, band in enumerate(chosen):
        white = whitened(*residual_of_band(cube, result, int(band), hidden))
        if white is not None and band in looked:
            shared.add(white)
        pairs.append(None if white is None else _sampled(white.values))
        yield (number + 1) / len(chosen)
    if not shared.known:
        return None
    before, after = _spectra(cube, points), _spectra(result, points)
    return Removed(shared.of_lags(), _between(pairs), chosen, tuple(points), before, after)


class _Autocorrelation:
    """Sums of products of pixels and of how many they are, by their distance."""

    def __init__(self) -> None:
        self._products = np.zeros((2 * _REACH + 1, 2 * _REACH + 1))
        self._counts = np.zeros_like(self._products)

    @property
    def known(self) -> bool:
        """Whether there is anything in it."""
        return bool(self._counts[_REACH, _REACH])

    def add(self, white: White) -> None:
        """Take the middle of a band into account."""
        middle = tuple(
            slice(max(0, (length - _MOST_SIDE) // 2), (length + _MOST_SIDE) // 2)
            for length in white.values.shape
        )
        self._products += _lagged(white.values[middle])
        self._counts += _lagged(white.sound[middle].astype(np.float32))

    def of_lags(self) -> npt.NDArray[np.float32]:
        """The autocorrelation, 1 in the middle."""
        found = self._products / np.maximum(self._counts, 1.0)
        return np.asarray(found / found[_REACH, _REACH], np.float32)


def _lagged(plane: Image) -> npt.NDArray[np.float64]:
    """Sums of the products of an image with itself, moved by up to so many pixels."""
    shape = [fft.next_fast_len(length + _REACH, real=True) for length in plane.shape]
    power = np.square(np.abs(fft.rfft2(plane.astype(np.float64), shape)))
    products = fft.irfft2(power, shape)
    lags = np.arange(-_REACH, _REACH + 1)
    return np.asarray(products[np.ix_(lags, lags)])


def _sampled(values: Image) -> npt.NDArray[np.float32]:
    return np.asarray(values.ravel()[:: max(1, values.size // _SAMPLE)])


def _between(pairs: Sequence[npt.NDArray[np.float32] | None]) -> npt.NDArray[np.float32]:
    """Correlation of all pairs of bands, NaN where a band is not known."""
    found = np.full((len(pairs), len(pairs)), np.nan, np.float32)
    known = [index for index, values in enumerate(pairs) if values is not None]
    together = np.stack([values for values in pairs if values is not None])
    spread = np.sqrt(np.mean(np.square(together), axis=1))
    products = together @ together.T / together.shape[1]
    found[np.ix_(known, known)] = products / np.outer(spread, spread)
    return found


def _spectra(cube: HyperCube, points: Sequence[tuple[int, int]]) -> npt.NDArray[np.float32]:
    """Mean spectra around some pixels, (points, bands)."""
    found = np.full((len(points), cube.n_bands), np.nan, np.float32)
    half = AROUND // 2
    for index, (row, column) in enumerate(points):
        rows = slice(max(0, row - half), row + half + 1)
        columns = slice(max(0, column - half), column + half + 1)
        stored = np.asarray(cube.data[:, rows, columns])
        found[index] = _mean(stored, cube.valid(stored))
    return found


def _mean(stored: npt.NDArray[np.generic], valid: Mask) -> npt.NDArray[np.float32]:
    count = valid.sum(axis=(1, 2))
    total = np.where(valid, stored.astype(np.float64), 0.0).sum(axis=(1, 2))
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float32)
