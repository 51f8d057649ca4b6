"""Walk over a cube in blocks, so that it is never whole in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import CubeData

_BLOCK_BYTES = 64 * 2**20

Place = tuple[slice, slice, slice]


def blocks(data: CubeData, most_bytes: int = _BLOCK_BYTES) -> Iterator[tuple[Place, Any]]:
    """Blocks of values and where they belong; each value comes exactly once.

    Parameters
    ----------
    data : array, (bands, y, x)
        A dask array is walked chunk by chunk, so that nothing is computed twice; an
        array in memory or in a map along its slowest axis, so that a file is read in
        the order in which it lies on the disk.
    most_bytes : int
        Size of a block, unless a dask chunk is larger.

    Yields
    ------
    place : tuple of slice
    values : ndarray
    """
    if isinstance(data, da.Array):
        ends = [np.cumsum((0, *sizes)) for sizes in data.chunks]
        spans = [list(itertools.pairwise(int(end) for end in axis)) for axis in ends]
        for corner in itertools.product(*spans):
            first, second, third = (slice(start, stop) for start, stop in corner)
            place = (first, second, third)
            yield place, data[place].compute()
        return
    yield from _array_blocks(data, most_bytes)


def _array_blocks(data: npt.NDArray[Any], most_bytes: int) -> Iterator[tuple[Place, Any]]:
    slowest = max(range(3), key=lambda axis: abs(data.strides[axis]) * (data.shape[axis] > 1))
    length = data.shape[slowest]
    step = max(1, most_bytes // max(1, data.nbytes // length))
    for start in range(0, length, step):
        spans = [slice(0, n) for n in data.shape]
        spans[slowest] = slice(start, min(start + step, length))
        place = (spans[0], spans[1], spans[2])
        yield place, data[place]
