"""The table of scores: one line a result, the best of each column marked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QHeaderView, QSizePolicy, QTableWidget, QTableWidgetItem, QWidget

from napari_hsi_restore.metrics import Scores
from napari_hsi_restore.widgets.parts.check_list import square_icon


@dataclasses.dataclass(frozen=True)
class Column:
    """One score.

    Attributes
    ----------
    field : str
        Its name in `Scores`.
    title, tip : str
    digits : int
        Behind the point.
    more_is_better : bool
    """

    field: str
    title: str
    tip: str
    digits: int
    more_is_better: bool


COLUMNS = (
    Column("psnr", "PSNR\ndB ↑", "Peak signal-to-noise ratio of the whole cube", 2, True),
    Column("mpsnr", "MPSNR\ndB ↑", "Mean over the bands of the PSNR of each", 2, True),
    Column("ssim", "SSIM\n↑", "Structural similarity, mean over the bands; 1 is equal", 4, True),
    Column("sam_deg", "SAM\n° ↓", "Spectral angle, mean over the pixels, in degrees", 3, False),
    Column("ergas", "ERGAS\n% ↓", "Relative global error over the bands, in percent", 2, False),
)


@dataclasses.dataclass(frozen=True)
class Row:
    """One result: its name, its scores or None where there are none, the colour of its curve."""

    name: str
    scores: Scores | None
    color: str | None = None


class ScoreTable(QTableWidget):
    """Scores of results; the best value of each column is bold and coloured."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(COLUMNS) + 1, parent)
        self._rows: tuple[Row, ...] = ()
        self._highlight = "#2a7de1"
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setWordWrap(False)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        # The end of a name tells results of one source apart.
        self.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self.setHorizontalHeaderLabels(["Result", *(column.title for column in COLUMNS)])
        for place, column in enumerate(COLUMNS, 1):
            header_item = self.horizontalHeaderItem(place)
            if header_item is not None:
                better = "higher" if column.more_is_better else "lower"
                header_item.setToolTip(f"{column.tip}; {better} is better")
        header, lines = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert lines is not None
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(44)
        lines.hide()

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Be as high as the rows, from one to four."""
        header = self.horizontalHeader()
        height = 2 * self.frameWidth() + (header.sizeHint().height() if header else 0)
        lines = min(max(self.rowCount(), 1), 4)
        return QSize(360, height + lines * max(self.sizeHintForRow(0), 22) + 2)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Be as high as preferred."""
        return QSize(300, self.sizeHint().height())

    @property
    def rows(self) -> tuple[Row, ...]:
        """What is shown."""
        return self._rows

    def set_highlight(self, color: str) -> None:
        """Choose the colour of the best values, ``"#rrggbb"``."""
        self._highlight = color
        self.set_rows(self._rows)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these results."""
        self._rows = tuple(rows)
        self.setRowCount(len(rows))
        for line, row in enumerate(rows):
            name = QTableWidgetItem(row.name)
            name.setToolTip(row.name)
            if row.color is not None:
                name.setIcon(square_icon(row.color))
            self.setItem(line, 0, name)
        for place, column in enumerate(COLUMNS, 1):
            best = best_value(self._rows, column)
            for line, row in enumerate(rows):
                value = _value(row, column)
                item = QTableWidgetItem(_text(value, column))
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if best is not None and value == best and len(rows) > 1:
                    font = item.font()
                    font.setBold(True)
                    item.setFont(font)
                    item.setBackground(QColor(self._highlight))
                    item.setToolTip("Best of this column")
                self.setItem(line, place, item)
        self.resizeRowsToContents()
        self.updateGeometry()

    def as_text(self, separator: str = "\t") -> str:
        """Write the table as lines of cells, with a header line."""
        lines = [["result", *(column.field for column in COLUMNS)]]
        lines += [
            [_quoted(row.name, separator), *(_text(_value(row, c), c, "") for c in COLUMNS)]
            for row in self._rows
        ]
        return "\n".join(separator.join(line) for line in lines) + "\n"


def best_value(rows: Sequence[Row], column: Column) -> float | None:
    """Find the best score of a column, None if no row has one."""
    values = [value for row in rows if (value := _value(row, column)) is not None]
    if not values:
        return None
    return max(values) if column.more_is_better else min(values)


def _value(row: Row, column: Column) -> float | None:
    value = None if row.scores is None else float(getattr(row.scores, column.field))
    return None if value is None or math.isnan(value) else value


def _text(value: float | None, column: Column, missing: str = "–") -> str:
    if value is None:
        return missing
    return "inf" if math.isinf(value) else f"{value:.{column.digits}f}"


def _quoted(name: str, separator: str) -> str:
    return '"' + name.replace('"', '""') + '"' if separator in name or '"' in name else name
