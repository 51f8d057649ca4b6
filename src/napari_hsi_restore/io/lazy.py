"""Arrays that stay in their file until a piece of them is asked for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Protocol

import dask.array as da
import numpy as np
import numpy.typing as npt
import psutil

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError

_MOST_PIECES = 200_000
"""Each is a task of the graph: so many take a second and 100 MB. [ours]"""

_DECODED_BYTES = 2**30

_LARGEST_PIECE = 2 * 2**30
"""Bytes; no common compressor takes more at once."""


class Pieces(Protocol):
    """What gives pieces of an array on being indexed."""

    shape: tuple[int, ...]
    ndim: int
    dtype: np.dtype[Any]

    def __getitem__(self, item: Any) -> npt.NDArray[Any]:
        """The values of some slices."""


class _Explained:
    """Pieces whose errors, which come long after the file was opened, name the file."""

    def __init__(self, source: Pieces, path: Path) -> None:
        self.source = source
        self.path = path
        self.shape = source.shape
        self.ndim = source.ndim
        self.dtype = source.dtype

    def __getitem__(self, item: Any) -> npt.NDArray[Any]:
        try:
            found = self.source[item]
        except UserError:
            raise
        except FileNotFoundError as error:
            raise UserError(f"{self.path}: the file is not there any more; put it back.") from error
        except Exception as error:  # decoders raise dozens of kinds
            if not self.path.exists():
                raise UserError(
                    f"{self.path}: the file is not there any more; put it back."
                ) from error
            raise UserError(
                f"{self.path}: a part of it cannot be read ({error}); the file is damaged or was "
                "changed meanwhile, copy it again."
            ) from error
        expected = _size(item, self.shape)
        if expected is not None and np.shape(found) != expected:
            raise UserError(
                f"{self.path}: it is not as it was when it was opened (a part has the shape "
                f"{np.shape(found)} and not {expected}); open it again."
            )
        return found


def in_memory(cube: HyperCube) -> HyperCube:
    """The cube with its values decoded once, where it is lazy and small.

    What goes over a cube again and again, by rows or by bands, would decode each compressed
    piece as often. A cube of more than `_DECODED_BYTES` or a quarter of the free memory
    stays as it is.

    Raises
    ------
    UserError
        If a piece is damaged.
    """
    if not isinstance(cube.data, da.Array):
        return cube
    free = float(psutil.virtual_memory().available)
    if cube.data.nbytes > min(_DECODED_BYTES, free / 4):
        return cube
    return cube.replace(data=np.asarray(cube.data))


def _size(item: Any, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Shape of what some slices and numbers give; None where they are anything else."""
    if not isinstance(item, tuple) or len(item) != len(shape):
        return None
    if not all(isinstance(one, slice | int | np.integer) for one in item):
        return None
    pairs = zip(item, shape, strict=True)
    return tuple(len(range(*one.indices(n))) for one, n in pairs if isinstance(one, slice))


def from_pieces(source: Pieces, chunks: tuple[int, ...], path: Path) -> da.Array:
    """A dask array that reads chunks from `source`, in any thread or process.

    Parameters
    ----------
    source : Pieces
    chunks : tuple of int
        Length of a chunk along each axis.
    path : Path
        Of the file, for the sentence about a damaged piece: that is a `UserError` when
        the piece is computed.

    Raises
    ------
    UserError
        If there are more pieces than can be listed, as a damaged file may say.
    """
    count = math.prod(-(-n // max(1, c)) for n, c in zip(source.shape, chunks, strict=True))
    if count > _MOST_PIECES:
        raise UserError(
            f"{path}: the shape {tuple(source.shape)} in {count} pieces is too much to open; the "
            "file is damaged, or save it with larger chunks."
        )
    sizes = (min(n, c) for n, c in zip(source.shape, chunks, strict=True))
    size = math.prod(sizes) * np.dtype(source.dtype).itemsize
    if size > _LARGEST_PIECE:
        raise UserError(
            f"{path}: its pieces of {size / 2**30:.0f} GiB are too large to open; the file is "
            "damaged, or save it with smaller chunks."
        )
    source = _Explained(source, path)
    empty = np.empty((0,) * source.ndim, source.dtype)
    array: da.Array = da.from_array(  # type: ignore[no-untyped-call]
        source, chunks=chunks, asarray=False, name=False, meta=empty
    )
    return array
