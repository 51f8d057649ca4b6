"""A sentence for the user, in as many lines as it needs."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QWidget


def wrapping_label(name: str, parent: QWidget | None) -> QLabel:
    """Make a label whose text wraps and can be copied.

    Parameters
    ----------
    name : str
        What a screen reader calls it.
    parent : QWidget or None
    """
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setAccessibleName(name)
    # Names of files and layers are no markup.
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
