"""What of a cube can be restored: its measurements, their moments and their noise."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.noise.estimate import estimate_sigma
from napari_hsi_restore.noise.pairs import sigma_of_pairs
from napari_hsi_restore.noise.signal_dependence import SignalDependence

Float = npt.NDArray[np.float64]
Block = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_BLOCK_VALUES = 8_000_000
_NOISE_VALUES = 40_000_000
# So large a share of the pixels is measured in all bands that are looked at together.
_ENOUGH_COMPLETE = 0.4
_LEAST_COMPLETE = 0.05
_BESIDE, _BESIDE_PAIRS = 10, 2
_ENOUGH_WINDOWS = 400
_LEAST_SIGMA = 1e-6
# Squares of values beyond, summed over an image, leave the range of single precision.
_SMALLEST, _LARGEST = 1e-19, 1e17


@dataclasses.dataclass(frozen=True, eq=False)
class Moments:
    """Moments of the spectra of a cube.

    Attributes
    ----------
    mean : float64 ndarray, (active,)
        In stored units.
    covariance : float64 ndarray, (active, active)
        Every element over the pixels that are valid in both bands.
    pixels : int
        Number of pixels of the element that has fewest (at least 1).
    """

    mean: Float
    covariance: Float
    pixels: int


@dataclasses.dataclass(frozen=True, eq=False)
class Stripes:
    """What whole lines of single bands have beside the scene: ``gain * scene + shift``.

    Attributes
    ----------
    shift : float32 ndarray, (active, y or 1, x or 1)
        In stored units; 0 where there is none.
    gain : float32 ndarray of the same shape, or None
        1 where there is none; None for 1 everywhere.
    """

    shift: Block
    gain: Block | None = None

    def taken_off(self, values: Block, rows: slice) -> Block:
        """Some rows without stripes.

        Parameters
        ----------
        values : float32 ndarray, (active, rows, x)
            In stored units.
        rows : slice

        Returns
        -------
        float32 ndarray, (active, rows, x)
        """
        result = values - _of_rows(self.shift, rows)
        return result if self.gain is None else result / _of_rows(self.gain, rows)

    def off_band(self, values: Float, index: int) -> Float:
        """One active band, float64 (y, x), without stripes."""
        result: Float = values - self.shift[index]
        return result if self.gain is None else np.asarray(result / self.gain[index])

    def cut(self, rows: slice, columns: slice) -> Stripes:
        """The same for a rectangle of pixels."""
        gain = None if self.gain is None else _cut_lines(self.gain, rows, columns)
        return Stripes(_cut_lines(self.shift, rows, columns), gain)


@dataclasses.dataclass(frozen=True, eq=False)
class Whole:
    """What is known of the whole image that a part of it is cut from.

    Attributes
    ----------
    moments : Moments or None
    stripes : Stripes or None
        As `napari_hsi_restore.noise.stripes.find_stripes` finds them.
    outside : bool ndarray, (y, x), or None
        Gaps in all bands that reach the border of the whole image.
    shot : SignalDependence or None
        Growth of the noise with the signal, of the active bands.
    """

    moments: Moments | None = None
    stripes: Stripes | None = None
    outside: Mask | None = None
    shot: SignalDependence | None = None

    def cut(self, rows: slice, columns: slice) -> Whole:
        """The same for a rectangle of pixels of what it describes."""
        stripes = None if self.stripes is None else self.stripes.cut(rows, columns)
        outside = None if self.outside is None else self.outside[rows, columns]
        return Whole(self.moments, stripes, outside, self.shot)


@dataclasses.dataclass(frozen=True, eq=False)
class Measured:
    """The bands and pixels of a cube that hold measurements.

    Attributes
    ----------
    cube : HyperCube
    active : intp ndarray, (active,)
        Bands with at least two different valid values that are not marked as bad; only
        these are restored.
    hidden : bool ndarray, (y, x), or None
        Pixels that are to count as missing.
    outliers : bool ndarray, (active, y, x), or None
        Values that are to count as missing.
    stripes : Stripes or None
        Taken off the stored values.
    whole : Whole
        What is known of the whole image, where this is a part of it.
    out : float32 ndarray, (bands, y, x), or None
        Where the result goes.
    """

    cube: HyperCube
    active: npt.NDArray[np.intp]
    hidden: Mask | None = None
    outliers: Mask | None = None
    stripes: Stripes | None = None
    whole: Whole = Whole()
    out: Block | None = None

    def cut(self, rows: slice, columns: slice, whole: Whole) -> Measured:
        """The same for a rectangle of pixels.

        Parameters
        ----------
        rows, columns : slice
            With explicit start and stop.
        whole : Whole
            What is known of this, which the part is to use.
        """
        stripes = None if self.stripes is None else self.stripes.cut(rows, columns)
        return Measured(
            self.cube.crop(rows, columns),
            self.active,
            None if self.hidden is None else self.hidden[rows, columns],
            None if self.outliers is None else self.outliers[:, rows, columns],
            stripes,
            whole.cut(rows, columns),
        )

    def valid(self, index: int, stored: npt.NDArray[Any]) -> Mask:
        """Which values of one active band, as stored, (y, x), hold measurements."""
        valid: Mask = self.cube.valid(stored)
        if self.hidden is not None:
            valid &= ~self.hidden
        if self.outliers is not None:
            valid &= ~self.outliers[index]
        return valid

    def new_result(self) -> Block:
        """Where the result is to be written, float32 (bands, y, x)."""
        return np.empty(self.cube.shape, np.float32) if self.out is None else self.out

    def block(self, rows: slice) -> tuple[Block, Mask]:
        """Values and validity of some rows of the active bands.

        Returns
        -------
        float32 ndarray, (active, rows, x)
            0 where not valid.
        bool ndarray, (active, rows, x)
        """
        stored = np.asarray(self.cube.data[:, rows, :])
        if len(self.active) < len(stored):
            stored = stored[self.active]
        valid = self.cube.valid(stored)
        if self.hidden is not None:
            valid &= ~self.hidden[rows]
        if self.outliers is not None:
            valid &= ~self.outliers[:, rows]
        values = stored.astype(np.float32)
        if self.stripes is not None:
            values = self.stripes.taken_off(values, rows)
        values[~valid] = 0.0
        return values, valid

    def row_blocks(self) -> Iterator[slice]:
        """Runs of rows that are read at once."""
        return row_blocks(len(self.active), self.cube)


def find_active(cube: HyperCube) -> Generator[float, None, npt.NDArray[np.intp]]:
    """Bands with at least two different valid values that are not marked as bad.

    Yields
    ------
    float
        Fraction done, after every block of rows.

    Returns
    -------
    intp ndarray, (active,)

    Raises
    ------
    UserError
        If there is none, or its values are too large or too small to compute with.
    """
    low, high = np.full(cube.n_bands, np.inf), np.full(cube.n_bands, -np.inf)
    for rows in row_blocks(cube.n_bands, cube):
        stored = np.asarray(cube.data[:, rows, :])
        valid = cube.valid(stored)
        if valid.all():
            low = np.minimum(low, stored.min(axis=(1, 2)))
            high = np.maximum(high, stored.max(axis=(1, 2)))
        else:
            numbers = stored.astype(np.float64)
            low = np.minimum(low, np.where(valid, numbers, np.inf).min(axis=(1, 2)))
            high = np.maximum(high, np.where(valid, numbers, -np.inf).max(axis=(1, 2)))
        yield rows.stop / cube.shape[1]
    active = np.flatnonzero((high > low) & cube.usable_bands())
    if not active.size:
        raise UserError(
            f"{cube.source or cube.name}: no band has two different valid values (all values are "
            "NaN, no-data, constant or marked bad), so there is nothing to denoise; check the "
            "no-data value."
        )
    check_scale(cube, low[active], high[active])
    return active


def check_scale(cube: HyperCube, low: npt.NDArray[Any], high: npt.NDArray[Any]) -> None:
    """Refuse values whose squares are no numbers in single precision.

    Parameters
    ----------
    cube : HyperCube
    low, high : ndarray, (active,)
        Smallest and largest valid value of every band.

    Raises
    ------
    UserError
    """
    lowest, highest = low.astype(np.float64), high.astype(np.float64)
    name = cube.source or cube.name
    largest = float(np.maximum(np.abs(lowest), np.abs(highest)).max())
    if largest > _LARGEST:
        raise UserError(
            f"{name}: values go up to {largest:.3g}, too large to compute with; "
            "if that marks missing pixels, state it as the no-data value (in an ENVI header 'data "
            "ignore value'), else scale the cube."
        )
    widest = float((highest - lowest).max())
    if widest < _SMALLEST:
        raise UserError(
            f"{name}: the values of a band differ by {widest:.3g} at most, too "
            "little to compute with; multiply the cube by a power of ten first."
        )


def row_blocks(bands: int, cube: HyperCube) -> Iterator[slice]:
    """Runs of rows of so many bands of a cube that are read at once."""
    _, height, width = cube.shape
    rows = max(1, _BLOCK_VALUES // (bands * width))
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))


def moments(measured: Measured) -> Generator[float, None, Moments]:
    """Mean and covariance of the spectra.

    Yields
    ------
    float
        Fraction done, after every block of rows.

    Returns
    -------
    Moments
        Those of the whole image where they are known.
    """
    if measured.whole.moments is not None:
        return measured.whole.moments
    bands = len(measured.active)
    count, total = np.zeros((bands, bands)), np.zeros((bands, bands))
    products = np.zeros((bands, bands))
    origin = _typical(measured)
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        mask = valid.reshape(bands, -1)
        spectra = values.reshape(bands, -1)
        # Differences from a typical spectrum keep single precision exact enough.
        spectra -= origin[:, None]
        if mask.all():
            count += mask.shape[1]
            total += spectra.sum(axis=1, dtype=np.float64)[:, None]
        else:
            spectra *= mask
            weights = mask.astype(np.float32)
            count += weights @ weights.T
            total += spectra @ weights.T
        products += spectra @ spectra.T
        yield rows.stop / measured.cube.shape[1]
    several = np.maximum(count, 1)
    # total[i, j] sums band i over the pixels that are valid in both i and j.
    covariance = products / several - (total / several) * (total / several).T
    covariance[count < 2] = 0.0
    mean = origin + np.diag(total) / np.diag(several)
    return Moments(mean, covariance, int(several.min()))


def _typical(measured: Measured) -> Block:
    """The mean spectrum of the first block that has one, float32 (active,)."""
    origin = np.zeros(len(measured.active), np.float32)
    unknown = np.ones(len(origin), dtype=bool)
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        counts = valid.sum(axis=(1, 2))
        found = unknown & (counts > 0)
        origin[found] = values[found].sum(axis=(1, 2), dtype=np.float64) / counts[found]
        unknown &= ~found
        if not unknown.any():
            break
    return origin


def estimated_noise(measured: Measured) -> Float:
    """The noise of every active band, in stored units, positive, (active,).

    As many bands as share enough pixels are measured together; each other one beside the
    nearest of these. The middle rows of a large cube are measured.
    """
    _, height, width = measured.cube.shape
    count = min(height, max(8, _NOISE_VALUES // (len(measured.active) * width)))
    start = (height - count) // 2
    values, valid = measured.block(slice(start, start + count))
    order = np.argsort(-valid.mean(axis=(1, 2)), kind="stable")
    complete: Mask = np.ones(valid.shape[1:], dtype=bool)
    together: list[int] = []
    for index in order:
        narrowed = complete & valid[index]
        if narrowed.mean() < _ENOUGH_COMPLETE:
            break
        complete = narrowed
        together.append(int(index))
    if not complete.all() and _windows(complete) < _enough(complete.shape):
        together = []
    together.sort()
    sigma = np.zeros(len(values))
    if together:
        sigma[together] = estimate_sigma(_of_bands(values, together), complete)
    for index in order[len(together) :]:
        near = sorted(together, key=lambda band: abs(band - index))
        mask = valid[index] & complete
        enough = _enough(mask.shape)
        if near and mask.mean() >= _LEAST_COMPLETE and _windows(mask) >= enough:
            sigma[index] = estimate_sigma(values[[*near[:_BESIDE], index]], mask)[-1]
        elif _windows(valid[index]) >= enough and not near:
            sigma[index] = estimate_sigma(values[index : index + 1], valid[index])[0]
        else:
            sigma[index] = sigma_of_pairs(values, valid, [*near[:_BESIDE_PAIRS], int(index)])
    missing = sigma <= 0.0
    if missing.any() and not missing.all():
        sigma[missing] = np.median(sigma[~missing])
    known = values[valid]
    floor = _LEAST_SIGMA * float(known.max() - known.min()) if known.size else 0.0
    return np.maximum(sigma, floor or 1e-30)


def _enough(shape: tuple[int, ...]) -> float:
    """Windows that an estimate takes; of a small image half of those that it has."""
    return min(_ENOUGH_WINDOWS, 0.5 * (shape[0] - 1) * (shape[1] - 1))


def _windows(mask: Mask) -> int:
    """How many 2 x 2 windows are valid."""
    return int(np.count_nonzero(mask[:-1, :-1] & mask[1:, :-1] & mask[:-1, 1:] & mask[1:, 1:]))


def _of_bands(values: Block, bands: list[int]) -> Block:
    """Some bands, (bands, y, x); the values themselves where those are all."""
    return values if len(bands) == len(values) else values[bands]


def told_noise(cube: HyperCube, active: npt.NDArray[np.intp], noise: Any) -> Float:
    """The noise of every active band from what the user said, positive, (active,).

    Parameters
    ----------
    noise : float or sequence of float
        One standard deviation where white is 255, or one a band in stored units.

    Raises
    ------
    UserError
        For a wrong number of values, or one that is negative or not finite.
    """
    if np.ndim(noise):
        told = np.asarray(noise, dtype=np.float64)
        if told.shape != (cube.n_bands,):
            raise UserError(
                f"setting 'noise' has {told.size} values, {cube.source or cube.name} has "
                f"{cube.n_bands} bands; give one value for each band."
            )
        told = told[active]
    else:
        from napari_hsi_restore.degradations import reference_white

        told = np.full(len(active), float(noise) / 255.0 * reference_white(cube))
    if not np.all(np.isfinite(told)) or np.any(told < 0):
        raise UserError("setting 'noise': a standard deviation must be a number from 0 upwards.")
    return np.maximum(told, max(float(told.max()), 1e-30) * _LEAST_SIGMA)


def _of_rows(lines: Block, rows: slice) -> Block:
    """Numbers of lines for some rows: one row of them is for all rows."""
    return lines if lines.shape[1] == 1 else lines[:, rows]


def _cut_lines(lines: Block, rows: slice, columns: slice) -> Block:
    """A rectangle of numbers that stand for all rows or all columns, (active, y or 1, x or 1)."""
    return lines[:, :, columns] if lines.shape[1] == 1 else lines[:, rows]
