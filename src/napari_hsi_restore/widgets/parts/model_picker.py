"""A list of models and methods with a line on what each is for."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtGui import QStandardItemModel
from qtpy.QtWidgets import QComboBox, QLabel

AUTO = "auto"
_AUTO_PURPOSE = "Takes what suits the cube."
_PURPOSE_LINES = 2


class ModelPicker(QObject):
    """Chooses a model or method by name; ``"auto"`` comes first.

    It has two widgets, `list` and `purpose`, for two rows of a form.
    """

    model_changed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.list = QComboBox()
        self.list.setAccessibleName("Model")
        self.list.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.list.setMinimumContentsLength(8)
        self.list.setToolTip("The network or method that does it")
        self.purpose = QLabel()
        self.purpose.setWordWrap(True)
        self.purpose.setAccessibleName("What the model is for")
        self.purpose.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        # The rows below stay where they are when another model has a shorter text.
        self.purpose.setMinimumHeight(_PURPOSE_LINES * self.purpose.fontMetrics().lineSpacing())
        self.list.currentIndexChanged.connect(self._show)
        self.set_groups(())

    def set_groups(self, groups: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> None:
        """Offer other models; what was chosen stays chosen where it is among them.

        Parameters
        ----------
        groups : sequence of (title, entries)
            Each entry is a (name, purpose). An empty title is not shown.
        """
        chosen = self.model if self.list.count() else AUTO
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addItem("", (AUTO, ""))
        for title, entries in groups:
            if title and entries:
                self._add_title(title)
            for name, purpose in entries:
                self.list.addItem(name, (name, purpose))
                self.list.setItemData(self.list.count() - 1, purpose, Qt.ItemDataRole.ToolTipRole)
        self.list.blockSignals(False)
        self.set_automatic("", "")
        self.model = chosen
        self._show()

    def _add_title(self, title: str) -> None:
        """Add a line that cannot be chosen."""
        self.list.addItem(title, ("", ""))
        model = self.list.model()
        if isinstance(model, QStandardItemModel):
            item = model.item(self.list.count() - 1)
            assert item is not None
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            font = item.font()
            font.setBold(True)
            item.setFont(font)

    @property
    def model(self) -> str:
        """Name of the chosen model, or ``"auto"``."""
        name: str = self.list.currentData()[0]
        return name

    @model.setter
    def model(self, name: str) -> None:
        for index in range(self.list.count()):
            if name and self.list.itemData(index)[0] == name:
                self.list.setCurrentIndex(index)

    def set_automatic(self, name: str, purpose: str) -> None:
        """Say which model ``"auto"`` means at present.

        Parameters
        ----------
        name : str
            Of a model; empty while that is not known.
        purpose : str
            What it is for, or why it was chosen.
        """
        self.list.setItemText(0, f"auto: {name}" if name else "auto (recommended)")
        self.list.setItemData(0, (AUTO, purpose or _AUTO_PURPOSE))
        if self.list.currentIndex() == 0:
            self.purpose.setText(purpose or _AUTO_PURPOSE)

    def _show(self) -> None:
        name, purpose = self.list.currentData()
        self.purpose.setText(purpose)
        self.model_changed.emit(name)
