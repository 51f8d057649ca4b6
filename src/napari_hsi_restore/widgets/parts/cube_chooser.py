"""A list of named cubes to choose one from."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QSizePolicy, QWidget


class CubeChooser(QComboBox):
    """A drop-down list of named things (layers, to the docks).

    Signals
    -------
    cube_requested(object)
        The user chose this entry; None for the entry "(none)".
    """

    cube_requested = Signal(object)

    def __init__(self, none_text: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._none_text = none_text
        self._entries: list[object] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(12)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(self._on_activated)

    @property
    def chosen(self) -> object | None:
        """The entry that is shown, or None."""
        index = self.currentIndex()
        return self._entries[index] if 0 <= index < len(self._entries) else None

    def set_entries(self, entries: Sequence[tuple[str, object]], chosen: object | None) -> None:
        """Show these entries, with one of them chosen, without asking for it."""
        with QSignalBlocker(self):
            self.clear()
            self._entries = []
            if self._none_text is not None:
                self.addItem(self._none_text)
                self._entries.append(None)
            for name, entry in entries:
                self.addItem(name)
                self._entries.append(entry)
            # Equal, not identical: napari hands its plugins a fresh proxy of a layer each time.
            places = [i for i, entry in enumerate(self._entries) if entry == chosen]
            self.setCurrentIndex(places[0] if places else -1)
        self.setEnabled(bool(entries))

    def _on_activated(self, index: int) -> None:
        self.cube_requested.emit(self._entries[index])
