"""Gains of single lines: rows or columns of a band that a detector of another gain has seen.

What the spectral subspace of the scene predicts of the pixels of a line, from all bands, is
compared with what was measured: the slope of the differences over the prediction is by how
much the gain of that line differs from that of the others. The noise of the pixels is in both,
which biases the slope; how much follows from the projection and is taken off. As for shifts,
what the same fit gives along the other axis tells how well the subspace holds the scene. The
measure and the threshold are ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np

from napari_hsi_restore.noise.measured import Block, Float, Mask, Measured
from napari_hsi_restore.noise.shrinking import alone, believed

_MAD_TO_SIGMA = 1.4826
_LEAST_VALUES = 12
_MOST_OWN = 0.5
# By so much a sum of squares, in units of its uncertainty, must be better [ours].
_CERTAIN, _BY_CHANCE, _BOTH, _MOST = 16.0, 1.5, 4.0, 9.0
_FILLINGS = 3
# A line that differs by more from the others of its band is no detector of another gain: it saw
# nothing, or something else [ours].
_MOST_GAIN = 0.5


@dataclasses.dataclass(frozen=True, eq=False)
class Slopes:
    """Gains of all rows or all columns, less the usual one of their band.

    Attributes
    ----------
    gain : float64 ndarray, (active, lines)
        0 where it is not known.
    uncertainty : float64 ndarray, (active, lines)
        Standard deviation of that by chance, of the noise or of the scene.
    """

    gain: Float
    uncertainty: Float


@dataclasses.dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over the pixels of every line, (active, lines) each.

    They are of 1, the prediction, its square, what it leaves, its square, and the product of
    prediction and what it leaves.
    """

    count: Float
    scene: Float
    scene_2: Float
    left: Float
    left_2: Float
    product: Float

    @classmethod
    def of_none(cls, bands: int, lines: int) -> _Sums:
        """Sums over nothing."""
        return cls(*(np.zeros((bands, lines)) for _ in dataclasses.fields(cls)))

    def add(self, place: slice, axis: int, scene: Block, left: Block, valid: Mask) -> None:
        """Take pixels into account, (active, rows, x) each; `scene` and `left` are 0 elsewhere."""
        terms = (valid, scene, scene * scene, left, left * left, scene * left)
        for field, term in zip(dataclasses.fields(self), terms, strict=True):
            getattr(self, field.name)[:, place] += term.sum(axis=axis, dtype=np.float64)


def line_gains(
    measured: Measured, mean: Float, axes: Float, sigma: Float
) -> Generator[float, None, tuple[Slopes, Slopes]]:
    """How the gain of every column and of every row differs from the others of its band.

    Parameters
    ----------
    measured : Measured
        Without the shifts that are known.
    mean : float64 ndarray, (active,)
        Mean spectrum of the scene, in stored units.
    axes : float64 ndarray, (active, axes)
        Axes of the scene in stored units, scaled to its spread.
    sigma : float64 ndarray, (active,)
        Noise in stored units.

    Yields
    ------
    float
        Fraction done, after every block of rows.

    Returns
    -------
    pair of Slopes
        Of the columns and of the rows.
    """
    bands, (height, width) = len(sigma), measured.cube.shape[1:]
    weighted = axes / np.square(sigma)[:, None]
    # The most probable components, given the noise, are this times the spectrum.
    solve = np.linalg.solve(axes.T @ weighted + np.eye(axes.shape[1]), weighted.T)
    columns, rows_sums = _Sums.of_none(bands, width), _Sums.of_none(bands, height)
    narrow = (solve.astype(np.float32), axes.astype(np.float32))
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        values -= mean.astype(np.float32)[:, None, None]
        values[~valid] = 0.0
        scene = _predicted(values, valid, *narrow)
        scene[~valid] = 0.0
        left = values - scene
        columns.add(slice(None), 1, scene, left, valid)
        rows_sums.add(rows, 2, scene, left, valid)
        yield rows.stop / height
    own = np.einsum("bk,kb->b", axes, solve)
    power = np.einsum("bk,kj,bj->b", axes, (solve * np.square(sigma)) @ solve.T, axes)
    leverage = _Leverage(own, np.square(sigma), power)
    of_columns, of_rows = _slopes(columns, leverage), _slopes(rows_sums, leverage)
    return _beside(of_columns, of_rows), _beside(of_rows, of_columns)


@dataclasses.dataclass(frozen=True, eq=False)
class _Leverage:
    """What is in the prediction of a band beside the scene, (active,) each.

    Attributes
    ----------
    own : float64 ndarray
        Part of the band itself, 0..1.
    noise : float64 ndarray
        Variance of the noise.
    power : float64 ndarray
        Variance of the noise of the prediction.
    """

    own: Float
    noise: Float
    power: Float


def _slopes(sums: _Sums, leverage: _Leverage) -> Slopes:
    """The slopes of what is left over the prediction, as gains."""
    count = np.maximum(sums.count, 1)
    own, noise, power = (part[:, None] for part in (leverage.own, leverage.noise, leverage.power))
    spread = sums.scene_2 - np.square(sums.scene) / count - (count - 1) * power
    together = sums.product - sums.scene * sums.left / count - (count - 1) * (own * noise - power)
    usable = (sums.count >= _LEAST_VALUES) & (spread > count * power) & (own < _MOST_OWN)
    spread = np.where(usable, spread, 1.0)
    slope = np.where(usable, together / spread, np.nan)
    left = sums.left_2 - np.square(sums.left) / count - np.square(np.nan_to_num(slope)) * spread
    scatter = np.sqrt(np.maximum(left / count, noise * (1.0 - own)) / spread) / (1.0 - own)
    # The gain of a line is in the prediction, too, as far as that is made of the band itself.
    gain = slope / (1.0 - own)
    known = usable.any(axis=1)
    gain[known] -= np.nanmedian(gain[known], axis=1, keepdims=True)
    return Slopes(np.nan_to_num(gain), np.where(usable, scatter, np.inf))


def _beside(these: Slopes, others: Slopes) -> Slopes:
    """The slopes along one axis, no better known than those along the other scatter."""
    usable = np.where(np.isfinite(others.uncertainty), np.abs(others.gain), np.nan)
    known = np.isfinite(usable).any(axis=1)
    model = np.zeros(len(usable))
    model[known] = _MAD_TO_SIGMA * np.nanmedian(usable[known], axis=1)
    return Slopes(these.gain, np.maximum(these.uncertainty, model[:, None]))


def split(
    shift: Float, slopes: Slopes, left: Float, uncertainty: Float, at_mean: Float
) -> tuple[Float, Float | None]:
    """Stripes as shifts, as gains or as both, whichever suits the lines of a band best.

    A band has stripes of one kind: one detector has seen it. By default they are shifts; they
    are gains where that explains the lines together better by far, and both where neither does.

    Parameters
    ----------
    shift : float64 ndarray, (active, lines)
        Shifts that stand out, in stored units; 0 for other lines.
    slopes : Slopes
    left, uncertainty : float64 ndarray, (active, lines)
        Shift of every line at its mean and the standard deviation of that.
    at_mean : float64 ndarray, (active, lines)
        The mean without the shift.

    Returns
    -------
    float64 ndarray, (active, lines)
        Shift of every line where the signal is 0.
    float64 ndarray, (active, lines), or None
        Its gain, 1 where it has none of its own; None for 1 everywhere.
    """
    striped = shift != 0.0
    gain = np.ones_like(shift)
    at_zero = shift.copy()
    precise, steep = 1.0 / np.square(uncertainty), 1.0 / np.square(slopes.uncertainty)
    weight = np.square(at_mean) * precise + steep
    only = np.divide(
        left * at_mean * precise + slopes.gain * steep,
        weight,
        out=np.zeros_like(shift),
        where=weight > 0,
    )
    # What changes slowly from line to line is the scene; of the rest no line counts for much.
    own = np.minimum(np.abs(slopes.gain), np.abs(alone(slopes.gain)))
    unlike = np.minimum(np.square(own) * steep, _MOST)
    misfit = np.square(left - only * at_mean) * precise + np.square(slopes.gain - only) * steep
    as_shift = np.where(striped, unlike, 0.0).sum(axis=1)
    as_gain = np.where(striped, np.minimum(misfit, _MOST), 0.0).sum(axis=1)
    as_both = _BOTH * striped.sum(axis=1)
    gains = (np.maximum(as_gain, _BY_CHANCE * striped.sum(axis=1)) + _CERTAIN < as_shift) & (
        as_gain <= as_both + _CERTAIN
    )
    both = ~gains & (as_both + _CERTAIN < as_shift)
    if not (gains | both).any():
        return shift, None
    with np.errstate(divide="ignore"):
        seen = believed(only, 1.0 / np.sqrt(weight)) * (np.abs(only) < _MOST_GAIN)
    slope = np.where(striped & (np.abs(slopes.gain) < _MOST_GAIN), slopes.gain, 0.0)
    at_zero[gains] = np.where(np.abs(only) < _MOST_GAIN, 0.0, shift)[gains]
    gain[gains] += seen[gains]
    at_zero[both] -= (slope * at_mean)[both]
    gain[both] += slope[both]
    return at_zero, gain


def _predicted(values: Block, valid: Mask, solve: Block, axes: Block) -> Block:
    """What the subspace says of deviations from the mean, (active, rows, x)."""
    flat = values.reshape(len(values), -1)
    predicted = axes @ (solve @ flat)
    if not valid.all():
        known = valid.reshape(len(values), -1)
        for _ in range(_FILLINGS):
            predicted = axes @ (solve @ np.where(known, flat, predicted))
    return predicted.reshape(values.shape)
