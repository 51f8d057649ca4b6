"""Walk over a cube in blocks, so that it is never whole in memory."""

from __future__ import annotations

import collections
import contextlib
import contextvars
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import CubeData

_BLOCK_BYTES = 64 * 2**20

Place = tuple[slice, slice, slice]

_watch: contextvars.ContextVar[Callable[[float], None] | None] = contextvars.ContextVar(
    "watch", default=None
)


@contextlib.contextmanager
def watched(callback: Callable[[float], None]) -> Iterator[None]:
    """Have a function told the fraction done after every block of what is walked here."""
    token = _watch.set(callback)
    try:
        yield
    finally:
        _watch.reset(token)


def blocks(data: CubeData, most_bytes: int = _BLOCK_BYTES) -> Iterator[tuple[Place, Any]]:
    """Blocks of values and where they belong; each value comes exactly once.

    Parameters
    ----------
    data : array, (bands, y, x)
        A dask array is walked chunk by chunk, so that nothing is computed twice; where
        this process is the client of a Dask cluster, its workers compute some ahead. An
        array in memory or in a map along its slowest axis, so that a file is read in
        the order in which it lies on the disk.
    most_bytes : int
        Size of a block, unless a dask chunk is larger.

    Yields
    ------
    place : tuple of slice
    values : ndarray
    """
    walk = _chunks(data) if isinstance(data, da.Array) else _array_blocks(data, most_bytes)
    done, watch = 0, _watch.get()
    for place, values in walk:
        yield place, values
        done += int(np.size(values))
        if watch is not None:
            watch(done / max(1, data.size))


def _chunks(data: da.Array) -> Iterator[tuple[Place, Any]]:
    ends = [np.cumsum((0, *sizes)) for sizes in data.chunks]
    spans = [list(itertools.pairwise(int(end) for end in axis)) for axis in ends]
    places: Iterator[Place] = (
        (slice(*first), slice(*second), slice(*third))
        for first, second, third in itertools.product(*spans)
    )
    client = _cluster()
    if client is None:
        for place in places:
            yield place, data[place].compute()
        return
    ahead = 2 * max(1, sum(client.nthreads().values()))
    begun: collections.deque[tuple[Place, Any]] = collections.deque()
    for place in places:
        begun.append((place, client.compute(data[place])))
        if len(begun) > ahead:
            first, future = begun.popleft()
            yield first, future.result()
    while begun:
        first, future = begun.popleft()
        yield first, future.result()


def _cluster() -> Any:
    """The client of a Dask cluster that this process is, or None."""
    # Who has one has imported it.
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.default_client()
    except ValueError:
        return None


def _array_blocks(data: npt.NDArray[Any], most_bytes: int) -> Iterator[tuple[Place, Any]]:
    slowest = max(range(3), key=lambda axis: abs(data.strides[axis]) * (data.shape[axis] > 1))
    length = data.shape[slowest]
    step = max(1, most_bytes // max(1, data.nbytes // length))
    for start in range(0, length, step):
        spans = [slice(0, n) for n in data.shape]
        spans[slowest] = slice(start, min(start + step, length))
        place = (spans[0], spans[1], spans[2])
        yield place, data[place]
