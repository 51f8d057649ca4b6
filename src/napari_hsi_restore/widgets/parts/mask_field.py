"""Which layer hides pixels: none, one that is there, or a new one to paint on."""

from __future__ import annotations

from collections.abc import Sequence

from napari.layers import Layer
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QWidget

_NONE, _NEW, _NOT_HERE = "None", "New…", "not with this model"
_TIP = (
    "Painted pixels count as missing and are filled, such as clouds. “New…” adds an empty layer "
    "over the cube: paint on it, then run"
)


class MaskField(QComboBox):
    """Lists layers that a mask can be taken from.

    Signals
    -------
    changed()
        Another layer was chosen.
    new_requested()
        The user wants an empty layer to paint on.
    """

    changed = Signal()
    new_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layers: list[Layer] = []
        self._chosen: Layer | None = None
        self.setAccessibleName("Mask")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(8)
        self.activated.connect(self._choose)
        self.set_possible("")

    @property
    def layer(self) -> Layer | None:
        """The chosen layer; None where there is none, or where the model fills nothing."""
        return self._chosen if self.isEnabled() else None

    def set_layers(self, layers: Sequence[Layer]) -> None:
        """Offer these layers; what was chosen stays chosen where it is among them."""
        self._layers = list(layers)
        if self._chosen is not None and self._chosen not in self._layers:
            self._chosen = None
            self.changed.emit()
        self._list()

    def choose(self, layer: Layer | None) -> None:
        """Choose a layer that is offered."""
        self._chosen = layer if layer in self._layers else None
        self._list()
        self.changed.emit()

    def set_possible(self, why_not: str) -> None:
        """Say why there can be no mask; empty where there can be one."""
        self.setEnabled(not why_not)
        self.setToolTip(why_not or _TIP)
        self._list()

    def _list(self) -> None:
        with QSignalBlocker(self):
            self.clear()
            if not self.isEnabled():
                # A layer that is shown here would seem to count.
                self.addItem(_NOT_HERE)
                return
            self.addItem(_NONE)
            self.addItems([layer.name for layer in self._layers])
            self.insertSeparator(self.count())
            self.addItem(_NEW)
            chosen = self._chosen
            self.setCurrentIndex(0 if chosen is None else 1 + self._layers.index(chosen))

    def _choose(self, index: int) -> None:
        if index == self.count() - 1:
            # The new layer becomes the choice once it is there.
            self._list()
            self.new_requested.emit()
        elif index <= len(self._layers):
            self._chosen = self._layers[index - 1] if index else None
            self.changed.emit()
