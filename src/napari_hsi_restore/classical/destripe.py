"""Stripes of push-broom sensors: rows or columns of single bands that are shifted.

A stripe is a shift that the other bands do not share. The mean spectrum of every column
(or row) lies in the spectral subspace of the scene, with hardly any noise; what a robust
fit in that subspace leaves of its value in one band is the shift of that column there.
The subspace is that of the spectra whitened by the unique variance of every band, what
a regression on all other bands leaves (HySime: Bioucas-Dias and Nascimento, IEEE TGRS
46(8), 2008), so that no axis follows the stripes of a band. The fit on line means, its
reweighting and the threshold are ours. As a scene has no preferred direction, what the
same fit leaves along the other axis tells how well the subspace holds the scene.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np

from napari_hsi_restore.classical.low_rank import Restoring
from napari_hsi_restore.classical.measured import (
    Block,
    Float,
    Measured,
    Moments,
    moments,
)
from napari_hsi_restore.classical.portion import portion

_ROUNDS = 20
_RIDGE = 1e-7
_SIGNIFICANT = 3.0
_MAD_TO_SIGMA = 1.4826
_LEAST_BANDS, _LEAST_LINES = 3, 6
_LEAST_VALUES = 4


@dataclasses.dataclass(frozen=True, eq=False)
class _Profiles:
    """Mean of every line in every band and how many values it is of, (active, lines)."""

    means: Float
    counts: Float


def destripe(measured: Measured, sigma: Float) -> Restoring:
    """Remove the stripes of a cube.

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
    float32 ndarray, (bands, y, x)
        Values of lines without a stripe stay exactly as they were.
    """
    level = yield from portion(find_stripes(measured, sigma), 0.0, 0.8)
    cube = measured.cube
    result = measured.new_result()
    for rows in measured.row_blocks():
        result[:, rows] = cube.data[:, rows, :]
        part = result[measured.active, rows]
        valid = measured.block(rows)[1]
        shift = level if level.shape[1] == 1 else level[:, rows]
        part[valid] -= np.broadcast_to(shift, valid.shape)[valid]
        result[measured.active, rows] = part
        yield 0.8 + 0.2 * rows.stop / cube.shape[1]
    return result


def find_stripes(measured: Measured, sigma: Float) -> Generator[float, None, Block]:
    """The shift of every line of every band, along the axis that has more of them.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (active, 1, x) or (active, y, 1)
        In stored units; 0 where there is no stripe. Those of the whole image where they
        are known.
    """
    if measured.whole.shifts is not None:
        return measured.whole.shifts
    found = yield from portion(moments(measured), 0.0, 0.5)
    profiles = yield from portion(_profiles(measured), 0.5, 0.9)
    bands = len(sigma)
    none = np.zeros((bands, 1, measured.cube.shape[2]), np.float32)
    if bands < _LEAST_BANDS or min(measured.cube.shape[1:]) < _LEAST_LINES:
        return none
    left = {axis: _unpredicted(profiles[axis], found, sigma) for axis in profiles}
    yield 1.0
    shifts = {}
    for axis, other in (("columns", "rows"), ("rows", "columns")):
        noise = sigma[:, None] / np.sqrt(np.maximum(profiles[axis].counts, 1))
        model = _spread(left[other], profiles[other])[:, None]
        stands_out = np.abs(left[axis]) > _SIGNIFICANT * np.maximum(noise, model)
        shifts[axis] = np.where(stands_out, left[axis], 0.0)
    power = {axis: np.square(shift / sigma[:, None]).mean() for axis, shift in shifts.items()}
    if power["columns"] >= power["rows"]:
        return shifts["columns"].astype(np.float32)[:, None, :]
    return shifts["rows"].astype(np.float32)[:, :, None]


def _profiles(measured: Measured) -> Generator[float, None, dict[str, _Profiles]]:
    bands, height, width = len(measured.active), *measured.cube.shape[1:]
    total, count = np.zeros((bands, width)), np.zeros((bands, width))
    along, numbers = np.zeros((bands, height)), np.zeros((bands, height))
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        values[~valid] = 0.0
        total += values.sum(axis=1, dtype=np.float64)
        count += valid.sum(axis=1)
        along[:, rows] = values.sum(axis=2, dtype=np.float64)
        numbers[:, rows] = valid.sum(axis=2)
        yield rows.stop / height
    return {
        "columns": _Profiles(total / np.maximum(count, 1), count),
        "rows": _Profiles(along / np.maximum(numbers, 1), numbers),
    }


def _scene_axes(found: Moments, sigma: Float, lines: int) -> Float:
    """Axes of the scene in stored units, scaled to its spread, (active, axes)."""
    scale = np.sqrt(np.maximum(np.diag(found.covariance), np.square(sigma)))
    correlation = found.covariance / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(correlation)
    inverse = np.square(vectors) @ (1.0 / np.maximum(values, _RIDGE))
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
