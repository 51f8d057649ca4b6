"""What only denoising can be told: the noise, how much of it goes, and what to show."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QSettings, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledDoubleSlider

from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.widgets.parts.form_rows import Row, combo, number
from napari_hsi_restore.widgets.parts.noise_chart import NoiseChart

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
        self.estimate.setToolTip("Estimate the noise of every band and draw it; changes nothing")
        self.estimate.setAccessibleName("Estimate noise")
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.chart = NoiseChart()
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
        level, estimate = QWidget(), QWidget()
        beside, below = QHBoxLayout(level), QVBoxLayout(estimate)
        for layout in (beside, below):
            layout.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self.noise, 1)
        beside.addWidget(self.sigma)
        below.addWidget(self.estimate)
        below.addWidget(self.summary)
        self.rows: tuple[Row, ...] = (
            ("Noise", level),
            ("", estimate),
            (None, self.chart),
            ("Strength", self.strength),
            ("", self.residual),
        )
        for signal in (
            self.noise.currentIndexChanged,
            self.sigma.valueChanged,
            self.strength.valueChanged,
            self.residual.toggled,
        ):
            signal.connect(lambda *_: self.changed.emit())
        self.noise.currentIndexChanged.connect(self._show_sigma)
        self.sigma.valueChanged.connect(self._show_sigma)
        self._show_sigma()
        self.forget_noise()

    @property
    def level(self) -> float | Literal["auto"]:
        """The typed noise on the 0..255 scale of white, or ``"auto"``."""
        typed = self.noise.currentData() != AUTO
        return round(float(self.sigma.value()), 2) if typed else "auto"

    def forget_noise(self) -> None:
        """Show no estimate: it belongs to another cube."""
        self.chart.forget()
        self.summary.hide()

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
        self.summary.setText(summary)
        self.summary.show()
        self.chart.show_noise(sigma, wavelengths_nm)

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
