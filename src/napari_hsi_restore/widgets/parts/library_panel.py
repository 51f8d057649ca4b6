"""The user's own models: rename, remove, export to a file, import from one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari.utils.notifications import show_error
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QInputDialog,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import StasSpec
from napari_hsi_restore.widgets.parts.background import or_sentence, start_work
from napari_hsi_restore.widgets.parts.model_library import model_library
from napari_hsi_restore.widgets.parts.save_dialog import save_as
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label
from napari_hsi_restore.zoo import library
from napari_hsi_restore.zoo.records import ModelRecord, list_models

EMPTY = "You have no models of your own yet. Fine-tune, Search and Import add some."

_MOST_CUBES = 6


class LibraryPanel(QWidget):
    """Lists the user's models, says what is known of the chosen one, and acts on it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._records: list[ModelRecord] = []
        self.list = QListWidget()
        self.list.setAccessibleName("Your models")
        self.list.currentRowChanged.connect(self._show_record)
        self.about = wrapping_label("About the model", self)
        grid = QGridLayout()
        self._of_one: list[QPushButton] = []
        actions = (
            ("Rename…", "Give the model another name", self._ask_rename),
            ("Remove…", "Delete the model", self._ask_remove),
            ("Export…", "Save the model as one file, to give it away", self._ask_export),
            ("Export cell…", "Save its architecture alone, without weights", self._ask_cell),
            ("Import…", "Add a model that was exported; nothing in it is run", self._ask_import),
        )
        for place, (text, tip, action) in enumerate(actions):
            button = QPushButton(text)
            button.setAccessibleName(text.rstrip("…"))
            button.setToolTip(tip)
            button.clicked.connect(lambda _=False, action=action: action())
            grid.addWidget(button, place // 3, place % 3)
            if action != self._ask_import:
                self._of_one.append(button)
            if action == self._ask_cell:
                self._cell_button = button
        layout = QVBoxLayout(self)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.about)
        layout.addLayout(grid)
        self.list_models()

    @property
    def model(self) -> str | None:
        """Name of the chosen model, or None."""
        return self._record.name if self._record is not None else None

    @property
    def _record(self) -> ModelRecord | None:
        row = self.list.currentRow()
        return self._records[row] if 0 <= row < len(self._records) else None

    def choose(self, name: str) -> None:
        """Choose a model by its name."""
        names = [record.name for record in self._records]
        if name in names:
            self.list.setCurrentRow(names.index(name))

    def list_models(self) -> None:
        """Read the library anew."""
        before = self.model
        try:
            self._records = [record for record in list_models() if not record.bundled]
        except UserError as error:
            self._records = []
            self.about.setText(str(error))
            return
        self.list.blockSignals(True)
        self.list.clear()
        for record in self._records:
            mark = "" if record.recommended else " (not better than its start)"
            QListWidgetItem(record.name + mark, self.list)
        self.list.blockSignals(False)
        self.list.setCurrentRow(0 if self._records else -1)
        if before is not None:
            self.choose(before)
        self._show_record()

    def rename(self, new: str) -> None:
        """Give the chosen model another name."""
        if self.model is not None and self._act(library.rename, self.model, new):
            self.choose(new)

    def remove(self) -> None:
        """Delete the chosen model."""
        if self.model is not None:
            self._act(library.remove, self.model)

    def import_model(self, path: Path) -> None:
        """Add a model from a file, which is checked in the background."""
        self.about.setText(f"Importing {path.name}…")
        start_work(self._imported, or_sentence, library.import_model, path)

    def _imported(self, found: ModelRecord | str) -> None:
        if isinstance(found, str):
            self._show_record()
            show_error(found)
            return
        model_library.changed.emit()
        self.list_models()
        self.choose(found.name)

    def _act(self, action: Callable[..., object], *arguments: str) -> bool:
        try:
            action(*arguments)
        except UserError as error:
            show_error(str(error))
            return False
        model_library.changed.emit()
        self.list_models()
        return True

    def _show_record(self, row: int = 0) -> None:
        chosen = self.model
        for button in self._of_one:
            button.setEnabled(chosen is not None)
        if chosen is None:
            self.about.setText(EMPTY)
            return
        record = self._record
        assert record is not None
        self._cell_button.setEnabled(isinstance(record.spec, StasSpec))
        self.about.setText(about(record))

    def _ask_rename(self) -> None:
        if self.model is None:
            return
        new, accepted = QInputDialog.getText(self, "Rename", "New name", text=self.model)
        if accepted and new != self.model:
            self.rename(new.strip())

    def _ask_remove(self) -> None:
        answer = QMessageBox.question(
            self, "Remove a model", f"Delete the model “{self.model}”? It cannot be brought back."
        )
        if answer == QMessageBox.StandardButton.Yes:
            self.remove()

    def _ask_export(self) -> None:
        name = self.model
        if name is None:
            return

        def export(path: Path) -> Path:
            # The dialog has asked already whether an existing file is to be replaced.
            return library.export(name, path, overwrite=True)

        if saved := save_as(self, "Export a model", name, "safetensors", export):
            self.about.setText(f"Saved {saved}")

    def _ask_cell(self) -> None:
        record = self._record
        if record is None or not isinstance(record.spec, StasSpec):
            return
        name = record.name

        def export(path: Path) -> Path:
            return library.export_cell(name, path, overwrite=True)

        if saved := save_as(self, "Export a cell", f"{record.name} cell", "json", export):
            self.about.setText(f"Saved {saved}")

    def _ask_import(self) -> None:
        dialog = QFileDialog(self, "Import a model", "", "Models (*.safetensors);;All files (*)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        accepted = dialog.exec()
        chosen = dialog.selectedFiles()
        dialog.deleteLater()
        if accepted and chosen:
            self.import_model(Path(chosen[0]))


def about(record: ModelRecord) -> str:
    """What is known of a model, in plain words.

    Parameters
    ----------
    record : ModelRecord
    """
    # The cubes of the user come after those of the model that it began with.
    cubes = record.provenance.data[::-1]
    more = f" and {len(cubes) - _MOST_CUBES} more" if len(cubes) > _MOST_CUBES else ""
    learned = f"Learned from {', '.join(cubes[:_MOST_CUBES])}{more}" if cubes else ""
    parts = (record.purpose, record.remark, learned)
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts if part)
