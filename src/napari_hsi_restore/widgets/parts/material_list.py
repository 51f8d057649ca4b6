"""What to learn from: cube layers and files, any number of them ticked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_hsi_restore.widgets.parts.check_list import CheckList

NO_CUBE = "Open a cube in napari, or press Add files…"


@dataclasses.dataclass(frozen=True)
class Source:
    """A layer, or a file that is in no layer.

    Attributes
    ----------
    name : str
        For a person.
    layer : object or None
        Equal to another source's if they mean the same layer.
    path : Path or None
    """

    name: str
    layer: Any = None
    path: Path | None = None


class MaterialList(QWidget):
    """A list with a tick for every cube that is to be learned from, and a button for files."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._files: list[Source] = []
        self._layers: list[Source] = []
        self._emptied = False
        self.list = CheckList()
        self.list.setAccessibleName("Cubes to learn from")
        self.list.setToolTip("Ticked cubes are learned from; they must have the same bands")
        self.list.choice_requested.connect(self._on_choice)
        self.empty = QLabel(NO_CUBE)
        self.empty.setWordWrap(True)
        self.add = QPushButton("Add files…")
        self.add.setAccessibleName("Add files")
        self.add.setToolTip("Learn from cubes that are not open in napari")
        self.add.clicked.connect(self._ask)
        buttons = QHBoxLayout()
        buttons.addWidget(self.add)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.empty)
        layout.addWidget(self.list)
        layout.addLayout(buttons)
        self._show([])

    @property
    def sources(self) -> list[Source]:
        """Everything that could be ticked."""
        return [*self._layers, *self._files]

    @property
    def ticked(self) -> list[Source]:
        """What is to be learned from, from the top."""
        return [source for source in self.list.ticked if isinstance(source, Source)]

    def set_layers(self, layers: Sequence[tuple[str, object]], active: object) -> None:
        """List these layers; the active one is ticked if none is, unless the user wants it so.

        Parameters
        ----------
        layers : sequence of (name, layer)
        active : layer or None
        """
        before = self.ticked
        layers_before = [source.layer for source in before if source.layer is not None]
        self._layers = [Source(name, layer) for name, layer in layers]
        ticked = [source for source in self._layers if source.layer in layers_before]
        ticked += [source for source in before if source in self._files]
        if not ticked and not self._emptied:
            ticked = [source for source in self._layers if source.layer == active]
        self._show(ticked)

    def add_files(self, paths: Sequence[Path]) -> None:
        """List files, and tick them."""
        known = {source.path for source in self._files}
        added = [Source(path.name, path=path) for path in paths if path not in known]
        self._files += added
        self._show([*self.ticked, *added])
        self.changed.emit()

    def tick(self, sources: Sequence[Source]) -> None:
        """Tick these and no others."""
        self._show(list(sources))
        self.changed.emit()

    def set_theme(self, theme: str) -> None:
        """Follow a theme."""
        self.list.set_theme(theme)

    def _show(self, ticked: Sequence[Source]) -> None:
        self.list.set_entries([(source.name, source) for source in self.sources], ticked)
        self.list.setVisible(bool(self.sources))
        self.empty.setVisible(not self.sources)

    def _on_choice(self, ticked: list[object]) -> None:
        self._emptied = not ticked
        self.changed.emit()

    def _ask(self) -> None:
        dialog = QFileDialog(self, "Cubes to learn from")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        accepted = dialog.exec()
        chosen = [Path(name) for name in dialog.selectedFiles()]
        dialog.deleteLater()
        if accepted and chosen:
            self.add_files(chosen)
