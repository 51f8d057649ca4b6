"""Everything that a denoising run can be told, as one form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QSettings, Qt, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible, QLabeledDoubleSlider

from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.widgets.parts.model_picker import ModelPicker
from napari_hsi_restore.widgets.parts.noise_chart import NoiseChart

AUTO = "auto"
DEFAULTS = DenoiseRecipe()

_MOST_STRENGTH = 1.5
_MOST_SIGMA = 255.0
_FIRST_TYPED_SIGMA = 25.0
_SMALLEST_TILE = 8


class RestoreForm(QWidget):
    """Holds the settings of a run; knows no layer and starts nothing.

    Parameters
    ----------
    models : sequence of (name, purpose)
    parent : QWidget, optional
    """

    changed = Signal()
    estimate_requested = Signal()

    def __init__(self, models: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.picker = ModelPicker(models, self)
        self.noise = _combo(
            "Noise", "Estimated for every band, or one standard deviation that you type"
        )
        self.noise.addItem("auto: estimated per band", AUTO)
        self.noise.addItem("typed σ", "typed")
        self.sigma = QDoubleSpinBox()
        self.sigma.setRange(0.0, _MOST_SIGMA)
        self.sigma.setValue(_FIRST_TYPED_SIGMA)
        self.sigma.setSuffix(" / 255")
        self.sigma.setDecimals(1)
        self.sigma.setAccessibleName("Noise sigma")
        self.sigma.setToolTip("Standard deviation of the noise where the white level is 255")
        self.estimate = QPushButton("Estimate noise")
        self.estimate.setToolTip("Estimate the noise of every band and draw it; changes nothing")
        self.estimate.setAccessibleName("Estimate noise")
        self.noise_text = QLabel()
        self.noise_text.setWordWrap(True)
        self.chart = NoiseChart()
        self.strength = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.strength.setRange(0.0, _MOST_STRENGTH)
        self.strength.setDecimals(2)
        self.strength.setValue(DEFAULTS.strength)
        self.strength.setAccessibleName("Strength")
        self.strength.setToolTip(
            "Factor on the noise that is removed: 0 changes nothing, 1 is the best estimate"
        )
        self.device = _combo("Device", "What computes, with its free memory")
        self.device.addItem("auto", AUTO)
        self.free = QLabel()
        self.free.setAccessibleName("Free memory of the device")
        self._memory_of: dict[str, str] = {}
        self._best = ""
        self.memory = QDoubleSpinBox()
        self.memory.setRange(0.0, 1024.0)
        self.memory.setSingleStep(0.5)
        self.memory.setSuffix(" GiB")
        self.memory.setSpecialValueText("automatic")
        self.memory.setAccessibleName("Memory limit")
        self.memory.setToolTip(
            "Memory that tiles may take, beside cube and result; automatic: half of what is free"
        )
        self.tile = QSpinBox()
        self.tile.setRange(_SMALLEST_TILE - 1, 4096)
        self.tile.setSuffix(" px")
        self.tile.setSpecialValueText("automatic")
        self.tile.setAccessibleName("Tile size")
        self.tile.setToolTip(
            "Side of a tile; the result does not depend on it; automatic: what fits the memory"
        )
        # Icons drawn by the widget itself keep the colours of another theme.
        self.advanced = QCollapsible("", expandedIcon=QIcon(), collapsedIcon=QIcon())
        self.residual = QCheckBox("Also add the residual")
        self.residual.setToolTip(
            "Input minus output: it should look like noise, not like the scene"
        )
        self._arrange()
        self.forget_noise()
        self._connect()

    def _arrange(self) -> None:
        noise = QHBoxLayout()
        noise.addWidget(self.noise, 1)
        noise.addWidget(self.sigma)
        self._name_advanced(False)
        advanced = QWidget()
        folded = _form()
        folded.setContentsMargins(12, 0, 0, 0)
        folded.addRow("Memory limit", self.memory)
        folded.addRow("Tile size", self.tile)
        advanced.setLayout(folded)
        self.advanced.setContent(advanced)
        self.advanced.toggled.connect(self._name_advanced)
        self.advanced.collapse(animate=False)
        # One form for all rows, so that their fields start in one line.
        self._rows = _form()
        self._rows.addRow("Model", self.picker.list)
        self._rows.addRow("", self.picker.purpose)
        self._rows.addRow("Noise", noise)
        self._rows.addRow("", self.estimate)
        self._rows.addRow("", self.noise_text)
        self._rows.addRow(self.chart)
        self._rows.addRow("Strength", self.strength)
        self._rows.addRow("Device", self.device)
        self._rows.addRow("", self.free)
        self._rows.addRow("", self.residual)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._rows)
        layout.addWidget(self.advanced)
        layout.addStretch()

    def put_first(self, label: str, field: QWidget) -> None:
        """Put a row above all others, such as for what is to be restored."""
        self._rows.insertRow(0, label, field)

    def _connect(self) -> None:
        self.estimate.clicked.connect(self.estimate_requested)
        self.noise.currentIndexChanged.connect(self._show_sigma)
        self.sigma.valueChanged.connect(self._show_sigma)
        self.device.currentIndexChanged.connect(self._show_memory)
        for signal in (
            self.picker.model_changed,
            self.noise.currentIndexChanged,
            self.sigma.valueChanged,
            self.strength.valueChanged,
            self.device.currentIndexChanged,
            self.memory.valueChanged,
            self.tile.valueChanged,
            self.residual.toggled,
        ):
            signal.connect(lambda *_: self.changed.emit())
        self._show_sigma()

    def recipe(self) -> DenoiseRecipe:
        """Return the settings as they stand."""
        typed = self.noise.currentData() != AUTO
        memory, tile = self.memory.value(), self.tile.value()
        return DenoiseRecipe(
            model=self.picker.model,
            noise=round(self.sigma.value(), 2) if typed else "auto",
            strength=round(self.strength.value(), 2),
            device=self.device.currentData(),
            memory_limit_gib=memory if memory > self.memory.minimum() else None,
            tile=tile if tile > self.tile.minimum() else None,
        )

    @property
    def on_gpu(self) -> bool:
        """Whether the chosen device is a GPU, as far as that is known."""
        chosen = self.device.currentData()
        return str(self._best if chosen == AUTO else chosen).startswith("cuda")

    def show_devices(self, devices: Sequence[DeviceInfo]) -> None:
        """List the devices with their free memory; the first is what automatic means."""
        chosen = self.device.currentData()
        self.device.blockSignals(True)
        self.device.clear()
        best = f": {devices[0].label}" if devices else ""
        self.device.addItem(f"auto{best}", AUTO)
        for device in devices:
            self.device.addItem(device.label, device.name)
        index = self.device.findData(chosen)
        if index < 0:
            # A device that was chosen once and is gone is named by the error of the run.
            self.device.addItem(f"{chosen} (not found)", chosen)
            index = self.device.count() - 1
        self.device.setCurrentIndex(index)
        self.device.blockSignals(False)
        self._memory_of = {device.name: _memory(device) for device in devices}
        self._memory_of[AUTO] = _memory(devices[0]) if devices else ""
        self._best = devices[0].name if devices else ""
        self._show_memory()

    def forget_noise(self) -> None:
        """Show no estimate: it belongs to another cube."""
        self.chart.forget()
        self.noise_text.hide()

    def show_noise(
        self,
        summary: str,
        sigma: npt.NDArray[np.float64],
        wavelengths_nm: npt.NDArray[np.float64] | None,
    ) -> None:
        """Show an estimate, as a line and as a chart.

        Parameters
        ----------
        summary : str
        sigma : float64 ndarray, (bands,)
            On the 0..255 scale of white; NaN for bands without measurements.
        wavelengths_nm : float64 ndarray, (bands,), or None
        """
        self.noise_text.setText(summary)
        self.noise_text.show()
        self.chart.show_noise(sigma, wavelengths_nm)

    def recall(self, settings: QSettings) -> None:
        """Take the settings of an earlier session."""
        self.picker.model = str(settings.value("model", DEFAULTS.model))
        self.noise.setCurrentIndex(max(0, self.noise.findData(settings.value("noise", AUTO))))
        device = str(settings.value("device", DEFAULTS.device))
        if self.device.findData(device) < 0:
            self.device.addItem(device, device)
        self.device.setCurrentIndex(self.device.findData(device))
        self.sigma.setValue(_number(settings, "sigma", _FIRST_TYPED_SIGMA))
        self.strength.setValue(_number(settings, "strength", DEFAULTS.strength))
        self.memory.setValue(_number(settings, "memory_limit_gib", self.memory.minimum()))
        self.tile.setValue(int(_number(settings, "tile", self.tile.minimum())))
        self.residual.setChecked(_number(settings, "residual", 0.0) > 0)

    def remember(self, settings: QSettings) -> None:
        """Keep the settings for the next session."""
        settings.setValue("model", self.picker.model)
        settings.setValue("noise", self.noise.currentData())
        settings.setValue("device", self.device.currentData())
        settings.setValue("sigma", self.sigma.value())
        settings.setValue("strength", self.strength.value())
        settings.setValue("memory_limit_gib", self.memory.value())
        settings.setValue("tile", self.tile.value())
        settings.setValue("residual", int(self.residual.isChecked()))

    def _show_memory(self) -> None:
        self.free.setText(self._memory_of.get(self.device.currentData(), ""))

    def _name_advanced(self, expanded: bool) -> None:
        self.advanced.setText("▾ Advanced" if expanded else "▸ Advanced")

    def _show_sigma(self) -> None:
        typed = self.noise.currentData() != AUTO
        self.sigma.setVisible(typed)
        self.chart.show_typed(self.sigma.value() if typed else None)


def _form() -> QFormLayout:
    form = QFormLayout()
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setContentsMargins(0, 0, 0, 0)
    return form


def _combo(name: str, tip: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    return combo


def _number(settings: QSettings, key: str, default: float) -> float:
    try:
        return float(settings.value(key, default))
    except (TypeError, ValueError):
        return default


def _memory(device: DeviceInfo) -> str:
    free, total = device.free_bytes / 2**30, device.total_bytes / 2**30
    return f"{free:.1f} of {total:.1f} GiB memory free"
