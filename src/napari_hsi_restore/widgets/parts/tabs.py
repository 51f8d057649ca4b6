"""The docks of this package share one place of the window, as tabs."""

from __future__ import annotations

import weakref

from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

_docks: weakref.WeakSet[QWidget] = weakref.WeakSet()


def join_tabs(dock: QWidget) -> None:
    """Put a dock that has just been shown for the first time behind the tab of another.

    napari 0.9 leaves out the manifest's ``tabify`` when a dock is opened from its menu: three
    docks above each other would make the window higher than many screens. Where the user
    moves a dock later, there it stays.

    Parameters
    ----------
    dock : QWidget
        The content of a dock.
    """
    if dock in _docks:
        return
    _docks.add(dock)
    frame = _frame(dock)
    window = frame.parent() if frame is not None else None
    if frame is None or not isinstance(window, QMainWindow):
        return
    area = window.dockWidgetArea(frame)
    for other in (_frame(widget) for widget in list(_docks) if widget is not dock):
        if (
            other is not None
            and other.parent() is window
            and not (other.isFloating() or frame.isFloating() or other.isHidden())
            and window.dockWidgetArea(other) == area
            and other not in window.tabifiedDockWidgets(frame)
        ):
            window.tabifyDockWidget(other, frame)
            frame.raise_()
            return


def _frame(widget: QWidget) -> QDockWidget | None:
    try:
        parent = widget.parent()
        while parent is not None and not isinstance(parent, QDockWidget):
            parent = parent.parent()
    except RuntimeError:
        # Its C++ half is gone already.
        return None
    return parent
