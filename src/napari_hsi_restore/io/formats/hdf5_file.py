"""HDF5 files opened so that a damaged one is an error and never a hang, and their lazy arrays."""

from __future__ import annotations

import contextlib
import io
import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import CubeData
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import lazy

SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Below this an array in memory is quicker than a lazy one and costs little.
EAGER_BYTES = 64 * 2**20
_CHUNK_BYTES = 8 * 2**20
_HEAP, _HEAP_HEAD, _OBJECT_HEAD = b"GCOL", 16, 16
_MOST_HEAP = 2**30
_BUFFER = 2**16


class GuardedFile(io.RawIOBase):
    """A read-only file that checks each heap of texts before the HDF5 library sees it.

    A heap whose first object has no length sends the library (2.0) round the same object for
    ever, and it holds every lock meanwhile. Its other structures end with an error by themselves.
    Layout: HDF5 File Format Specification 3.0, III.E "Global Heap".
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        # The library asks for a few bytes at a time, each a round trip on a network drive.
        self._file = io.BufferedReader(io.FileIO(path), _BUFFER)
        self._checks = self._has_long_lengths()

    def _has_long_lengths(self) -> bool:
        """Whether lengths take 8 bytes, as all but very old programs write them."""
        place = 0
        while True:
            self._file.seek(place)
            head = self._file.read(16)
            if len(head) < 16:
                return False
            if head.startswith(SIGNATURE):
                return head[14 if head[8] < 2 else 10] == 8
            place = max(512, 2 * place)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """See `io.IOBase`."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """See `io.IOBase`."""
        return self._file.tell()

    def readable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def seekable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`.

        Raises
        ------
        OSError
            If a damaged heap was read.
        """
        start = self._file.tell()
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view):
            count = self._file.readinto(view[done:])
            if not count:
                break
            done += count
        if self._checks and view[: len(_HEAP)] == _HEAP:
            self._check_heap(start)
            self._file.seek(start + done)
        return done

    def _check_heap(self, start: int) -> None:
        self._file.seek(start)
        head = self._file.read(_HEAP_HEAD)
        if len(head) < _HEAP_HEAD:
            return
        size = struct.unpack("<Q", head[8:])[0]
        # It is read whole, and a damaged file may say any size.
        if size > min(_MOST_HEAP, os.fstat(self._file.fileno()).st_size - start):
            raise OSError("a heap of texts is damaged")
        body = self._file.read(size - _HEAP_HEAD) if size > _HEAP_HEAD else b""
        place = 0
        while place + _OBJECT_HEAD <= len(body):
            number, length = struct.unpack_from("<H6xQ", body, place)
            # The length of free space, number 0, counts its own head; others are padded to 8.
            step = length if number == 0 else _OBJECT_HEAD + -(-length // 8) * 8
            if step < _OBJECT_HEAD or step > size:
                raise OSError("a heap of texts is damaged")
            place += step

    def close(self) -> None:
        """See `io.IOBase`."""
        self._file.close()
        super().close()


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """An `h5py.File` for names, attributes and small arrays.

    Raises
    ------
    UserError
        If the file is damaged, also where that shows inside the ``with`` block.
    """
    import h5py

    try:
        with GuardedFile(path) as raw, h5py.File(raw, "r") as file:
            yield file
    except (OSError, RuntimeError) as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> UserError:
    """The sentence about a damaged file."""
    reason = " ".join(str(error).split())
    return UserError(f"{path}: this HDF5 file is cut short or damaged ({reason}); copy it again.")


class LazyDataset:
    """An HDF5 data set that opens its file anew for each piece.

    No handle stays open, so that it can be used from threads, after a fork and
    in another process (h5py's handles cannot).
    """

    def __init__(self, path: Path, name: str, shape: tuple[int, ...], dtype: str) -> None:
        self.path = path
        self.name = name
        self.shape = shape
        self.ndim = len(shape)
        self.dtype = np.dtype(dtype)

    def __getitem__(self, item: Any) -> npt.NDArray[Any]:
        import h5py

        with h5py.File(self.path, "r") as file:
            values: npt.NDArray[Any] = file[self.name][item]
        return values


def load(path: Path, name: str) -> Any:
    """A data set: its values if it is small or no array of numbers, else lazily.

    Parameters
    ----------
    path : Path
    name : str
        Of the data set.

    Returns
    -------
    Any
        In the axis order of HDF5.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    with opened(path) as file:
        dataset = file[name]
        if not dataset.shape or dataset.dtype.kind not in "uifbc":
            return dataset[()]
        shape, dtype, stored = dataset.shape, dataset.dtype, dataset.chunks
        loaded: CubeData
        if dataset.nbytes <= EAGER_BYTES:
            loaded = dataset[()]
            return loaded
    pieces = LazyDataset(path, name, shape, dtype.str)
    return lazy.from_pieces(pieces, chunks(shape, dtype.itemsize, stored), path)


def chunks(
    shape: tuple[int, ...], itemsize: int, stored: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Chunks of about 8 MiB, made of whole stored chunks, near-cubical in their number."""
    base = list(stored or (1,) * (len(shape) - 1) + (shape[-1],))
    while True:
        growing = [i for i in range(len(shape)) if base[i] < shape[i]]
        if not growing or math.prod(base) * itemsize * 2 > _CHUNK_BYTES:
            return tuple(min(b, n) for b, n in zip(base, shape, strict=True))
        smallest = min(growing, key=lambda i: base[i] / shape[i])
        base[smallest] *= 2
