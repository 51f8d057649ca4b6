"""Memory maps that ask the system for the pieces of a file before they are touched.

A spectrum of a band-sequential file lies in as many places as there are bands. Touching
them one after the other waits for the disk each time, and each time the system reads a
good deal around the place; asked for all at once, they come together.

A file that another program made shorter meanwhile is an error before its pages are touched:
touching them would end the process, with napari and all that is in it.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.errors import UserError

# Bytes between two pieces that are cheaper to read along than to leave out.
_GAP = 64 * 2**10
# Beyond these the view is no picture or spectrum, and the system's own read-ahead does better.
_MOST_PIECES, _MOST_BYTES = 8192, 64 * 2**20
# Windows has no such advice.
_WILL_NEED: int | None = getattr(mmap, "MADV_WILLNEED", None)


class Mapped(np.memmap[Any, Any]):
    """A read-only memory map; a small view of it is asked for before it is touched.

    Everything else is as for `numpy.memmap`, but that a file which became shorter is a
    `UserError` when the map is indexed, computed with, or copied, and that a band, a row or a
    spectrum is read at once unless it is large.
    """

    def __getitem__(self, index: Any) -> Any:
        """A view, which is on its way from the disk; of a single band, row or pixel a copy.

        Raises
        ------
        UserError
            If the file is shorter than it was.
        """
        underlying = _map_of(self)
        if underlying is not None:
            self._check(underlying)
        found = super().__getitem__(index)
        if not isinstance(found, Mapped):
            return found
        if underlying is None or _map_of(found) is None:
            return found.view(np.ndarray)
        ask_ahead(found, underlying)
        if found.ndim < self.ndim and found.nbytes <= _MOST_BYTES:
            # napari keeps the band that it shows for as long as it shows it.
            return found.view(np.ndarray).copy()
        return found

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """What numpy computes with maps is computed with plain arrays, once their files are whole.

        Raises
        ------
        UserError
            If one of the files is shorter than it was.
        """
        plain = [one._whole() if isinstance(one, Mapped) else one for one in inputs]
        return getattr(ufunc, method)(*plain, **options)

    def astype(self, *arguments: Any, **options: Any) -> Any:
        """As for any array; the result belongs to no file.

        Raises
        ------
        UserError
            If the file is shorter than it was.
        """
        return self._whole().astype(*arguments, **options)

    def copy(self, *arguments: Any, **options: Any) -> Any:
        """As for any array; the result belongs to no file.

        Raises
        ------
        UserError
            If the file is shorter than it was.
        """
        return self._whole().copy(*arguments, **options)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """For another process its place in the file, which has to be there under that name."""
        underlying = _map_of(self)
        if underlying is None or self.filename is None:
            return np.asarray(self._whole()).copy().__reduce_ex__(protocol)
        begin = self.offset - self.offset % mmap.ALLOCATIONGRANULARITY
        ahead = _address(self) - _address(np.frombuffer(underlying, np.uint8, 1))
        place = (str(self.filename), self.dtype.str, begin + ahead, self.shape, self.strides)
        return _view_of_file, place

    def __array_wrap__(
        self, array: npt.NDArray[Any], context: Any = None, return_scalar: bool = False
    ) -> Any:
        """What is computed from a map is an ordinary array."""
        plain = array.view(np.ndarray)
        return plain[()] if return_scalar else plain

    def __repr__(self) -> str:
        """As for any array; also for napari, which prints all variables when something fails."""
        try:
            return repr(self._whole())
        except UserError as error:
            return f"<{type(self).__name__} {self.shape}: {error}>"

    __str__ = __repr__

    def _whole(self) -> npt.NDArray[Any]:
        underlying = _map_of(self)
        if underlying is not None:
            self._check(underlying)
        return self.view(np.ndarray)

    def _check(self, underlying: mmap.mmap) -> None:
        if self.filename is None:
            return
        begin = self.offset - self.offset % mmap.ALLOCATIONGRANULARITY
        try:
            size = underlying.size()
        except (OSError, ValueError) as error:
            raise UserError(
                f"{self.filename}: the file cannot be read any more ({error}); open it again."
            ) from error
        if size < begin + len(underlying):
            raise UserError(
                f"{self.filename}: another program made the file shorter while it was open; open "
                "it again when it is whole."
            )


def open_mapped(
    path: Path, dtype: npt.DTypeLike, offset: int, shape: tuple[int, ...]
) -> npt.NDArray[Any]:
    """Map an array in C order into memory, read-only.

    Parameters
    ----------
    path : Path
    dtype : dtype
        With its byte order.
    offset : int
        Byte of the file at which the array begins.
    shape : tuple of int

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is shorter than the array.
    """
    return Mapped(path, np.dtype(dtype), "r", offset, shape)


def part_of_file(
    path: Path,
    dtype: np.dtype[Any],
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
) -> npt.NDArray[Any]:
    """Map a file into memory, read-only, and give the array that lies in it.

    Parameters
    ----------
    path : Path
    dtype : dtype
        With its byte order.
    offset : int
        Byte of the file at which the first value lies.
    shape, strides : tuple of int
        Of the array; strides in bytes.

    Raises
    ------
    OSError
        If the file cannot be opened.
    TypeError
        If it is shorter than the array.
    """
    whole: Any = Mapped(path, np.dtype(np.uint8), "r")
    values: Any = np.ndarray(shape, dtype, whole, offset, strides).view(Mapped)
    # What numpy hands on to other views: without the name nobody looks at the file's size.
    values._mmap, values.filename = whole._mmap, whole.filename
    values.offset, values.mode = whole.offset, whole.mode
    mapped: npt.NDArray[Any] = values
    return mapped


def ask_ahead(view: npt.NDArray[Any], underlying: mmap.mmap) -> None:
    """Ask the system to read the pieces of a small view, without waiting for them."""
    if _WILL_NEED is None:
        return
    begin = _address(np.frombuffer(underlying, np.uint8, 1))
    for start, length in pieces(view):
        first = (start - begin) // mmap.PAGESIZE * mmap.PAGESIZE
        underlying.madvise(_WILL_NEED, first, start - begin + length - first)


def pieces(view: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """The runs of memory in which the values of a view lie, from the lowest address.

    Parameters
    ----------
    view : ndarray, any shape and strides

    Yields
    ------
    address, length : int
        In bytes; nothing for a view that is empty, large or in too many pieces.
    """
    if view.size == 0:
        return
    run = view.itemsize
    scattered: list[tuple[int, int]] = []
    for axis in sorted(range(view.ndim), key=lambda axis: abs(view.strides[axis])):
        step, count = abs(view.strides[axis]), view.shape[axis]
        if not scattered and step <= run + _GAP:
            run += step * (count - 1)
        else:
            scattered.append((step, count))
    number = int(np.prod([count for _, count in scattered], dtype=np.int64))
    if number > _MOST_PIECES or number * run > _MOST_BYTES:
        return
    # A negative stride begins at its last value.
    backwards = zip(view.strides, view.shape, strict=True)
    lowest = _address(view) + sum(min(0, step * (count - 1)) for step, count in backwards)
    starts = np.array([lowest])
    for step, count in scattered:
        starts = (starts[:, None] + step * np.arange(count)).ravel()
    for start in np.sort(starts).tolist():
        yield start, run


def _address(array: npt.NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _view_of_file(
    path: str, dtype: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> npt.NDArray[Any]:
    """What a `Mapped` that came from another process is here."""
    try:
        return part_of_file(Path(path), np.dtype(dtype), offset, shape, strides)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: cannot be read by another process ({error}); every process needs the file "
            "under this very name."
        ) from error


def _map_of(array: npt.NDArray[Any]) -> mmap.mmap | None:
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
