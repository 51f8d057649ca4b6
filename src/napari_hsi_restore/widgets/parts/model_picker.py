"""A list of models with a line on what each is for."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

AUTO = "auto"
_AUTO_PURPOSE = "Takes the bundled model that suits the number of bands."


class ModelPicker(QWidget):
    """Chooses a model by name; ``"auto"`` comes first.

    Parameters
    ----------
    models : sequence of (name, purpose)
    parent : QWidget, optional
    """

    model_changed = Signal(str)

    def __init__(self, models: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QComboBox()
        self.list.setAccessibleName("Model")
        self.list.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.list.setMinimumContentsLength(8)
        self.list.setToolTip("The network that removes the noise")
        self.purpose = QLabel()
        self.purpose.setWordWrap(True)
        self.purpose.setAccessibleName("What the model is for")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.list)
        layout.addWidget(self.purpose)
        self.list.addItem("auto (recommended)", (AUTO, _AUTO_PURPOSE))
        for name, purpose in models:
            self.list.addItem(name, (name, purpose))
        self.list.currentIndexChanged.connect(self._show)
        self._show()

    @property
    def model(self) -> str:
        """Name of the chosen model, or ``"auto"``."""
        name: str = self.list.currentData()[0]
        return name

    @model.setter
    def model(self, name: str) -> None:
        for index in range(self.list.count()):
            if self.list.itemData(index)[0] == name:
                self.list.setCurrentIndex(index)

    def _show(self) -> None:
        name, purpose = self.list.currentData()
        self.purpose.setText(purpose)
        self.model_changed.emit(name)
