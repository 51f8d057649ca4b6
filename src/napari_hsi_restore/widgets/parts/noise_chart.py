"""The noise of each band, drawn over the wavelength."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QVBoxLayout, QWidget

_HEIGHT = 145


class NoiseChart(QWidget):
    """A small chart of one standard deviation for each band."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plot = pg.PlotWidget(background=None)
        self._plot.setAccessibleName("Noise of each band")
        self._plot.setToolTip("Estimated noise of each band, on the 0..255 scale of white")
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self.curve = self._plot.plot(symbol="o", symbolSize=3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self.setFixedHeight(_HEIGHT)
        self.set_colors("#888888", "#4a90d9")

    def set_colors(self, text: str, curve: str) -> None:
        """Follow a theme.

        Parameters
        ----------
        text, curve : str
            Colour names as Qt takes them.
        """
        self._text = text
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(QColor(text))
            axis.setTextPen(QColor(text))
        self._plot.setLabel("left", "noise σ (0..255)", color=text)
        color = QColor(curve)
        self.curve.setPen(pg.mkPen(color, width=2))
        self.curve.setSymbolBrush(color)
        self.curve.setSymbolPen(None)

    def show_noise(
        self, sigma: npt.NDArray[np.float64], wavelengths_nm: npt.NDArray[np.float64] | None
    ) -> None:
        """Draw the noise.

        Parameters
        ----------
        sigma : float64 ndarray, (bands,)
            On the 0..255 scale of white; NaN leaves a gap.
        wavelengths_nm : float64 ndarray, (bands,), or None
            In any order; None draws over the number of the band.
        """
        where = np.arange(sigma.size) if wavelengths_nm is None else wavelengths_nm
        label = "band" if wavelengths_nm is None else "wavelength (nm)"
        order = np.argsort(where, kind="stable")
        self._plot.setLabel("bottom", label, color=self._text)
        self.curve.setData(where[order], sigma[order], connect="finite")
        self._plot.setYRange(0, 1.1 * float(np.nanmax(sigma, initial=1e-6)))
