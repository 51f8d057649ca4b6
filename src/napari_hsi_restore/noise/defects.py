"""Values that no detector measured: dead lines, and single pixels stuck at one value."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_hsi_restore.noise.measured import Mask, Measured

# A line of fewer values may be constant by itself.
_LEAST_LINE = 6
_LEAST_SHARE = 0.01
# What nearly all pixels have is a background, and too few are left to fill them from.
_MOST = 0.9
_TIMES_THE_USUAL = 8.0
_SAMPLE = 32768
_LEAST_LEVELS = 64
# Lines that are shifted have levels of their own, with few values each.
_LEAST_USUAL_LEVELS = 16
_FREQUENT = 0.2
# Stuck pixels lie alone; a saturated or dark area is full of neighbours.
_TIMES_BY_CHANCE, _MOST_CORRELATED = 1.3, 0.15
# They do not care for the scene; values that were cut off lie where it is about as dark.
_LEAST_ANYWHERE = 0.5
_AROUND = 5
_FAR = 0.1


def mark_defects(measured: Measured) -> Generator[float, None, Measured]:
    """Count dead lines and stuck pixels as missing.

    A row or column of a band is dead when all its valid values are the same while other
    lines of the band vary. A value is stuck when it is repeated far more often than its
    neighbours in value, at pixels that lie as if by chance, in bright and in dark
    surroundings alike. The rules are ours.

    Yields
    ------
    float
        Fraction done, after every band.

    Returns
    -------
    Measured
        The same, with more `outliers`.
    """
    cube = measured.cube
    outliers = np.zeros((len(measured.active), *cube.shape[1:]), dtype=bool)
    if measured.outliers is not None:
        outliers |= measured.outliers
    for index, band in enumerate(measured.active):
        values = np.asarray(cube.data[int(band)])
        valid = cube.valid(values)
        if measured.hidden is not None:
            valid &= ~measured.hidden
        lines = dead_lines(values, valid)
        outliers[index] |= lines | stuck_pixels(values, valid & ~lines)
        yield (index + 1) / len(measured.active)
    return dataclasses.replace(measured, outliers=outliers) if outliers.any() else measured


def dead_lines(values: npt.NDArray[np.generic], valid: Mask) -> Mask:
    """Pixels of rows and columns without any variation.

    Parameters
    ----------
    values : ndarray, (y, x)
        Any units.
    valid : bool ndarray, (y, x)

    Returns
    -------
    bool ndarray, (y, x)
        Nothing where more than half of the lines are like that: then it is the scene.
    """
    numbers = values.astype(np.float64)
    dead = np.zeros(values.shape, dtype=bool)
    for axis in (0, 1):
        low = np.where(valid, numbers, np.inf).min(axis=axis)
        high = np.where(valid, numbers, -np.inf).max(axis=axis)
        flat = (low == high) & (valid.sum(axis=axis) >= _LEAST_LINE)
        if 0 < flat.sum() <= len(flat) // 2:
            others = numbers[valid & ~np.expand_dims(flat, axis)]
            for place in np.flatnonzero(flat):
                # A value that is frequent everywhere may fill a line by chance.
                flat[place] = np.mean(others == low[place]) <= _FREQUENT
            dead |= np.expand_dims(flat, axis)
    return dead & valid


def stuck_pixels(values: npt.NDArray[np.generic], valid: Mask) -> Mask:
    """Pixels at a value that is repeated too often to be measured.

    Parameters
    ----------
    values : ndarray, (y, x)
        Any units.
    valid : bool ndarray, (y, x)

    Returns
    -------
    bool ndarray, (y, x)
    """
    stuck = np.zeros(values.shape, dtype=bool)
    if not _repeats(values[valid]):
        return stuck
    found, counts = np.unique(values[valid], return_counts=True)
    total = int(counts.sum())
    # Among so few levels, such as small numbers of photons, one is always frequent.
    if len(found) < _LEAST_LEVELS or _usual_levels(counts) < _LEAST_USUAL_LEVELS:
        return stuck
    for place in np.argsort(counts)[::-1][:2]:
        near = np.delete(counts[max(place - 5, 0) : place + 6], min(place, 5))
        usual = max(float(np.median(near)), 1.0)
        least = max(_LEAST_SHARE * total, _TIMES_THE_USUAL * usual)
        if least < counts[place] <= _MOST * total:
            alike = valid & (values == found[place])
            if not _cut_off(values, valid, alike):
                stuck |= alike
    share = stuck.sum() / max(total, 1)
    if not 0 < share < 1:
        return stuck
    crowd = ndimage.convolve(stuck.astype(np.float32), _FOUR, mode="constant")
    seen = ndimage.convolve(valid.astype(np.float32), _FOUR, mode="constant")
    by_chance = float(crowd[stuck].sum()) / max(float(seen[stuck].sum()), 1.0)
    # The first is strict where few are stuck, the second where most are.
    alone = by_chance < _TIMES_BY_CHANCE * share + _LEAST_SHARE
    alone &= by_chance - share < _MOST_CORRELATED * (1.0 - share)
    return stuck if alone else np.zeros_like(stuck)


def _usual_levels(counts: npt.NDArray[np.intp]) -> int:
    """How many levels hold half of the values but for the two most frequent ones."""
    rest = np.sort(counts)[-3::-1]
    return int(np.searchsorted(np.cumsum(rest), 0.5 * rest.sum())) + 1


def _cut_off(values: npt.NDArray[np.generic], valid: Mask, alike: Mask) -> bool:
    """Whether a value is one below or above which the scene was cut off, such as 0.

    Then pixels have it where their surroundings are near to it. Impulses have it anywhere.
    """
    others = (valid & ~alike).astype(np.float32)
    numbers = np.where(others > 0, values, 0).astype(np.float32)
    around = ndimage.uniform_filter(numbers, _AROUND, mode="constant")
    count = ndimage.uniform_filter(others, _AROUND, mode="constant")
    known = valid & (count > 0.5 / _AROUND**2)
    if not known.any():
        return False
    value = float(values[alike][0])
    distance = np.abs(around[known] / count[known] - value)
    far = distance > np.quantile(distance, 1.0 - _FAR)
    if not far.any():
        return False
    there = alike[known]
    return bool(there[far].mean() < _LEAST_ANYWHERE * there[~far].mean())


def _repeats(values: npt.NDArray[np.generic]) -> bool:
    """Whether a value may be repeated often enough to be stuck, from a sample."""
    sample = values[:: max(1, values.size // _SAMPLE)]
    if not sample.size:
        return False
    counts = np.unique(sample, return_counts=True)[1]
    return bool(counts.max() > _LEAST_SHARE / 2 * sample.size)


_FOUR = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32)
