"""Bands and spectra of a large lazy cube, decoded away from the thread that asks for them.

In a compressed file (HDF5, netCDF, Zarr, TIFF) the values lie in chunks, and one value costs
decoding its whole chunk. What was decoded is kept (`decoded_chunks`). Where a band or a spectrum
takes so many chunks that nobody would wait for it, the cube is unpacked once, in the background,
into a temporary file of bounded size.
"""

from __future__ import annotations

import itertools
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.io.band_views import (
    CACHE_BYTES,
    COPY_BYTES,
    BandViews,
    BrokenOffError,
)
from napari_hsi_restore.io.decoded_chunks import DecodedChunks, Place
from napari_hsi_restore.io.held_pieces import Box

# Sizes are our own choice [ours].
SMALL_BYTES = 16 * 2**20
"""Smaller cubes are shown directly: all of them is decoded in an instant."""
COSTLY_BYTES = 128 * 2**20
"""A band or a spectrum that takes decoding more than this is worth unpacking the cube."""
_NEWS_S = 0.3

_VIEWS: weakref.WeakValueDictionary[str, PackedViews] = weakref.WeakValueDictionary()


def is_packed(data: Any) -> bool:
    """Whether a cube's values are decoded piece by piece, and take too long for a window."""
    return isinstance(data, da.Array) and data.ndim == 3 and data.nbytes >= SMALL_BYTES


def packed_views(data: Any) -> PackedViews | None:
    """The views of a cube's values that somebody holds, which know what was decoded; or None."""
    return _VIEWS.get(data.name) if isinstance(data, da.Array) else None


class PackedViews(BandViews):
    """The same as `BandViews` for a dask array.

    Parameters
    ----------
    data : dask array, (bands, y, x)
    copy_bytes : int
        Limit of the temporary file; 0 makes none.
    folder : Path or None
        Where the temporary file goes; the user's cache folder if None.

    Attributes
    ----------
    scattered : bool
        Whether the cube is worth unpacking.
    """

    def __init__(
        self, data: da.Array, *, copy_bytes: int = COPY_BYTES, folder: Path | None = None
    ) -> None:
        self._chunks = DecodedChunks(data, CACHE_BYTES - CACHE_BYTES // 4)
        super().__init__(data, copy_bytes=copy_bytes, folder=folder)
        self._pieces.most_bytes = CACHE_BYTES // 4
        _VIEWS[data.name] = self

    def spectrum(self, row: int, column: int) -> npt.NDArray[Any]:
        """The stored values of one pixel, (bands,), however long it takes.

        Parameters
        ----------
        row, column : int
            Inside the cube.
        """
        found = self.exact(0, ((0, self.data.shape[0]), (row, row + 1), (column, column + 1)))
        return found[:, 0, 0]

    def tiles(self) -> list[tuple[slice, slice]]:
        """Rows and columns that are decoded together, which cover the cube."""
        rows, columns = (
            [slice(int(a), int(b)) for a, b in itertools.pairwise(edge)]
            for edge in self._chunks.edges[1:]
        )
        return list(itertools.product(rows, columns))

    def _is_scattered(self) -> bool:
        bands, rows, columns = self.data.shape
        band = self._chunks.cost(((0, 1), (0, rows), (0, columns)))
        spectrum = self._chunks.cost(((0, bands), (0, 1), (0, 1)))
        return max(band, spectrum) > COSTLY_BYTES

    def _name(self) -> str:
        return "the cube"

    def _preparation(self) -> Callable[[weakref.ref[Any]], None]:
        return _unpack

    def _widened(self, level: int, box: Box) -> Box:
        # What is decoded for one band stays there for its neighbours, if it fits.
        if self._chunks.unpacking or self._chunks.cost(self._full(level, box)) < self._chunks.keeps:
            return box
        return super()._widened(level, box)

    def _full(self, level: int, box: Box) -> Box:
        step = self.steps[level]
        bands, rows, columns = box
        height, width = ((first * step, (last - 1) * step + 1) for first, last in (rows, columns))
        return bands, height, width

    def _fill(
        self, values: npt.NDArray[Any], level: int, box: Box, stop: Callable[[], bool]
    ) -> None:
        step = self.steps[level]
        for place in self._chunks.touched(self._full(level, box)):
            if stop():
                raise BrokenOffError
            samples = self._chunks.samples(place, step)
            bands, rows, columns = self._chunks.box(place)
            spans = (bands, *((-(-a // step), -(-b // step)) for a, b in (rows, columns)))
            to, of = [], []
            for (first, last), (begin, end) in zip(box, spans, strict=True):
                low, high = max(first, begin), max(first, begin, min(last, end))
                to.append(slice(low - first, high - first))
                of.append(slice(low - begin, high - begin))
            values[tuple(to)] = samples[tuple(of)]

    def _begin_unpacking(self) -> list[Place]:
        """Make the temporary file; the chunks that go there."""
        folder = self.cache_folder()
        if not self.copy_step or folder is None:
            return []
        self._chunks.unpack_into(folder, self.copy_step)
        step = max(self.overview_step(), self.copy_step)
        shape = self.shape(self.steps.index(step))
        self._filling = step, np.zeros(shape, self.data.dtype)
        self.sorting = 0.0
        return list(self._chunks.places())

    def _unpack_chunk(self, place: Place) -> bool:
        """Decode a chunk if it was not yet; whether there is still a file that takes it."""
        assert self._filling is not None
        step, overview = self._filling
        samples = self._chunks.samples(place, step)
        bands, rows, columns = self._chunks.box(place)
        spans = (slice(-(-first // step), -(-last // step)) for first, last in (rows, columns))
        overview[(slice(*bands), *spans)] = samples
        return self._chunks.unpacking

    def _end_unpacking(self, *, whole: bool) -> None:
        with self._lock:
            if whole:
                self._overview = self._filling
            self._filling = None
        self.sorting, self.copied = None, whole
        self._tell()


def _unpack(reference: weakref.ref[PackedViews]) -> None:
    """Unpack the cube, as long as anybody holds the views."""
    views = reference()
    if views is None:
        return
    whole = False
    try:
        places = views._begin_unpacking()
        if not places:
            return
        views._tell()
        said = time.monotonic()
        for done, place in enumerate(places, start=1):
            if views is None and (views := reference()) is None:
                return
            if not views._unpack_chunk(place):
                break
            views.sorting = done / len(places)
            if time.monotonic() - said > _NEWS_S:
                views._tell()
                said = time.monotonic()
            # So that the cube can go meanwhile.
            views = None
        else:
            whole = True
    except Exception:  # decoders raise dozens of kinds
        # What is shown is then decoded as it is asked for, and says what is wrong with it.
        whole = False
    if (views := views or reference()) is not None:
        views._end_unpacking(whole=whole)


def stored_spectrum(data: Any, row: int, column: int) -> npt.NDArray[Any] | None:
    """The stored values of a pixel from what was decoded for its picture; None for any other cube.

    Parameters
    ----------
    data : array, (bands, y, x)
    row, column : int

    Raises
    ------
    UserError
        If the file cannot be read any more.
    """
    views = packed_views(data)
    if views is None or not (0 <= row < data.shape[1] and 0 <= column < data.shape[2]):
        return None
    return views.spectrum(row, column)


def stored_part(data: Any, bands: slice, rows: slice, columns: slice) -> npt.NDArray[Any]:
    """Stored values of a part of a cube; of one that is shown from what was decoded for that.

    Parameters
    ----------
    data : array, (bands, y, x)
    bands, rows, columns : slice
        Without steps.

    Returns
    -------
    ndarray, (bands, y, x)

    Raises
    ------
    UserError
        If the file cannot be read any more.
    """
    views = packed_views(data)
    if views is None:
        return np.asarray(data[bands, rows, columns])
    spans = [one.indices(n)[:2] for one, n in zip((bands, rows, columns), data.shape, strict=True)]
    return views.exact(0, (spans[0], spans[1], spans[2]))


def tiles_of(data: Any) -> list[tuple[slice, slice]] | None:
    """Rows and columns that are decoded together for all bands, which cover a cube.

    Whoever goes over these and, within each, over the bands by `stored_part` has every chunk
    decoded once. None for a cube that is not shown, or not decoded.
    """
    views = packed_views(data)
    return None if views is None else views.tiles()
