"""A list of named things of which any number can be ticked."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem, QWidget


class CheckList(QListWidget):
    """A list with a tick box a line.

    Signals
    -------
    choice_requested(list)
        The ticked entries, after the user changed a tick.
    """

    choice_requested = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[object] = []
        self.itemChanged.connect(self._on_changed)
        self.setMaximumHeight(110)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Prefer four lines."""
        return QSize(200, 90)

    @property
    def ticked(self) -> list[object]:
        """The ticked entries, from the top."""
        return [
            entry
            for row, entry in enumerate(self._entries)
            if (item := self.item(row)) is not None and item.checkState() == Qt.CheckState.Checked
        ]

    def set_entries(self, entries: Sequence[tuple[str, object]], ticked: Sequence[object]) -> None:
        """Show these entries, some of them ticked, without a signal."""
        with QSignalBlocker(self):
            self.clear()
            self._entries = [entry for _, entry in entries]
            for name, entry in entries:
                item = QListWidgetItem(name, self)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                on = entry in ticked
                item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)

    def _on_changed(self, item: QListWidgetItem) -> None:
        self.choice_requested.emit(self.ticked)
