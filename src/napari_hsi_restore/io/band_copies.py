"""The coarse overview and the sorted copy of a cube whose bands lie scattered in its file.

Both are made by a thread of their own, from the first row of the file to the last, as long as
anybody holds the views that they are for.
"""

from __future__ import annotations

import math
import tempfile
import time
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.errors import UserError

if TYPE_CHECKING:
    from napari_hsi_restore.io.band_views import BandViews

_ROWS_FIRST = 48


def prepare(reference: weakref.ref[BandViews]) -> None:
    """Make the overview and the temporary file, as long as anybody holds the views."""
    views = reference()
    if views is None:
        return
    step, copy = views.overview_step(), views.copy_step
    bands, rows, _ = views.data.shape
    while views is not None and (left := views.postponed()):
        # So that the cube can go meanwhile.
        views = None
        time.sleep(left)
        views = reference()
    del views
    try:
        # A band in one piece comes as soon as its overview would.
        for stage in _stages(step, rows) if copy else ():
            blocks = _sampled(reference, stage)
            overview = np.concatenate([block for _, block in blocks], axis=1)
            if (views := reference()) is None:
                return
            views.put_overview(stage, overview)
            del views
        if copy:
            _sort(reference, copy, bands)
    except (OSError, ValueError, UserError):
        # What is shown is then read from the file itself, and says what is wrong with it.
        if (views := reference()) is not None:
            views.say_sorted(None)


def _stages(step: int, rows: int) -> tuple[int, ...]:
    """A coarse overview first: it is there in a moment."""
    coarse = step
    while rows / coarse > _ROWS_FIRST:
        coarse *= 2
    return (coarse, step) if coarse > 2 * step else (step,)


def _sampled(
    reference: weakref.ref[BandViews], step: int
) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Blocks of every `step`-th row and column of all bands, from the first row to the last."""
    views = reference()
    if views is None:
        return
    bands, rows, columns = views.data.shape
    height = views.rows_at_once(bands * columns * views.data.itemsize)
    count = -(-rows // step)
    for first in range(0, count, height):
        if (views := reference()) is None:
            return
        last = min(first + height, count)
        block = views.read_rows(first, last, step)
        del views
        yield first, block


def _sort(reference: weakref.ref[BandViews], step: int, bands: int) -> None:
    views = reference()
    folder = None if views is None else views.cache_folder()
    if views is None or folder is None:
        return
    shape = (bands, *views.shape(views.steps.index(step))[1:])
    dtype = views.data.dtype
    views.say_sorted(0.0)
    del views
    # It has no name (or goes when it is closed), so that it never stays behind.
    with tempfile.TemporaryFile(dir=folder) as file:
        file.truncate(math.prod(shape) * dtype.itemsize)
        row_bytes = shape[2] * dtype.itemsize
        for first, block in _sampled(reference, step):
            for band in range(bands):
                file.seek((band * shape[1] + first) * row_bytes)
                file.write(block[band].data)
            if (views := reference()) is None:
                return
            views.sorting = (first + block.shape[1]) / shape[1]
            del views
        file.flush()
        mapped: npt.NDArray[Any] = np.memmap(file, dtype, "r", 0, shape)
    if (views := reference()) is not None:
        views.put_sorted(step, mapped)
