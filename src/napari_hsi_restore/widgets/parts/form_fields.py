"""Fields of the forms, each with a name for screen readers and a tip."""

from __future__ import annotations

from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QDoubleSpinBox, QFormLayout, QLabel, QSpinBox, QWidget
from superqt import QCollapsible


def number(
    name: str, tip: str, value: float, limits: tuple[float, float], decimals: int = 1
) -> QDoubleSpinBox:
    """A number with a fraction between two limits."""
    field = QDoubleSpinBox()
    field.setAccessibleName(name)
    field.setToolTip(tip)
    field.setDecimals(decimals)
    field.setRange(*limits)
    field.setValue(value)
    return field


def whole(name: str, tip: str, value: int, limits: tuple[int, int]) -> QSpinBox:
    """A whole number between two limits."""
    field = QSpinBox()
    field.setAccessibleName(name)
    field.setToolTip(tip)
    field.setRange(*limits)
    field.setValue(value)
    return field


def heading(text: str) -> QLabel:
    """A line in bold above a part of a form."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


class Folded(QCollapsible):
    """Rows that are hidden until their title is clicked.

    Parameters
    ----------
    title : str
    rows : QFormLayout
    """

    def __init__(self, title: str, rows: QFormLayout) -> None:
        # Icons drawn by the widget itself keep the colours of another theme.
        super().__init__("", expandedIcon=QIcon(), collapsedIcon=QIcon())
        self._title = title
        content = QWidget()
        rows.setContentsMargins(12, 0, 0, 0)
        content.setLayout(rows)
        self.setContent(content)
        self.toggled.connect(self._name)
        self.collapse(animate=False)
        self._name(False)

    def _name(self, expanded: bool) -> None:
        self.setText(f"▾ {self._title}" if expanded else f"▸ {self._title}")
