"""Contrast limits from a small sample, so that a cube of any size opens at once."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube


def sample(cube: HyperCube, bands: int = 16, rows: int = 32, columns: int = 256) -> Any:
    """Evenly spread stored values.

    Whole rows are touched rather than single pixels: a row is one run in a file
    of every interleave. A dask array, whose chunks may be compressed, is sampled
    more thinly.

    Parameters
    ----------
    cube : HyperCube
    bands, rows, columns : int
        At most so many along each axis.

    Returns
    -------
    ndarray, (bands, rows, columns)
    """
    limits = (bands, rows, columns)
    if isinstance(cube.data, da.Array):
        limits = (min(bands, 6), min(rows, 8), columns)
    steps = tuple(-(-size // limit) for size, limit in zip(cube.shape, limits, strict=True))
    chosen = tuple(slice(step // 2, None, step) for step in steps)
    return np.asarray(cube.data[chosen])


def contrast_limits(
    cube: HyperCube, percentiles: tuple[float, float] = (0.5, 99.5)
) -> tuple[float, float]:
    """Robust limits over the whole cube, in stored values.

    Parameters
    ----------
    cube : HyperCube
    percentiles : tuple of float
        Lower and upper, 0 to 100.

    Returns
    -------
    tuple of float
        Always low < high; (0, 1) where nothing is valid.
    """
    values = sample(cube)
    return limits_of(values[cube.valid(values)], percentiles)


def band_limits(
    cube: HyperCube, band: int, percentiles: tuple[float, float] = (2.0, 98.0)
) -> tuple[float, float]:
    """Limits that stretch one band, from at most 512 x 512 of its stored values."""
    steps = [max(1, -(-size // 512)) for size in cube.shape[1:]]
    values = np.asarray(cube.data[band, :: steps[0], :: steps[1]])
    return limits_of(values[cube.valid(values)], percentiles)


def limits_of(
    values: npt.NDArray[Any], percentiles: tuple[float, float] = (0.5, 99.5)
) -> tuple[float, float]:
    """Percentiles of some values as (low, high) with low < high; (0, 1) if there are none."""
    if values.size == 0:
        return 0.0, 1.0
    if values.dtype == bool:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, percentiles))
    if not low < high:
        low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low, low + max(abs(low), 1.0))
