"""Stripes of push-broom sensors: rows or columns of single bands, shifted or of another gain.

A stripe is seen as a shift that the other bands do not share. The mean spectrum of every column
(or row) lies in the spectral subspace of the scene, with hardly any noise; what a robust
fit in that subspace leaves of its value in one band is the shift of that column there.
The subspace is that of the spectra whitened by the unique variance of every band, what
a regression on all other bands leaves (HySime: Bioucas-Dias and Nascimento, IEEE TGRS
46(8), 2008), so that no axis follows the stripes of a band. The fit on line means, its
reweighting and the threshold are ours. As a scene has no preferred direction, what the
same fit leaves along the other axis tells how well the subspace holds the scene. Whether a
line that stands out was seen with another gain is found from its pixels (`stripe_gains`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.noise.measured import (
    Block,
    Float,
    Mask,
    Measured,
    Moments,
    Stripes,
    moments,
)
from napari_hsi_restore.noise.portion import portion
from napari_hsi_restore.noise.shrinking import alone, believed
from napari_hsi_restore.noise.stripe_gains import line_gains, split

Direction = Literal["columns", "rows"]

_ROUNDS = 20
_RIDGE = 1e-7
_MAD_TO_SIGMA = 1.4826
_LEAST_BANDS, _LEAST_LINES = 3, 6
_LEAST_VALUES = 4
_VISIBLE, _OF_SPREAD = 0.25, 0.03
_SIGNIFICANT, _STRIPED_LINES, _STRIPED_SHARE = 5.0, 3, 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class _Profiles:
    """Mean of every line in every band, (active, lines).

    `counts` says of how many values it is, `error` its standard deviation for what is missing.
    """

    means: Float
    counts: Float
    error: Float


@dataclasses.dataclass(frozen=True, eq=False)
class Lines:
    """What the scene does not explain of the means of all rows or all columns.

    Attributes
    ----------
    left : float64 ndarray, (active, lines)
        In stored units.
    uncertainty : float64 ndarray, (active, lines)
        Standard deviation of that by chance: of the noise, or of how well the same
        fit holds the scene along the other axis.
    means : float64 ndarray, (active, lines)
        Of the stored values.
    """

    left: Float
    uncertainty: Float
    means: Float


def find_stripes(measured: Measured, sigma: Float) -> Generator[float, None, Stripes]:
    """Shift and gain of every line of every band, along the axis that has more of them.

    A line has a gain of its own where that stands out; else it is only shifted.

    Parameters
    ----------
    measured : Measured
    sigma : float64 ndarray, (active,)
        Noise in stored units.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    Stripes
        Of the active bands. Those of the whole image where they are known.
    """
    if measured.whole.stripes is not None:
        return measured.whole.stripes
    scene = yield from portion(moments(measured), 0.0, 0.3)
    found = yield from portion(_lines(measured, sigma, scene), 0.3, 0.6)
    if found is None:
        return Stripes(np.zeros((len(sigma), 1, measured.cube.shape[2]), np.float32))
    shifts = {axis: believed(lines.left, lines.uncertainty) for axis, lines in found.items()}
    spread = np.sqrt(np.diag(scene.covariance))
    power = {}
    for name, lines in found.items():
        size = plain_stripes(lines, sigma, spread)[1]
        every = np.square(shifts[name] / sigma[:, None])
        power[name] = float(size.sum()), float(every.mean())
    axis: Direction = "columns" if power["columns"] >= power["rows"] else "rows"
    if not shifts[axis].any():
        return _stripes(axis, shifts[axis])
    steps = split_stripes(measured, sigma, scene, found[axis], axis)
    return (yield from portion(steps, 0.6, 1.0))


def plain_stripes(
    lines: Lines, sigma: Float, spread: Float, bright: Float | None = None
) -> tuple[npt.NDArray[np.intp], Float]:
    """Bands in which stripes are plain to see [ours].

    Parameters
    ----------
    lines : Lines
    sigma, spread : float64 ndarray, (active,)
        Noise and standard deviation of the bands: the fine texture of a scene without noise is
        no better known than a part of its spread.
    bright : float64 ndarray, (active,), optional
        By how much more the noise is where the signal is largest.

    Returns
    -------
    intp ndarray, (striped,)
        By index among the active bands.
    float64 ndarray, (lines,)
        Squares of the shifts of all their lines that stand out, in units of the noise.
    """
    more = np.ones((len(sigma), 1)) if bright is None else bright[:, None]
    least = np.maximum(_VISIBLE * sigma, _OF_SPREAD * spread)[:, None]
    limit = np.maximum(_SIGNIFICANT * lines.uncertainty * more, least)
    # What changes slowly from line to line is the scene.
    shifted = np.minimum(np.abs(lines.left), np.abs(alone(lines.left))) > limit
    needed = max(_STRIPED_LINES, _STRIPED_SHARE * shifted.shape[1])
    bands = np.flatnonzero(shifted.sum(axis=1) >= needed)
    return bands, np.square(lines.left / sigma[:, None])[bands][shifted[bands]]


def split_stripes(
    measured: Measured, sigma: Float, scene: Moments, lines: Lines, axis: Direction
) -> Generator[float, None, Stripes]:
    """Tell shifts from gains for the lines along one axis.

    Parameters
    ----------
    measured : Measured
    sigma : float64 ndarray, (active,)
        Noise in stored units.
    scene : Moments
        Of `measured`.
    lines : Lines
    axis : {'columns', 'rows'}
        What `lines` are.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    Stripes
        Of the active bands.
    """
    shift = believed(lines.left, lines.uncertainty)
    even = dataclasses.replace(measured, stripes=_stripes(axis, shift))
    axes = _scene_axes(scene, sigma, shift.shape[1])
    both = yield from line_gains(even, scene.mean, axes, sigma)
    slopes = both[0] if axis == "columns" else both[1]
    shift, gain = split(shift, slopes, lines.left, lines.uncertainty, lines.means - lines.left)
    return _stripes(axis, shift, gain)


def _stripes(axis: Direction, shift: Float, gain: Float | None = None) -> Stripes:
    """Stripes from what is known of the lines of an axis, (active, lines) each."""
    place = (slice(None), None) if axis == "columns" else (slice(None), slice(None), None)
    wide = None if gain is None else gain.astype(np.float32)[place]
    return Stripes(shift.astype(np.float32)[place], wide)


def line_shifts(
    measured: Measured, sigma: Float
) -> Generator[float, None, dict[Direction, Lines] | None]:
    """What the scene does not explain of the mean of every row and every column.

    Parameters
    ----------
    measured : Measured
    sigma : float64 ndarray, (active,)
        Noise in stored units.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    dict or None
        None where there are too few bands or lines to tell.
    """
    scene = yield from portion(moments(measured), 0.0, 0.5)
    return (yield from portion(_lines(measured, sigma, scene), 0.5, 1.0))


def _lines(
    measured: Measured, sigma: Float, found: Moments
) -> Generator[float, None, dict[Direction, Lines] | None]:
    profiles = yield from portion(_profiles(measured), 0.0, 0.8)
    if len(sigma) < _LEAST_BANDS or min(measured.cube.shape[1:]) < _LEAST_LINES:
        return None
    left = {axis: _unpredicted(profiles[axis], found, sigma) for axis in profiles}
    yield 1.0
    lines: dict[Direction, Lines] = {}
    pairs: tuple[tuple[Direction, Direction], ...] = (("columns", "rows"), ("rows", "columns"))
    for axis, other in pairs:
        noise = sigma[:, None] / np.sqrt(np.maximum(profiles[axis].counts, 1))
        noise = np.hypot(noise, profiles[axis].error)
        model = _spread(left[other], profiles[other])[:, None]
        lines[axis] = Lines(left[axis], np.maximum(noise, model), profiles[axis].means)
    return lines


def _profiles(measured: Measured) -> Generator[float, None, dict[Direction, _Profiles]]:
    bands, height, width = len(measured.active), *measured.cube.shape[1:]
    total, count, seen = (np.zeros((bands, width)) for _ in range(3))
    along, numbers, known = (np.zeros((bands, height)) for _ in range(3))
    columns = _Steps(bands, width)
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        count += valid.sum(axis=1)
        numbers[:, rows] = valid.sum(axis=2)
        # Lines of which different pixels are missing would differ by the scene alone.
        for index in np.flatnonzero(~valid.all(axis=(1, 2))):
            beside, there = _beside(values[index], valid[index])
            columns.add(int(index), values[index] - beside, valid[index] & there)
            values[index] = np.where(valid[index], values[index], np.where(there, beside, 0.0))
            valid[index] |= there
        seen += valid.sum(axis=1)
        known[:, rows] = valid.sum(axis=2)
        total += values.sum(axis=1, dtype=np.float64)
        along[:, rows] = values.sum(axis=2, dtype=np.float64)
        yield rows.stop / height
    filled = (seen - count) / np.maximum(seen, 1)
    step, spread = columns.found()
    error = spread * np.sqrt(filled / np.maximum(seen, 1))
    return {
        "columns": _Profiles(total / np.maximum(seen, 1) + filled * step, count, error),
        "rows": _Profiles(along / np.maximum(known, 1), numbers, np.zeros_like(along)),
    }


class _Steps:
    """By how much the pixels of a column differ from those beside them, of bands with gaps.

    What is missing in a column is taken from beside it, and differs from that as the rest of
    the column does.
    """

    def __init__(self, bands: int, width: int) -> None:
        self._count, self._sum, self._squares = (np.zeros((bands, width)) for _ in range(3))

    def add(self, index: int, step: Block, known: Mask) -> None:
        """Take some rows of a band into account, (rows, x) each."""
        chosen = np.where(known, step, np.float32(0.0)).astype(np.float64)
        self._count[index] += known.sum(axis=0)
        self._sum[index] += chosen.sum(axis=0)
        self._squares[index] += np.square(chosen).sum(axis=0)

    def found(self) -> tuple[Float, Float]:
        """Mean and standard deviation, (bands, x) each."""
        count = np.maximum(self._count, 1)
        mean = self._sum / count
        return mean, np.sqrt(np.maximum(self._squares / count - np.square(mean), 0.0))


def _beside(values: Block, valid: Mask) -> tuple[Block, Mask]:
    """The nearest valid pixel to the left of each, or to its right, and where there is one."""
    places, last = np.arange(valid.shape[1]), valid.shape[1]
    left = np.full(valid.shape, -1)
    left[:, 1:] = np.maximum.accumulate(np.where(valid, places, -1), axis=1)[:, :-1]
    right = np.full(valid.shape, last)
    ends = np.minimum.accumulate(np.where(valid, places, last)[:, ::-1], axis=1)[:, ::-1]
    right[:, :-1] = ends[:, 1:]
    nearest = np.where(left >= 0, left, right)
    found = np.take_along_axis(values, np.minimum(nearest, last - 1), axis=1)
    return found, nearest < last


def _scene_axes(found: Moments, sigma: Float, lines: int) -> Float:
    """Axes of the scene in stored units, scaled to its spread, (active, axes)."""
    scale = np.sqrt(np.maximum(np.diag(found.covariance), np.square(sigma)))
    correlation = found.covariance / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(correlation)
    # Where values are missing the elements are of different pixels, and some may be negative:
    # by as much the small ones are not known.
    ridge = max(_RIDGE, -2.0 * float(values[0]))
    inverse = np.square(vectors) @ (1.0 / np.maximum(values, ridge))
    unique = np.maximum(scale / np.sqrt(inverse), sigma)
    values, vectors = np.linalg.eigh(found.covariance / np.outer(unique, unique))
    # Stripes are as many samples as there are lines, not pixels.
    edge = (1.0 + np.sqrt(len(sigma) / lines)) ** 2
    scene = values > edge
    return np.asarray(vectors[:, scene] * np.sqrt(values[scene] - 1.0) * unique[:, None])


def _unpredicted(profiles: _Profiles, found: Moments, sigma: Float) -> Float:
    """What a robust fit leaves of every line mean, in stored units, (active, lines).

    Iteratively reweighted least squares for the sum of absolute residuals, in units of
    the noise of a line mean, with a unit Gaussian prior along the axes.
    """
    axes = _scene_axes(found, sigma, profiles.means.shape[1])
    means = profiles.means - found.mean[:, None]
    noise = sigma[:, None] / np.sqrt(np.maximum(profiles.counts, 1))
    usable = profiles.counts >= _LEAST_VALUES
    pairs = np.einsum("bi,bj->bij", axes, axes).reshape(len(axes), -1)
    prior = np.eye(axes.shape[1])
    left = means
    weights = usable / np.square(noise)
    for _ in range(_ROUNDS):
        gram = (weights.T @ pairs).reshape(means.shape[1], *prior.shape) + prior
        wanted = (axes.T @ (weights * means)).T
        left = means - axes @ np.linalg.solve(gram, wanted[..., None])[..., 0].T
        weights = usable / (noise * np.maximum(np.abs(left), noise))
    return np.where(usable, left, 0.0)


def _spread(left: Float, profiles: _Profiles) -> Float:
    """Robust spread of a residual over the lines of every band, (active,)."""
    usable = np.where(profiles.counts >= _LEAST_VALUES, np.abs(left), np.nan)
    return np.asarray(_MAD_TO_SIGMA * np.nan_to_num(np.nanmedian(usable, axis=1)))
