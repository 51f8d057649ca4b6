"""Where the values of a map lie in their file, and maps of them anew."""

from __future__ import annotations

import dataclasses
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.io.mapped import open_mapped


@dataclasses.dataclass(frozen=True)
class StoredMap:
    """A cube that lies in a file in one piece.

    Attributes
    ----------
    path : Path
    offset : int
        First byte.
    order : tuple of int
        Axes of the cube from slowest to fastest.
    shape : tuple of int
        (bands, y, x).
    dtype : dtype
    """

    path: Path
    offset: int
    order: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def open(self) -> npt.NDArray[Any]:
        """A map of its own, (bands, y, x): what was read through it is let go with it."""
        stored = tuple(self.shape[axis] for axis in self.order)
        back = tuple(np.argsort(self.order))
        return open_mapped(self.path, self.dtype, self.offset, stored).transpose(back)


def stored_map(data: Any) -> StoredMap | None:
    """Where a map lies in its file; None if it is only a part of what lies there.

    Parameters
    ----------
    data : numpy.memmap, (bands, y, x)
        Of any order of the axes.
    """
    base: Any = data
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            owner = base
        base = base.base
    name = getattr(data, "filename", None)
    if not isinstance(base, mmap.mmap) or name is None or min(data.strides) <= 0:
        return None
    order = tuple(int(axis) for axis in np.argsort([-stride for stride in data.strides]))
    plain = data.transpose(order)
    if not plain.flags.c_contiguous:
        return None
    begin = np.frombuffer(base, np.uint8, 1).__array_interface__["data"][0]
    page = owner.offset - owner.offset % mmap.ALLOCATIONGRANULARITY
    offset = page + data.__array_interface__["data"][0] - begin
    return StoredMap(Path(name), offset, order, data.shape, data.dtype)


def every(first: int, last: int, step: int) -> slice:
    """The slice of an axis whose samples `first` to `last` are every `step`-th of its values."""
    return slice(first * step, (last - 1) * step + 1, step)
