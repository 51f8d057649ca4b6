"""A path that is typed, or chosen in a dialog."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSignalBlocker, QUrl, Signal
from qtpy.QtWidgets import QFileDialog, QGridLayout, QLineEdit, QPushButton, QWidget


class PathField(QWidget):
    """A line for a path with a button for files and, if wanted, one for folders.

    Parameters
    ----------
    name : str
        What a screen reader calls the line.
    tip : str
    folders : bool
        Whether a folder can be chosen, too.
    parent : QWidget, optional

    Signals
    -------
    path_requested(object)
        The user chose this `Path`, or None by emptying the line.
    """

    path_requested = Signal(object)

    def __init__(
        self, name: str, tip: str, *, folders: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name = name
        self._line = QLineEdit()
        self._line.setAccessibleName(name)
        self._line.setToolTip(tip)
        self._line.setPlaceholderText("none chosen")
        self._line.editingFinished.connect(self._on_typed)
        self._told = ""
        self.setFocusProxy(self._line)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._line, 0, 0, 1, 2 if folders else 1)
        file = self._button("File…", "Choose a file", QFileDialog.FileMode.ExistingFile)
        if folders:
            folder = self._button("Folder…", "Choose a folder", QFileDialog.FileMode.Directory)
            layout.addWidget(file, 1, 0)
            layout.addWidget(folder, 1, 1)
        else:
            layout.addWidget(file, 0, 1)

    def _button(self, text: str, tip: str, mode: QFileDialog.FileMode) -> QPushButton:
        button = QPushButton(text)
        button.setToolTip(tip)
        button.setAccessibleName(f"{self._name}: {text}")
        button.clicked.connect(lambda: self._ask(tip, mode))
        return button

    @property
    def path(self) -> Path | None:
        """The path in the line, or None if it is empty."""
        return Path(self._told).expanduser() if self._told else None

    def set_path(self, path: Path | None) -> None:
        """Show a path without asking for it."""
        self._told = "" if path is None else str(path)
        with QSignalBlocker(self._line):
            self._line.setText(self._told)
        # The name of the file says more than the folders above it.
        self._line.end(False)

    def _on_typed(self) -> None:
        typed = self._line.text().strip()
        if typed.startswith("file:"):
            # A file that is dropped on the line.
            typed = QUrl(typed).toLocalFile()
        # Leaving the line ends an edit, too.
        if typed != self._told:
            self._told = typed
            self.path_requested.emit(self.path)

    def _ask(self, title: str, mode: QFileDialog.FileMode) -> None:
        before = self.path
        dialog = QFileDialog(self, title, str(before.parent) if before else "")
        dialog.setFileMode(mode)
        accepted = dialog.exec()
        chosen = dialog.selectedFiles()
        dialog.deleteLater()
        if accepted and chosen:
            self.set_path(Path(chosen[0]))
            self.path_requested.emit(self.path)
