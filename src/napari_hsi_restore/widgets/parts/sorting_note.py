"""How far the bands of a large file are sorted, in a sentence."""

from __future__ import annotations

from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer, Signal

from napari_hsi_restore.io.packed_views import PackedViews
from napari_hsi_restore.plugin.shown_bands import views_of

_INTERVAL_MS = 500


class SortingNote(QObject):
    """Looks at the layer now and then.

    Signals
    -------
    changed(str)
        The sentence; empty when nothing is sorted any more.
    """

    changed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._layer: Any = None
        self.text = ""
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._look)

    def watch(self, layer: Layer | None) -> None:
        """Choose the layer; None, or one that is never sorted, ends it."""
        self._layer = layer
        self.text = ""
        if layer is None or views_of(layer.data) is None:
            self._timer.stop()
        else:
            self._timer.start(_INTERVAL_MS)

    def _look(self) -> None:
        views = views_of(self._layer.data)
        said = ""
        if views is not None and views.sorting is not None:
            doing = "Unpacking the cube" if isinstance(views, PackedViews) else "Sorting the bands"
            said = (
                f"{doing} into a temporary file of {views.copy_size / 1e9:.1f} GB "
                f"({views.sorting:.0%}); until then bands show coarse at first."
            )
        else:
            self._timer.setInterval(4 * _INTERVAL_MS)
        if said != self.text:
            self.text = said
            self.changed.emit(said)
