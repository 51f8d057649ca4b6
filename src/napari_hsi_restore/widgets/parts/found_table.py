"""What a search found beside the bundled models: quality, size and cost."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.jobs.learning_course import Course
from napari_hsi_restore.zoo.records import ModelRecord, record

_PREFIX = "psnr_"
_FLOOR = "psnr_start"


@dataclasses.dataclass(frozen=True)
class FoundRow:
    """One model.

    Attributes
    ----------
    name : str
    psnr : float or None
        On the held-out pixels; None before it was measured.
    parameters : int or None
    """

    name: str
    psnr: float | None
    parameters: int | None


def rows_of(name: str, course: Course, found: ModelRecord | None) -> list[FoundRow]:
    """The new model first, then the bundled ones that were measured on the same pixels.

    Parameters
    ----------
    name : str
        Of the new model.
    course : Course
    found : ModelRecord or None
        Of the new model, once it is in the library.
    """
    rows = [FoundRow(name, course.best("psnr"), found.parameters if found else None)]
    for metric in sorted(course.curves):
        if metric.startswith(_PREFIX) and metric != _FLOOR:
            bundled = metric.removeprefix(_PREFIX)
            rows.append(FoundRow(bundled, course.last(metric), _parameters(bundled)))
    return rows if len(rows) > 1 or rows[0].psnr is not None else []


def _parameters(name: str) -> int | None:
    try:
        return record(name).parameters
    except UserError:
        return None


class FoundTable(QTableWidget):
    """A line a model; the best score stands out. Hidden while there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 3, parent)
        self._highlight = QColor("#4a90d9")
        self._rows: list[FoundRow] = []
        self.setAccessibleName("Beside the bundled models")
        self.setToolTip(
            "PSNR on the same held-out pixels with noise of several strengths; more parameters "
            "take longer to compute"
        )
        self.setHorizontalHeaderLabels(["model", "PSNR (dB)", "parameters"])
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        if (side := self.verticalHeader()) is not None:
            side.hide()
        if (head := self.horizontalHeader()) is not None:
            head.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.setWordWrap(False)
        self.hide()

    @property
    def rows(self) -> list[FoundRow]:
        """What is shown."""
        return list(self._rows)

    def set_highlight(self, color: str) -> None:
        """Choose the background of the best score."""
        self._highlight = QColor(color)
        self._fill()

    def set_rows(self, rows: Sequence[FoundRow]) -> None:
        """Show these models and no others."""
        if list(rows) != self._rows:
            self._rows = list(rows)
            self._fill()
        self.setVisible(bool(rows))

    def _fill(self) -> None:
        self.setRowCount(len(self._rows))
        best = max((row.psnr for row in self._rows if row.psnr is not None), default=None)
        for place, row in enumerate(self._rows):
            texts = (
                row.name,
                "" if row.psnr is None else f"{row.psnr:.2f}",
                "" if row.parameters is None else f"{row.parameters:,}",
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if row.psnr is not None and row.psnr == best:
                    item.setBackground(self._highlight)
                self.setItem(place, column, item)
        head = self.horizontalHeader()
        height = sum(self.rowHeight(place) for place in range(len(self._rows)))
        self.setFixedHeight(height + (head.height() if head is not None else 0) + 4)
