"""What napari gets of a large cube: levels that never keep its window waiting."""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io.band_views import BandViews, suits
from napari_hsi_restore.io.held_pieces import Box
from napari_hsi_restore.io.packed_views import PackedViews, is_packed
from napari_hsi_restore.plugin.contrast import contrast_limits, quick_limits

_SLICING = "napari.layers._scalar_field"
_PATIENCE_S = 0.03
"""A band that comes within two frames is waited for, so that no preview flickers before it."""
_BUILDING_S, _LONGEST_S = 0.4, 3.0
"""The window builds a layer until it asks for nothing so long, but no longer than that: threads
that go over all of a file would delay it [ours]."""
_CHUNK = 512
UNKNOWN_LIMITS = (0.0, 1.0)


def shown_levels(cube: HyperCube) -> list[ShownLevel] | None:
    """The levels that show a large cube in a file, the finest first; None for any other cube."""
    views = _views(cube.data)
    if views is None:
        return None
    if views.scattered and not isinstance(views, PackedViews) and _in_window_thread():
        views.postpone(_BUILDING_S, _LONGEST_S)
    levels = [ShownLevel(views, level) for level in range(len(views.steps))]
    _Refresher(views, cube.name)
    return levels


def _views(data: Any) -> BandViews | None:
    if suits(data):
        return BandViews(data)
    return PackedViews(data) if is_packed(data) else None


def first_limits(cube: HyperCube, levels: list[ShownLevel] | None) -> tuple[float, float]:
    """Contrast limits to begin with.

    Parameters
    ----------
    cube : HyperCube
    levels : list or None
        Of `shown_levels`.

    Returns
    -------
    tuple of float
        `UNKNOWN_LIMITS` where a window would wait too long for them; the right ones then follow
        by themselves, for the layer that shows `levels`.
    """
    if levels is None or not is_packed(cube.data) or not _in_window_thread():
        return contrast_limits(cube)
    limits = quick_limits(cube)
    if limits is None:
        views = weakref.ref(levels[0].views)
        threading.Thread(
            target=_find_limits, args=(cube, views), name="contrast", daemon=True
        ).start()
    return limits or UNKNOWN_LIMITS


def _find_limits(cube: HyperCube, views: weakref.ref[BandViews]) -> None:
    from superqt.utils import ensure_main_thread

    # Whatever is wrong with the file is said by the threads that read its bands.
    with contextlib.suppress(Exception):
        limits = contrast_limits(cube)
        ensure_main_thread(_set_limits, await_return=False)(views, limits)


def _set_limits(views: weakref.ref[BandViews], limits: tuple[float, float]) -> None:
    import napari

    viewer, shown = napari.current_viewer(), views()
    for layer in viewer.layers if viewer is not None and shown is not None else ():
        # Unless the user or the dock Inspect chose others meanwhile.
        if views_of(layer.data) is shown and tuple(layer.contrast_limits) == UNKNOWN_LIMITS:
            layer.contrast_limits = limits


class ShownLevel:
    """Every n-th row and column of a cube, as an array that napari can show.

    Anybody who indexes it gets the stored values. Only while napari itself slices it for the
    screen, in the thread of its window, does it give what is there at once: maybe a coarse preview,
    which is replaced when the values have been read. napari has no other way to say
    "later" but its asynchronous slicing, which is one setting for all layers of all plugins.

    Attributes
    ----------
    views : BandViews
    shape, dtype, ndim, size, chunks
        As of any array, (bands, y, x); napari asks for whole `chunks`.
    preview : bool
        Whether what was last given for the screen is a preview.
    """

    def __init__(self, views: BandViews, level: int) -> None:
        self.views = views
        self._level = level
        self.shape = views.shape(level)
        self.dtype = np.dtype(views.data.dtype)
        self.ndim = 3
        self.size = int(np.prod(self.shape))
        self.nbytes = self.size * self.dtype.itemsize
        self.chunks = (1, _CHUNK, _CHUNK)
        self.preview = False

    @property
    def values(self) -> Any:
        """The stored values, a lazy (bands, y, x) view of the file."""
        step = self.views.steps[self._level]
        return self.views.data if step == 1 else self.views.data[:, ::step, ::step]

    def __getitem__(self, index: Any) -> Any:
        """Values; for napari's own slicing what can be shown."""
        asker = str(sys._getframe(1).f_globals.get("__name__", ""))
        if asker.startswith(_SLICING) and _in_window_thread():
            box = _box(index, self.shape)
            if box is not None:
                kept = tuple(0 if isinstance(one, int) else slice(None) for one in index)
                if not any(isinstance(one, int) for one in index):
                    # napari cuts the part that is in view first, then takes the band.
                    return _Part(self, box)
                return self.show(box)[kept]
        return self.values[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """All values, in memory."""
        return np.array(self.values, dtype=dtype)

    def show(self, box: Box) -> npt.NDArray[Any]:
        """What can be shown of a piece at once."""
        # The coarsest is the thumbnail's.
        patience = _PATIENCE_S if self._level < len(self.views.steps) - 1 else 0.0
        values, exact = self.views.at_once(self._level, box, patience)
        self.preview = not exact
        return values


class _Part:
    """Rows and columns in view, of all bands; `chunks` and reading are those of its level."""

    def __init__(self, level: ShownLevel, box: Box) -> None:
        self._of, self._box = level, box
        self.shape = tuple(last - first for first, last in box)
        self.dtype, self.ndim = level.dtype, 3

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        inner = _box(index, self.shape)
        if inner is None:
            part: npt.NDArray[Any] = np.asarray(self._of.values[_slices(self._box)])[index]
            return part
        firsts = [first for first, _ in self._box]
        spans = [(a + n, b + n) for (a, b), n in zip(inner, firsts, strict=True)]
        kept = tuple(0 if isinstance(one, int) else slice(None) for one in index)
        values: npt.NDArray[Any] = self._of.show((spans[0], spans[1], spans[2]))[kept]
        return values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = np.asarray(self._of.show(self._box), dtype=dtype)
        return values


def views_of(data: Any) -> BandViews | None:
    """The views behind a layer's data, or None."""
    first = data[0] if hasattr(data, "shapes") else data
    return first.views if isinstance(first, ShownLevel) else None


def shows_preview(layer: Any) -> bool:
    """Whether a layer shows a coarse preview of what is still being read."""
    if not layer.multiscale:
        return False
    level = layer.data[layer.data_level]
    return isinstance(level, ShownLevel) and level.preview


def _box(index: Any, shape: tuple[int, ...]) -> Box | None:
    """Bands, rows and columns of an index of three whole numbers or slices without a step."""
    if not isinstance(index, tuple) or len(index) != 3:
        return None
    spans = []
    for one, length in zip(index, shape, strict=True):
        if isinstance(one, slice):
            first, last, step = one.indices(length)
            if step != 1 or last <= first:
                return None
            spans.append((first, last))
        elif isinstance(one, int) and 0 <= one < length:
            spans.append((one, one + 1))
        else:
            return None
    return spans[0], spans[1], spans[2]


def _slices(box: Box) -> tuple[slice, ...]:
    return tuple(slice(*span) for span in box)


def _in_window_thread() -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    from qtpy.QtWidgets import QApplication

    return QApplication.instance() is not None


class _Refresher:
    """Shows in the viewer what has been read, and says once that bands are being sorted."""

    def __init__(self, views: BandViews, name: str) -> None:
        self._views = weakref.ref(views)
        self._name = name
        self._pending = self._said = self._failed = False
        views.listen(self._on_news)

    def _on_news(self) -> None:
        # In a thread that reads.
        from superqt.utils import ensure_main_thread

        if self._pending:
            return
        self._pending = True
        ensure_main_thread(self._show, await_return=False)()

    def _show(self) -> None:
        import napari
        from napari.utils.notifications import show_error, show_info

        self._pending = False
        views, viewer = self._views(), napari.current_viewer()
        if views is None or viewer is None:
            return
        for layer in viewer.layers:
            if views_of(layer.data) is views and layer.visible and shows_preview(layer):
                layer.refresh(extent=False, highlight=False)
        if views.sorting is not None and not self._said:
            self._said = True
            show_info(f"{self._name}: {_why_copied(views)}")
        if views.failure and not self._failed:
            self._failed = True
            show_error(views.failure)


def _why_copied(views: BandViews) -> str:
    size = f"{views.copy_size / 1e9:.1f} GB"
    if isinstance(views, PackedViews):
        return (
            "a band or a spectrum of this compressed file takes decoding much of it. A band first "
            "shows coarse or not at all while it is read; in the background the cube is unpacked "
            f"into a temporary file of {size}, after which they come at once. It goes when the "
            "layer or napari is closed."
        )
    return (
        "each band lies scattered in all of this file. A band first shows coarse while it is "
        "read; in the background the bands are sorted into a temporary file of "
        f"{size}, after which they come at once. It goes when the layer or napari is closed."
    )
