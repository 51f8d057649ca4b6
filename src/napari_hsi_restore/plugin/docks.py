"""Bringing up our docks from code that knows only napari."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path
from typing import Any

import napari

PLUGIN = "napari-hsi-restore"
WORKING_DOCKS = ("Inspect", "Restore", "Compare", "Fine-tune", "Search")

_offered: weakref.WeakSet[Any] = weakref.WeakSet()


def viewer_in_use() -> napari.Viewer | None:
    """The viewer whose window the user works with.

    None where there is no window on a screen, and in any thread but the main one, where
    no window may be touched.
    """
    if threading.current_thread() is not threading.main_thread():
        return None
    viewer = napari.current_viewer()
    if viewer is None:
        return None
    from qtpy.QtWidgets import QApplication, QMainWindow

    shown = (
        isinstance(widget, QMainWindow) and widget.isVisible()
        for widget in QApplication.topLevelWidgets()
    )
    return viewer if any(shown) else None


def offer_inspect() -> Any | None:
    """Open the Inspect dock for the first cube of a window, and return it if it is open.

    It is not opened where the user has another of our working docks open, nor again once
    the user has closed it.
    """
    viewer = viewer_in_use()
    if viewer is None:
        return None
    window = viewer.window
    ours = {
        name: inner
        for name, inner in window.dock_widgets.items()
        if any(str(name).startswith(dock) for dock in WORKING_DOCKS) and PLUGIN in str(name)
    }
    inspect = next((inner for name, inner in ours.items() if str(name).startswith("Inspect")), None)
    if inspect is not None or ours or window in _offered:
        return inspect
    _offered.add(window)
    return bring_up(viewer, "Inspect")


def ask_how_to_open(path: Path, key: str | None) -> bool:
    """Show the dock Open on a file; False where there is no window for it."""
    viewer = viewer_in_use()
    if viewer is None:
        return False
    bring_up(viewer, "Open").choose_file(path, key)
    return True


def show_open() -> None:
    """Bring up the dock Open, for a menu that names it by what it does."""
    viewer = viewer_in_use()
    if viewer is not None:
        bring_up(viewer, "Open")


def bring_up(viewer: napari.Viewer, name: str) -> Any:
    """Open one of our docks, or bring it to the front, and return its widget."""
    frame, inner = viewer.window.add_plugin_dock_widget(PLUGIN, name)
    frame.show()
    frame.raise_()
    return inner
