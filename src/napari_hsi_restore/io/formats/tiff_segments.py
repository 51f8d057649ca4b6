"""Strips and tiles of a TIFF, each decoded when a piece of it is asked for."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.io import lazy

Span = tuple[int, int]
Stamp = tuple[int, int]
Indices = npt.NDArray[np.int64]

_PIECE_BYTES = 2**18
"""Smaller segments are read several at a time: each call of dask takes a millisecond [ours]."""

_JPEG = (6, 7, 34892, 33007)


def lazy_pages(path: Path, series: Any) -> da.Array | None:
    """The values of a series in the shape that it states; None where it is of no common kind.

    Common are pages alike, each a plane, or planes or spectra of several samples.

    Parameters
    ----------
    path : Path
    series : tifffile.TiffPageSeries
        Of an open file.

    Raises
    ------
    ValueError
        If segments are missing or lie beyond the end of the file.
    UserError
        If there are more pieces than can be listed.
    """
    keyframe = getattr(series, "keyframe", None)
    if keyframe is None or not isinstance(keyframe.index, int):
        return None
    pages = list(series.pages)
    if any(page is None or page.keyframe is not keyframe for page in pages):
        return None
    layout = _layout_of(keyframe)
    if layout is None or len(pages) * math.prod(keyframe.shape) != math.prod(series.shape):
        return None
    offsets, counts = _table(pages, layout)
    size = path.stat().st_size
    if np.any((counts > 0) & ((offsets < 0) | (offsets > size - counts))):
        raise ValueError("the values go beyond the end of the file")
    dtype = np.dtype(keyframe.dtype)
    table = offsets, counts
    source = _Segments(path, layout, dtype, keyframe=keyframe.index, table=table)
    found = lazy.from_pieces(source, source.piece, path)
    pages_first: da.Array = found.reshape(series.shape)  # type: ignore[no-untyped-call]
    return pages_first


@dataclasses.dataclass(frozen=True)
class _Layout:
    """How the segments of a page lie.

    Attributes
    ----------
    shape : tuple of int
        Of a page: (y, x), (samples, y, x) or (y, x, samples).
    axes : tuple of int
        Which axis of a page are its samples, rows and columns; -1 for none.
    whole : tuple of 3 int
        Separate samples, rows and columns of a page.
    segment : tuple of 3 int
        Of a segment, the same.
    """

    shape: tuple[int, ...]
    axes: tuple[int, int, int]
    whole: tuple[int, int, int]
    segment: tuple[int, int, int]

    @property
    def grid(self) -> tuple[int, int, int]:
        """Segments along separate samples, rows and columns."""
        samples, rows, columns = (-(-n // c) for n, c in zip(self.whole, self.segment, strict=True))
        return samples, rows, columns

    @property
    def together(self) -> int:
        """Samples that lie together in a segment."""
        return self.shape[-1] if self.axes[0] == 2 else 1


def _layout_of(page: Any) -> _Layout | None:
    separate, depth, height, width, together = (int(n) for n in page.shaped)
    shape = tuple(int(n) for n in page.shape)
    if depth != 1 or page.compression in _JPEG or page.is_subsampled or page.fillorder != 1:
        return None
    if shape == (height, width) and separate == together == 1:
        axes = (-1, 0, 1)
    elif shape == (separate, height, width) and together == 1:
        axes = (0, 1, 2)
    elif shape == (height, width, together) and separate == 1:
        axes = (2, 0, 1)
    else:
        return None
    if page.is_tiled:
        segment = (1, int(page.tilelength), int(page.tilewidth))
    else:
        segment = (1, min(height, max(1, int(page.rowsperstrip))), width)
    if min(segment) < 1:
        return None
    return _Layout(shape, axes, (separate, height, width), segment)


def _table(pages: list[Any], layout: _Layout) -> tuple[Indices, Indices]:
    """Where the segments of all pages lie and how long they are, (pages, segments)."""
    count = math.prod(layout.grid)
    found = []
    for page in pages:
        offsets, counts = page.dataoffsets, page.databytecounts
        if len(offsets) < count or len(counts) < count:
            raise ValueError(f"{count} segments are due in a page, {len(offsets)} are named")
        found.append((offsets[:count], counts[:count]))
    table = np.array(found, dtype=np.int64)
    return table[:, 0], table[:, 1]


class _Segments:
    """An array (pages, *page) for dask; see `lazy.Pieces`."""

    def __init__(
        self,
        path: Path,
        layout: _Layout,
        dtype: np.dtype[Any],
        *,
        keyframe: int,
        table: tuple[Indices, Indices],
    ) -> None:
        state = path.stat()
        self.path, self.layout, self.keyframe = path, layout, keyframe
        self.stamp = (state.st_mtime_ns, state.st_size)
        self.offsets, self.counts = table
        self.shape = (len(self.offsets), *layout.shape)
        self.ndim = len(self.shape)
        self.dtype = dtype

    @property
    def piece(self) -> tuple[int, ...]:
        """Shape of what is best read at once: some segments beside and below each other."""
        layout = self.layout
        _, rows, columns = layout.segment
        _, height, width = layout.whole
        size = rows * columns * layout.together * self.dtype.itemsize
        across = min(-(-width // columns), max(1, _PIECE_BYTES // max(size, 1)))
        down = max(1, _PIECE_BYTES // max(size * across, 1))
        found = [layout.together] * len(layout.shape)
        samples, y, x = layout.axes
        found[y], found[x] = min(height, rows * down), min(width, columns * across)
        if samples == 0:
            found[0] = 1
        return (1, *found)

    def __getitem__(self, item: Any) -> npt.NDArray[Any]:
        whole = item if isinstance(item, tuple) else (item,)
        whole = (*whole, *(slice(None),) * (self.ndim - len(whole)))
        # What is asked for without steps is read; numbers and steps are taken from that.
        ranges = [
            range(*one.indices(n)) if isinstance(one, slice) else range(int(one), int(one) + 1)
            for one, n in zip(whole, self.shape, strict=True)
        ]
        box = [(min(r), max(r) + 1) if len(r) else (0, 0) for r in ranges]
        values = np.empty([b - a for a, b in box], self.dtype)
        if values.size:
            with self.path.open("rb") as file:
                for page in range(*box[0]):
                    self._fill(values[page - box[0][0]], page, box[1:], file)
        inside = tuple(
            slice(r.start - a, None if r.stop < a else r.stop - a, r.step)
            if isinstance(one, slice)
            else 0
            for one, r, (a, _) in zip(whole, ranges, box, strict=True)
        )
        return values[inside]

    def _fill(self, values: npt.NDArray[Any], number: int, box: list[Span], file: Any) -> None:
        """Decode what lies in a box of a page, values of that shape."""
        page = _opened(self.path, self.keyframe, self.stamp)
        layout = self.layout
        samples, y, x = layout.axes
        spans = (box[0] if samples == 0 else (0, 1), box[y], box[x])
        _, rows, columns = layout.grid
        touched = (
            range(a // c, -(-b // c)) for (a, b), c in zip(spans, layout.segment, strict=True)
        )
        for s, h, w in itertools.product(*touched):
            index = (s * rows + h) * columns + w
            offset, count = self.offsets[number, index], self.counts[number, index]
            data = None
            if count > 0:
                file.seek(int(offset))
                data = file.read(int(count))
            segment, (_, _, top, left, _), shape = page.decode(data, index, _fullsize=page.is_tiled)
            bottom, right = min(top + shape[1], box[y][1]), min(left + shape[2], box[x][1])
            first, begin = max(top, box[y][0]), max(left, box[x][0])
            to: list[Any] = [slice(None)] * len(layout.shape)
            to[y] = slice(first - box[y][0], bottom - box[y][0])
            to[x] = slice(begin - box[x][0], right - box[x][0])
            if samples == 0:
                to[0] = s - box[0][0]
            if segment is None:
                values[tuple(to)] = page.nodata
                continue
            part = segment[0, first - top : bottom - top, begin - left : right - left]
            values[tuple(to)] = part[..., slice(*box[2])] if samples == 2 else part[..., 0]


@functools.lru_cache(maxsize=16)
def _opened(path: Path, index: int, stamp: Stamp) -> Any:
    """The page that says how segments are decoded; `stamp` tells files of one name apart."""
    del stamp
    import tifffile

    with tifffile.TiffFile(path) as file:
        page: Any = file.pages[index]
        keyframe = page.keyframe
        keyframe.init_decode()
        return keyframe
