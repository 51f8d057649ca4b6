"""Three bands, typed in nanometres, for a false-colour picture."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from napari_hsi_restore.plugin.band_axis import BandAxis

CHANNELS = ("Red", "Green", "Blue")
_PREFERRED_NM = (640.0, 550.0, 460.0)


class BandTriple(QWidget):
    """A field for each of red, green and blue, and a button.

    Signals
    -------
    bands_requested(tuple)
        The button was pressed: three band numbers, for red, green and blue.
    bands_changed(tuple)
        The user typed another wavelength: three band numbers.
    """

    bands_requested = Signal(object)
    bands_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._axis: BandAxis | None = None
        self._chosen: dict[tuple[bool, float, float], tuple[float, ...]] = {}
        self._fields: list[QDoubleSpinBox] = []
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for channel in CHANNELS:
            label = QLabel(channel[0])
            field = QDoubleSpinBox(self)
            # Narrow: wavelengths are typed, and the arrow keys and the wheel still step.
            field.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
            field.setAlignment(Qt.AlignmentFlag.AlignRight)
            field.setAccessibleName(f"{channel} channel")
            field.setToolTip(
                f"Shown as {channel.lower()}: the nearest band to this wavelength (or this band "
                "number, where the cube has no wavelengths)."
            )
            field.setKeyboardTracking(False)
            field.valueChanged.connect(self._on_value)
            # napari's own minimum suits a field with buttons.
            field.setStyleSheet("min-width: 36px; padding: 1px 4px;")
            field.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            label.setBuddy(field)
            layout.addWidget(label)
            layout.addWidget(field, 1)
            self._fields.append(field)
        self._unit = QLabel(self)
        layout.addWidget(self._unit)
        self.button = QPushButton("False colour", self)
        self.button.setAccessibleName("False colour")
        self.button.setToolTip(
            "Show the three bands on the left as a colour layer. While it is seen, drag the lines "
            "R, G and B in the plot, or type other wavelengths: the colours follow."
        )
        self.button.clicked.connect(self._on_click)
        layout.addWidget(self.button)

    @property
    def bands(self) -> tuple[int, int, int] | None:
        """The three bands nearest to what the fields say."""
        if self._axis is None:
            return None
        red, green, blue = (self._axis.nearest(field.value()) for field in self._fields)
        return red, green, blue

    def set_axis(self, axis: BandAxis | None) -> None:
        """Choose the spectral axis; what was typed for one like it comes back."""
        if self._axis is not None:
            self._chosen[_key(self._axis)] = tuple(field.value() for field in self._fields)
        self._axis = axis
        self.setEnabled(axis is not None)
        self._unit.setText("nm" if axis is not None and axis.in_nm else "")
        if axis is None:
            return
        values = self._chosen.get(_key(axis), _proposal(axis))
        for field, value in zip(self._fields, values, strict=True):
            with QSignalBlocker(field):
                field.setRange(*axis.limits)
                field.setDecimals(0)
                field.setSingleStep(10 if axis.in_nm else 1)
                field.setValue(value)

    def set_bands(self, bands: tuple[int, int, int]) -> None:
        """Show where three bands lie, without asking for them."""
        if self._axis is None:
            return
        for field, band in zip(self._fields, bands, strict=True):
            with QSignalBlocker(field):
                field.setValue(float(self._axis.positions[band]))

    def _on_value(self) -> None:
        if (bands := self.bands) is not None:
            self.bands_changed.emit(bands)

    def _on_click(self) -> None:
        if (bands := self.bands) is not None:
            self.bands_requested.emit(bands)


def _key(axis: BandAxis) -> tuple[bool, float, float]:
    return (axis.in_nm, *axis.limits)


def _proposal(axis: BandAxis) -> tuple[float, ...]:
    # True colour where the cube reaches it, else spread over the good bands.
    low, high = axis.limits
    if axis.in_nm and all(low <= centre <= high for centre in _PREFERRED_NM):
        return _PREFERRED_NM
    good = sorted(axis.positions[axis.good]) or sorted(axis.positions)
    return tuple(float(good[round(part * (len(good) - 1))]) for part in (0.8, 0.5, 0.2))
