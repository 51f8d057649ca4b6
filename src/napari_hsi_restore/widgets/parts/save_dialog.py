"""Asking where to save, and saying in one sentence how it went."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_hsi_restore.errors import UserError

_ILLEGAL = '<>:"/\\|?*'


def save_as(
    parent: QWidget,
    title: str,
    proposal: str,
    suffix: str,
    save: Callable[[Path], Path],
) -> Path | None:
    """Ask for a path and save there.

    Parameters
    ----------
    parent : QWidget
    title : str
    proposal : str
        Name of the file without suffix; what no file system takes is left out.
    suffix : str
        Such as ``"csv"``; added where the user types none.
    save : callable
        Writes the file, or raises `UserError`, which napari then shows.

    Returns
    -------
    Path or None
        What was written; None if the user gave up or it failed.
    """
    name = "".join("_" if letter in _ILLEGAL else letter for letter in proposal)
    dialog = QFileDialog(parent, title, f"{name}.{suffix}", f"{suffix.upper()} (*.{suffix})")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    # Qt then also asks before it replaces the file with the added suffix.
    dialog.setDefaultSuffix(suffix)
    accepted = dialog.exec()
    chosen = dialog.selectedFiles()
    dialog.deleteLater()
    if not accepted or not chosen:
        return None
    try:
        return save(Path(chosen[0]))
    except UserError as error:
        show_error(str(error))
        return None
