"""Contrast limits from a small sample, so that a cube of any size opens at once."""

from __future__ import annotations

import math
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io.packed_views import packed_views

_CHUNKS = 8
"""At most so many are looked at in a lazy cube. [ours]"""
_DECODED_BYTES = 40 * 2**20
"""Of more than one chunk; so much is decoded in a fifth of a second. [ours]"""


_FEW_PIXELS = 64


def sample(cube: HyperCube, bands: int = 16, rows: int = 32, columns: int = 256) -> Any:
    """Evenly spread stored values.

    Whole rows are touched rather than single pixels: a row is one run in a file
    of every interleave. A map with all bands of a pixel together is sampled in fewer
    columns and more bands; a dask array, whose chunks may be compressed, more thinly.

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
    if isinstance(cube.data, np.memmap) and cube.data.strides[0] <= cube.data.itemsize:
        # Bands of a pixel lie together: each pixel is a page of the file, and bands are free.
        limits = (2 * bands, rows, min(columns, _FEW_PIXELS))
    if isinstance(cube.data, da.Array):
        limits = (bands if bands >= cube.n_bands else min(bands, 6), min(rows, 8), columns)
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


def quick_limits(
    cube: HyperCube, percentiles: tuple[float, float] = (0.5, 99.5)
) -> tuple[float, float] | None:
    """What `contrast_limits` gives, or None where that takes more than an instant.

    Parameters
    ----------
    cube : HyperCube
        A lazy one.
    percentiles : tuple of float
        Lower and upper, 0 to 100.
    """
    if not isinstance(cube.data, da.Array) or _chunk_bytes(cube.data) > _DECODED_BYTES:
        return None
    values = _of_chunks(cube.data)
    valid = values[cube.valid(values)]
    return limits_of(valid, percentiles) if valid.size else None


def _of_chunks(data: da.Array) -> npt.NDArray[Any]:
    """Values of a few chunks spread over a lazy cube: each costs unpacking all of it.

    A sample of every band would unpack gigabytes of a file that keeps whole spectra
    together, while napari waits.
    """
    count = _CHUNKS
    while count > 1 and count * _chunk_bytes(data) > _DECODED_BYTES:
        count //= 2
    # An odd step visits each of 2, 4 or 8 places once.
    places = {
        tuple(
            (2 * (turn * step % count) + 1) * n // (2 * count)
            for step, n in zip((1, 3, 5), data.numblocks, strict=True)
        )
        for turn in range(count)
    }
    views = packed_views(data)
    edges = [np.cumsum((0, *sizes)) for sizes in data.chunks]
    found = []
    for place in sorted(places):
        band, row, column = (
            (int(edge[n]), int(edge[n + 1])) for edge, n in zip(edges, place, strict=True)
        )
        block = data.blocks[place] if views is None else views.exact(0, (band, row, column))
        steps = tuple(slice(None, None, max(1, -(-size // 32))) for size in block.shape)
        found.append(np.asarray(block[steps]).ravel())
    return np.concatenate(found)


def _chunk_bytes(data: da.Array) -> int:
    return int(math.prod(max(sizes) for sizes in data.chunks)) * int(data.dtype.itemsize)


def band_limits(
    cube: HyperCube, band: int, percentiles: tuple[float, float] = (2.0, 98.0)
) -> tuple[float, float]:
    """Limits that stretch one band, from at most 512 x 512 of its stored values."""
    steps = [max(1, -(-size // 512)) for size in cube.shape[1:]]
    views = packed_views(cube.data)
    if views is None:
        values = np.asarray(cube.data[band, :: steps[0], :: steps[1]])
    else:
        # Decoded for the picture anyway.
        whole = views.exact(0, ((band, band + 1), (0, cube.shape[1]), (0, cube.shape[2])))
        values = whole[0, :: steps[0], :: steps[1]]
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
