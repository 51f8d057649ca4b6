"""Contrast limits from a small sample, so that a cube of any size opens at once."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube

_CHUNKS = 8
"""So many are looked at in a lazy cube. [ours]"""


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
    if isinstance(cube.data, da.Array):
        values = _of_chunks(cube.data)
        valid = values[cube.valid(values)]
        if valid.size:
            return limits_of(valid, percentiles)
    values = sample(cube)
    return limits_of(values[cube.valid(values)], percentiles)


def _of_chunks(data: da.Array) -> npt.NDArray[Any]:
    """Values of a few chunks spread over a lazy cube: each costs unpacking all of it.

    A sample of every band would unpack gigabytes of a file that keeps whole spectra
    together, while napari waits.
    """
    counts = data.numblocks
    places = {
        tuple(
            turn * step % _CHUNKS * n // _CHUNKS for step, n in zip((1, 3, 5), counts, strict=True)
        )
        for turn in range(_CHUNKS)
    }
    found = []
    for place in sorted(places):
        block = data.blocks[place]
        steps = tuple(slice(None, None, -(-size // 32)) for size in block.shape)
        found.append(np.asarray(block[steps]).ravel())
    return np.concatenate(found)


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
