"""What only denoising can be told: the noise, how much of it goes, and what to show."""

from __future__ import annotations

from typing import Literal

from qtpy.QtCore import QObject, QSettings, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QPushButton, QWidget
from superqt import QLabeledDoubleSlider

from napari_hsi_restore.restore.choices import filling
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.widgets.parts.form_rows import Row, combo, number
from napari_hsi_restore.widgets.parts.mask_field import MaskField
from napari_hsi_restore.widgets.parts.noise_panel import NoisePanel

AUTO = "auto"

_STRENGTH = DenoiseRecipe().strength
_MOST_STRENGTH = 1.5
_MOST_SIGMA = 255.0
_FIRST_TYPED_SIGMA = 25.0


class DenoiseOptions(QObject):
    """Fields of a form, in `rows`."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.noise = combo(
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
        self.estimate.setToolTip(
            "Look for noise, stripes, dead lines, impulses and bad bands; changes nothing"
        )
        self.estimate.setAccessibleName("Estimate noise")
        self.found = NoisePanel()
        self.chart = self.found.chart
        self.mask = MaskField()
        self.strength = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.strength.setRange(0.0, _MOST_STRENGTH)
        self.strength.setDecimals(2)
        self.strength.setValue(_STRENGTH)
        self.strength.setAccessibleName("Strength")
        self.strength.setToolTip(
            "Factor on the noise that is removed: 0 changes nothing, 1 is the best estimate"
        )
        self.residual = QCheckBox("Also add the residual")
        self.residual.setToolTip(
            "Input minus output: it should look like noise, not like the scene"
        )
        level = QWidget()
        beside = QHBoxLayout(level)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self.noise, 1)
        beside.addWidget(self.sigma)
        self.rows: tuple[Row, ...] = (
            ("Noise", level),
            ("", self.estimate),
            (None, self.found),
            ("Mask", self.mask),
            ("Strength", self.strength),
            ("", self.residual),
        )
        for signal in (
            self.noise.currentIndexChanged,
            self.sigma.valueChanged,
            self.strength.valueChanged,
            self.residual.toggled,
            self.mask.changed,
        ):
            signal.connect(lambda *_: self.changed.emit())
        self.noise.currentIndexChanged.connect(self._show_sigma)
        self.sigma.valueChanged.connect(self._show_sigma)
        self._show_sigma()

    @property
    def level(self) -> float | Literal["auto"]:
        """The typed noise on the 0..255 scale of white, or ``"auto"``."""
        typed = self.noise.currentData() != AUTO
        return round(float(self.sigma.value()), 2) if typed else "auto"

    def follow_model(self, name: str) -> None:
        """Offer a mask only where the model fills what it hides."""
        fills = (AUTO, *filling())
        why_not = f"{name} fills nothing: for a mask take {', '.join(fills)}"
        self.mask.set_possible("" if name in fills else why_not)

    def recall(self, settings: QSettings) -> None:
        """Take the settings of an earlier session."""
        self.noise.setCurrentIndex(max(0, self.noise.findData(settings.value("noise", AUTO))))
        self.sigma.setValue(number(settings, "sigma", _FIRST_TYPED_SIGMA))
        self.strength.setValue(number(settings, "strength", _STRENGTH))
        self.residual.setChecked(number(settings, "residual", 0.0) > 0)

    def remember(self, settings: QSettings) -> None:
        """Keep the settings for the next session."""
        settings.setValue("noise", self.noise.currentData())
        settings.setValue("sigma", self.sigma.value())
        settings.setValue("strength", self.strength.value())
        settings.setValue("residual", int(self.residual.isChecked()))

    def _show_sigma(self) -> None:
        typed = self.noise.currentData() != AUTO
        self.sigma.setVisible(typed)
        self.chart.show_typed(self.sigma.value() if typed else None)
