"""Choosing a band on an axis in nanometres, where uneven wavelengths lie right."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QStyle,
    QStyleOptionSlider,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.plugin.band_axis import BandAxis

_SLIDER_STEPS = 10_000


class BandSlider(QWidget):
    """A slider over the spectral axis with a tick a band, and the number to type.

    Attributes
    ----------
    label : QLabel
        Number and wavelength of the shown band; the dock places it.

    Signals
    -------
    band_requested(int)
        The user chose a band.
    """

    band_requested = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._axis: BandAxis | None = None
        self._band = 0
        self._slider = _StepSlider(self)
        self._slider.setRange(0, _SLIDER_STEPS)
        self._slider.setAccessibleName("Band on the wavelength axis")
        self._slider.setToolTip("Drag to a wavelength; arrow keys step from band to band.")
        self._slider.valueChanged.connect(self._on_slider)
        self._slider.sliderReleased.connect(self._show)
        self._slider.steps_requested.connect(self._on_steps)
        self._ticks = _Ticks(self._slider, self)
        self._number = _BandSpinBox(self)
        self._number.setKeyboardTracking(False)
        self._number.setAccessibleName("Wavelength or number of the band")
        self._number.setToolTip("Type a wavelength (or a band number); the nearest band is shown.")
        self._number.valueChanged.connect(self._on_number)
        self._number.steps_requested.connect(self._on_steps)
        self.label = QLabel(self)
        self.label.setAccessibleName("Shown band")

        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(self._slider)
        column.addWidget(self._ticks)
        row = QHBoxLayout()
        row.addLayout(column, 1)
        row.addWidget(self._number, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        self.set_axis(None)

    @property
    def band(self) -> int:
        """The band that is shown."""
        return self._band

    def set_axis(self, axis: BandAxis | None) -> None:
        """Choose the spectral axis; None disables the control."""
        self._axis = axis
        self._band = 0
        self.setEnabled(axis is not None)
        with QSignalBlocker(self._number):
            if axis is None:
                self.label.setText("")
            else:
                self._number.setRange(*axis.limits)
                self._number.setDecimals(1 if axis.in_nm else 0)
                self._number.setSuffix(" nm" if axis.in_nm else "")
        self._ticks.set_axis(axis)
        self._show()

    def set_band(self, band: int) -> None:
        """Show a band without asking for it."""
        self._band = band
        self._show()

    def _show(self) -> None:
        if self._axis is None:
            return
        position = float(self._axis.positions[self._band])
        if not self._slider.isSliderDown():
            with QSignalBlocker(self._slider):
                self._slider.setValue(_to_step(self._axis, position))
        with QSignalBlocker(self._number):
            self._number.setValue(position)
        self.label.setText(self._axis.describe(self._band))

    def _request(self, band: int) -> None:
        changed = band != self._band
        self.set_band(band)
        if changed:
            self.band_requested.emit(band)

    def _on_slider(self, step: int) -> None:
        if self._axis is not None:
            low, high = self._axis.limits
            self._request(self._axis.nearest(low + (high - low) * step / _SLIDER_STEPS))

    def _on_number(self, value: float) -> None:
        if self._axis is not None:
            self._request(self._axis.nearest(value))

    def _on_steps(self, steps: int) -> None:
        if self._axis is not None:
            self._request(self._axis.neighbour(self._band, steps))


def _to_step(axis: BandAxis, position: float) -> int:
    low, high = axis.limits
    return round(_SLIDER_STEPS * (position - low) / (high - low))


class _StepSlider(QSlider):
    # Keys go from band to band, not by a fixed number of nanometres.
    steps_requested = Signal(int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:  # noqa: N802  (Qt's name)
        if event is None:
            return
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_PageDown: -10,
            Qt.Key.Key_PageUp: 10,
            Qt.Key.Key_Home: -1_000_000,
            Qt.Key.Key_End: 1_000_000,
        }.get(Qt.Key(event.key()))
        if steps is None:
            super().keyPressEvent(event)
        else:
            self.steps_requested.emit(steps)


class _BandSpinBox(QDoubleSpinBox):
    # Its arrows go from band to band, too.
    steps_requested = Signal(int)

    def stepBy(self, steps: int) -> None:  # noqa: N802  (Qt's name)
        self.steps_requested.emit(steps)


class _Ticks(QWidget):
    # One short line a band under the slider's groove; bad bands are fainter.
    def __init__(self, slider: QSlider, parent: QWidget) -> None:
        super().__init__(parent)
        self._slider = slider
        self._axis: BandAxis | None = None
        self.setFixedHeight(6)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        return QSize(100, 6)

    def set_axis(self, axis: BandAxis | None) -> None:
        self._axis = axis
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:  # noqa: N802  (Qt's name)
        if self._axis is None:
            return
        option = QStyleOptionSlider()
        self._slider.initStyleOption(option)
        style = self._slider.style()
        assert style is not None
        handle = style.subControlRect(
            QStyle.ComplexControl.CC_Slider,
            option,
            QStyle.SubControl.SC_SliderHandle,
            self._slider,
        ).width()
        span = self.width() - handle
        low, high = self._axis.limits
        painter = QPainter(self)
        color = self.palette().windowText().color()
        for position, good in zip(self._axis.positions, self._axis.good, strict=True):
            color.setAlphaF(0.7 if good else 0.2)
            painter.setPen(color)
            x = round(handle / 2 + span * (position - low) / (high - low))
            painter.drawLine(x, 0, x, self.height())
        painter.end()
