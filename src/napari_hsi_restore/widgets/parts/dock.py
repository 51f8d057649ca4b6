"""What every dock does the same way: it listens to its viewer only while in a window."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QWidget

from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.reminder import remind_of_unfinished
from napari_hsi_restore.widgets.parts.tabs import join_tabs


class Dock(QWidget):
    """The content of a dock that may be closed, opened again and joined with other tabs.

    napari keeps the widget of a closed dock. Out of the window it must not be called by the
    viewer any more, so that Python may let it go; back in a window it catches up.

    A subclass ends its ``__init__`` with `_enter` and says in `_listen`, `_on_theme`, `_refresh`
    and `_rest` what that means for it.

    Parameters
    ----------
    viewer : napari.Viewer
        Its subclasses spell the annotation ``napari.viewer.Viewer``, which napari looks for.
    """

    offers_resumption = False
    """Whether the dock lists what was interrupted by itself."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._to_viewer = Connections()
        self.destroyed.connect(self._to_viewer.close)

    def _listen(self) -> None:
        """Connect to the viewer by `_to_viewer`, which ends these connections by itself."""

    def _on_theme(self) -> None:
        """Take the colours of the viewer's theme."""

    def _refresh(self) -> None:
        """Show what the viewer holds now."""

    def _rest(self) -> None:
        """End what else calls this widget; it is out of the window."""

    def _enter(self) -> None:
        self._to_viewer.connect(self._viewer.events.theme, self._take_theme)
        self._listen()
        self._on_theme()
        self._refresh()

    def _take_theme(self, event: object = None) -> None:
        self._on_theme()

    def event(self, event: QEvent | None) -> bool:
        """Rest while out of a window."""
        handled: bool = super().event(event)
        if event is not None and event.type() == QEvent.Type.ParentChange:
            if self.parent() is None:
                self._to_viewer.close()
                self._rest()
            elif not self._to_viewer:
                self._enter()
        return handled

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Share the place of the other docks."""
        super().showEvent(event)
        join_tabs(self)
        if not self.offers_resumption:
            remind_of_unfinished()
