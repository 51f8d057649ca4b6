"""A spectral library: its file, and the short table of its best matches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.io.spectral_library import LIBRARY_SUFFIXES
from napari_hsi_restore.spectra import Match
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label

_LINES = 4
_COLUMNS = ("Spectrum", "Angle (°)", "Bands")


class MatchTable(QWidget):
    """Opens a library and lists its spectra that are most like a curve.

    Signals
    -------
    library_requested(Path)
        The user chose a file.
    match_requested(object)
        Index (int) of the spectrum whose line the user clicked.
    """

    library_requested = Signal(object)
    match_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._matches: tuple[Match, ...] = ()
        self._open = QPushButton("Open li&brary…", self)
        self._open.setAccessibleName("Open library…")
        self._open.setToolTip(
            "Spectra of known materials: ENVI library (.sli), ECOSTRESS or ASTER text, or a table "
            "with a column of wavelengths."
        )
        self._open.clicked.connect(self._ask)
        self._title = QLabel(self)
        self._title.setAccessibleName("Library")
        # A long name is cut, and whole in the tooltip; it must not widen the dock.
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._note = wrapping_label("About the matches", self)
        self._table = _Table(0, len(_COLUMNS), self)
        self._table.setAccessibleName("Best matches")
        self._table.setToolTip("Click a line to draw that spectrum dashed, scaled to the curve.")
        self._table.setHorizontalHeaderLabels(_COLUMNS)
        self._table.itemSelectionChanged.connect(self._on_selection)
        top = QHBoxLayout()
        top.addWidget(self._open)
        top.addWidget(self._title, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(self._table)
        layout.addWidget(self._note)
        self._table.hide()

    def show_matches(
        self, title: str, note: str, matches: Sequence[Match], chosen: int | None
    ) -> None:
        """Show these matches, the nearest first.

        Parameters
        ----------
        title : str
            Of the library; empty without one.
        note : str
        matches : sequence of Match
        chosen : int or None
            Index of the spectrum that is drawn.
        """
        self._title.setText(title)
        self._title.setToolTip(title)
        self._note.setText(note)
        table = self._table
        with QSignalBlocker(table):
            if tuple(matches) != self._matches:
                self._matches = tuple(matches)
                table.setRowCount(len(matches))
                for row, match in enumerate(matches):
                    texts = (match.name, f"{match.angle_deg:.2f}", str(match.bands))
                    for column, text in enumerate(texts):
                        item = QTableWidgetItem(text)
                        item.setToolTip(match.name)
                        if column:
                            item.setTextAlignment(
                                Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                            )
                        table.setItem(row, column, item)
            rows = [row for row, match in enumerate(matches) if match.index == chosen]
            if rows:
                table.selectRow(rows[0])
            else:
                table.clearSelection()
        table.setVisible(bool(matches))

    def _on_selection(self) -> None:
        rows = {index.row() for index in self._table.selectedIndexes()}
        if rows:
            self.match_requested.emit(self._matches[min(rows)].index)

    def _ask(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in LIBRARY_SUFFIXES)
        dialog = QFileDialog(self, "Spectral library", "", f"Libraries ({kinds});;All files (*)")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        accepted = dialog.exec()
        chosen = dialog.selectedFiles()
        dialog.deleteLater()
        if accepted and chosen:
            self.library_requested.emit(Path(chosen[0]))


class _Table(QTableWidget):
    # A few lines high, the names as wide as there is room.
    def __init__(self, rows: int, columns: int, parent: QWidget) -> None:
        super().__init__(rows, columns, parent)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrap(False)
        heads, lines = self.horizontalHeader(), self.verticalHeader()
        assert heads is not None
        assert lines is not None
        lines.hide()
        lines.setDefaultSectionSize(self.fontMetrics().height() + 6)
        heads.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        heads.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._height = (
            _LINES * lines.defaultSectionSize() + heads.sizeHint().height() + 2 * self.frameWidth()
        )
        self.setFixedHeight(self._height)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(200, self._height)
