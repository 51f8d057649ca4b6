"""The chunks of a lazy cube, each decoded once: kept in memory, or in a temporary file.

A compressed chunk gives nothing until all of it is decoded: one pixel costs as much as the whole
piece. So a chunk that was decoded is kept, bands first, in memory of bounded size, or, where
there is one, in a temporary file that ends up holding the whole cube.
"""

from __future__ import annotations

import itertools
import math
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""First and last-plus-one band, row and column."""
Place = tuple[int, int, int]
"""Number of a chunk along the bands, rows and columns."""

# Smaller chunks are decoded several at a time: each call of dask takes a millisecond. [ours]
_CHUNK_BYTES = 8 * 2**20
# But a spectrum, which takes all chunks of its pixels, must not cost more than this for it. [ours]
_SPECTRUM_BYTES = 64 * 2**20
_THREADS = 2


class DecodedChunks:
    """Chunks of a lazy cube, for several threads.

    Parameters
    ----------
    data : dask array, (bands, y, x)
    memory_bytes : int
        At most so much is kept in memory; the chunk that was decoded last always is.

    Attributes
    ----------
    edges : tuple of 3 int ndarray
        Where chunks begin and end along the bands, rows and columns.
    """

    def __init__(self, data: da.Array, memory_bytes: int) -> None:
        self._data = data
        self.edges = _edges(data)
        self._limit = memory_bytes
        self._lock = threading.Condition()
        self._held: OrderedDict[Place, npt.NDArray[Any]] = OrderedDict()
        self._bytes = 0
        self._under_way: set[Place] = set()
        self._file: _UnpackedFile | None = None

    def places(self) -> Iterator[Place]:
        """All chunks, those of the same pixels together."""
        bands, rows, columns = (len(edge) - 1 for edge in self.edges)
        for row, column, band in itertools.product(range(rows), range(columns), range(bands)):
            yield band, row, column

    def touched(self, box: Box) -> list[Place]:
        """The chunks that hold any of a piece."""
        bands, rows, columns = (
            range(
                int(np.searchsorted(edge, first, "right")) - 1,
                int(np.searchsorted(edge, last, "left")),
            )
            for edge, (first, last) in zip(self.edges, box, strict=True)
        )
        return list(itertools.product(bands, rows, columns))

    def box(self, place: Place) -> Box:
        """Bands, rows and columns of a chunk."""
        bands, rows, columns = (
            (int(edge[n]), int(edge[n + 1])) for edge, n in zip(self.edges, place, strict=True)
        )
        return bands, rows, columns

    def cost(self, box: Box) -> int:
        """Bytes of all chunks that hold any of a piece."""
        sizes = [
            int(edge[np.searchsorted(edge, last, "left")])
            - int(edge[np.searchsorted(edge, first, "right") - 1])
            for edge, (first, last) in zip(self.edges, box, strict=True)
        ]
        return math.prod(sizes) * int(self._data.dtype.itemsize)

    @property
    def keeps(self) -> int:
        """Bytes of the decoded chunks that memory may hold."""
        return self._limit

    @property
    def unpacking(self) -> bool:
        """Whether there is a temporary file; it is given up when its disk is full."""
        return self._file is not None

    def unpack_into(self, folder: Path, step: int) -> None:
        """Keep every `step`-th row and column of what is decoded in a temporary file from now on.

        Raises
        ------
        OSError
            If it cannot be made.
        """
        self._file = _UnpackedFile(folder, self.edges, np.dtype(self._data.dtype), step)

    def samples(self, place: Place, step: int) -> npt.NDArray[Any]:
        """Those rows and columns of a chunk whose number in the cube is a multiple of `step`.

        Parameters
        ----------
        place : tuple of int
        step : int

        Returns
        -------
        ndarray, (bands, y, x)
            Not to be written to.

        Raises
        ------
        Exception
            Whatever reading the file raises; a `UserError` where a file of ours is damaged.
        """
        with self._lock:
            while True:
                kept = self._kept(place, step)
                if kept is not None:
                    return kept
                if place not in self._under_way:
                    self._under_way.add(place)
                    break
                self._lock.wait()
        try:
            values = self._decoded(place)
            with self._lock:
                self._keep(place, values)
        finally:
            with self._lock:
                self._under_way.discard(place)
                self._lock.notify_all()
        return _every(values, self.box(place), step, 1)

    def _kept(self, place: Place, step: int) -> npt.NDArray[Any] | None:
        held = self._held.get(place)
        if held is not None:
            self._held.move_to_end(place)
            return _every(held, self.box(place), step, 1)
        file = self._file
        if file is None or step % file.step or place not in file.stored:
            return None
        return _every(file.read(place), self.box(place), step, file.step)

    def _decoded(self, place: Place) -> npt.NDArray[Any]:
        part = self._data[tuple(slice(*span) for span in self.box(place))]
        # Not by a cluster that the user may have connected to.
        values = part.compute(scheduler="threads", num_workers=_THREADS)
        return np.ascontiguousarray(np.asarray(values))

    def _keep(self, place: Place, values: npt.NDArray[Any]) -> None:
        file = self._file
        if file is not None and place not in file.stored:
            try:
                file.write(place, _every(values, self.box(place), file.step, 1))
            except OSError:
                self._file = file = None
        if file is not None and file.step == 1:
            return
        self._held[place] = values
        self._bytes += values.nbytes
        while self._bytes > self._limit and len(self._held) > 1:
            _, old = self._held.popitem(last=False)
            self._bytes -= old.nbytes


class _UnpackedFile:
    """Chunks in a file without a name: those of the same pixels together, each with bands first.

    A band and a spectrum then both lie in few places.
    """

    def __init__(
        self, folder: Path, edges: tuple[Any, ...], dtype: np.dtype[Any], step: int
    ) -> None:
        self.step = step
        self.stored: set[Place] = set()
        self._dtype = dtype
        self._edges = (edges[0], -(-edges[1] // step), -(-edges[2] // step))
        bands, rows, columns = (int(edge[-1]) for edge in self._edges)
        # It goes when it is closed, so that it never stays behind.
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._file.truncate(bands * rows * columns * dtype.itemsize)

    def write(self, place: Place, samples: npt.NDArray[Any]) -> None:
        """Put a chunk there; by one thread at a time."""
        left = np.ascontiguousarray(samples).reshape(-1).view(np.uint8).data
        self._file.seek(self._begin(place))
        while left:
            left = left[self._file.write(left) :]
        self.stored.add(place)

    def read(self, place: Place) -> npt.NDArray[Any]:
        """A map of a chunk; by one thread at a time."""
        shape = self._shape(place)
        if 0 in shape:
            return np.empty(shape, self._dtype)
        # A map for each chunk: pages that stay mapped count as memory of the program.
        mapped: npt.NDArray[Any] = np.memmap(
            self._file, self._dtype, "r", self._begin(place), shape
        )
        return mapped

    def _shape(self, place: Place) -> tuple[int, int, int]:
        bands, rows, columns = (
            int(edge[n + 1] - edge[n]) for edge, n in zip(self._edges, place, strict=True)
        )
        return bands, rows, columns

    def _begin(self, place: Place) -> int:
        _, height, width = self._shape(place)
        bands, _, columns = (int(edge[-1]) for edge in self._edges)
        band, row, column = (int(edge[n]) for edge, n in zip(self._edges, place, strict=True))
        before = bands * (row * columns + height * column) + band * height * width
        return before * self._dtype.itemsize


def _edges(data: da.Array) -> tuple[Any, Any, Any]:
    """Edges of the chunks along each axis; small ones are joined to rows and columns of them."""
    edges = [np.cumsum((0, *(int(size) for size in sizes))) for sizes in data.chunks]
    # Chunks without a value hold nothing to decode.
    edges = [np.unique(edge) for edge in edges]
    largest = [int(np.diff(edge).max()) for edge in edges]
    while True:
        joinable = [axis for axis in (1, 2) if len(edges[axis]) > 2]
        pixels = 2 * largest[1] * largest[2] * data.dtype.itemsize
        too_large = largest[0] * pixels > _CHUNK_BYTES or data.shape[0] * pixels > _SPECTRUM_BYTES
        if not joinable or too_large:
            return edges[0], edges[1], edges[2]
        axis = min(joinable, key=lambda axis: largest[axis])
        edges[axis] = np.unique([*edges[axis][::2], edges[axis][-1]])
        largest[axis] = int(np.diff(edges[axis]).max())


def _every(values: npt.NDArray[Any], box: Box, step: int, held: int) -> npt.NDArray[Any]:
    """Samples at `step` of those of a chunk that are held at a divisor of it."""
    part = step // held
    _, (top, _), (left, _) = box
    first_row, first_column = (
        -(-first // step) * part - -(-first // held) for first in (top, left)
    )
    return values[:, first_row::part, first_column::part]
