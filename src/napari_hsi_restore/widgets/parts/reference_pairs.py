"""Which clean cube belongs to which noisy one."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QWidget

from napari_hsi_restore.widgets.parts.cube_chooser import CubeChooser
from napari_hsi_restore.widgets.parts.form_rows import form_layout
from napari_hsi_restore.widgets.parts.material_list import Source


class ReferencePairs(QWidget):
    """A row for each cube that is learned from, with the choice of its clean cube."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: QFormLayout = form_layout()
        self.setLayout(self._rows)
        self._choosers: list[tuple[Source, CubeChooser]] = []
        self._by_user: dict[Source, Source] = {}

    @property
    def chosen(self) -> list[Source | None]:
        """The clean cube of each, in the order of the cubes; None where none was chosen."""
        found = [chooser.chosen for _, chooser in self._choosers]
        return [source if isinstance(source, Source) else None for source in found]

    def set_sources(self, cubes: Sequence[Source], all_sources: Sequence[Source]) -> None:
        """Ask for the clean versions of these cubes, among all that there are.

        What the user chose before stays, as long as it is there; the only possible choice
        is made at once.
        """
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self._choosers = []
        for cube in cubes:
            others = [source for source in all_sources if source != cube]
            # What is learned from is seldom a clean version: the rest comes first.
            others.sort(key=lambda source: source in cubes)
            chooser = CubeChooser(parent=self)
            chooser.setAccessibleName(f"Clean version of {cube.name}")
            chooser.setToolTip(f"The clean cube of the same pixels as {cube.name}")
            chooser.setPlaceholderText("choose…")
            chooser.cube_requested.connect(functools.partial(self._on_choice, cube))
            only = others[0] if len(others) == 1 else None
            chosen = self._by_user.get(cube, only)
            chooser.set_entries([(source.name, source) for source in others], chosen)
            self._rows.addRow(f"{cube.name} → clean", chooser)
            self._choosers.append((cube, chooser))

    def _on_choice(self, cube: Source, clean: Source) -> None:
        self._by_user[cube] = clean
        self.changed.emit()
