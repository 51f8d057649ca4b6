"""Groups of rows of one form that come and go together."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

Row = tuple[str | None, QWidget]
"""Label and field; None for a field that takes the whole width."""


def form_layout() -> QFormLayout:
    """Make a form whose fields take the width that there is."""
    form = QFormLayout()
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setContentsMargins(0, 0, 0, 0)
    return form


def add_rows(form: QFormLayout, rows: Sequence[Row]) -> None:
    """Add rows to a form."""
    for label, field in rows:
        if label is None:
            form.addRow(field)
        else:
            form.addRow(label, field)


def show_rows(form: QFormLayout, rows: Sequence[Row], shown: bool) -> None:
    """Show or hide rows with their labels."""
    for _, field in rows:
        field.setVisible(shown)
        if (label := form.labelForField(field)) is not None:
            label.setVisible(shown)


def combo(name: str, tip: str) -> QComboBox:
    """Make a list that may be narrow."""
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(tip)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    return box


def number(settings: QSettings, key: str, default: float) -> float:
    """Take a number from the settings, the default if it is damaged."""
    try:
        return float(settings.value(key, default))
    except (TypeError, ValueError):
        return default
