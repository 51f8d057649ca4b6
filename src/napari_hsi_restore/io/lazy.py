"""Arrays that stay in their file until a piece of them is asked for."""

from __future__ import annotations

from typing import Any, Protocol

import dask.array as da
import numpy as np
import numpy.typing as npt


class Pieces(Protocol):
    """What gives pieces of an array on being indexed."""

    shape: tuple[int, ...]
    ndim: int
    dtype: np.dtype[Any]

    def __getitem__(self, item: Any) -> npt.NDArray[Any]:
        """The values of some slices."""


def from_pieces(source: Pieces, chunks: tuple[int, ...]) -> da.Array:
    """A dask array that reads chunks from `source`, in any thread or process.

    Parameters
    ----------
    source : Pieces
    chunks : tuple of int
        Length of a chunk along each axis.
    """
    empty = np.empty((0,) * source.ndim, source.dtype)
    array: da.Array = da.from_array(  # type: ignore[no-untyped-call]
        source, chunks=chunks, asarray=False, name=False, meta=empty
    )
    return array
