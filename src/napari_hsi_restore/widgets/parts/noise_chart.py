"""The noise of each band, drawn over the wavelength."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QFrame, QLabel, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

_LEAST_HEIGHT = 130
_SIZE = QSize(260, 160)
_AXIS_HEIGHT = 40
_HEADROOM = 1.15
_EMPTY = (
    "The noise of each band appears here after Estimate noise. Preview and Run estimate it "
    "by themselves."
)


class NoiseChart(QWidget):
    """A small chart of one standard deviation for each band; a sentence until there is one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = "#888888"
        self._highest = 0.0
        self._plot = pg.PlotWidget(background=None)
        self._plot.setAccessibleName("Noise of each band")
        self._plot.setToolTip(
            "Estimated noise of each band on the scale where white is 255; the dashed line is "
            "the typed value"
        )
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        item = self._plot.getPlotItem()
        # Room for the outermost numbers and for the name of the axis below.
        item.layout.setContentsMargins(2, 10, 10, 2)
        item.getAxis("bottom").setHeight(_AXIS_HEIGHT)
        self.curve = self._plot.plot(symbol="o", symbolSize=4)
        self.typed = pg.InfiniteLine(angle=0, movable=False)
        self.typed.hide()
        self._plot.addItem(self.typed)
        self.empty = QLabel(_EMPTY)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setFrameShape(QFrame.Shape.StyledPanel)
        self.empty.setMargin(12)
        # Both pages have one size: nothing below moves when the estimate arrives.
        self._pages = QStackedLayout()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(self._plot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._pages)
        self.setMinimumHeight(_LEAST_HEIGHT)
        self.setMaximumHeight(_SIZE.height())
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.set_colors("#262930", "#888888", "#4a90d9")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size for a narrow dock; pyqtgraph asks for a window's."""
        return _SIZE

    @property
    def shows_noise(self) -> bool:
        """Whether there is an estimate to be seen."""
        return self._pages.currentWidget() is self._plot

    def set_colors(self, background: str, text: str, curve: str) -> None:
        """Follow a theme.

        Parameters
        ----------
        background, text, curve : str
            Colour names as Qt takes them.
        """
        self._plot.setBackground(background)
        self._text = text
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(QColor(text))
            axis.setTextPen(QColor(text))
            if axis.label.isVisible():
                axis.setLabel(axis.labelText, color=text)
        self._plot.setLabel("left", "noise σ (0..255)", color=text)
        color = QColor(curve)
        self.curve.setPen(pg.mkPen(color, width=2))
        self.curve.setSymbolBrush(color)
        self.curve.setSymbolPen(None)
        self.typed.setPen(pg.mkPen(QColor(text), width=1, style=Qt.PenStyle.DashLine))

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
        self._highest = float(np.nanmax(sigma, initial=1e-6))
        self._pages.setCurrentWidget(self._plot)
        self._fit()

    def show_typed(self, sigma: float | None) -> None:
        """Draw a typed value across all bands; None takes it away.

        Parameters
        ----------
        sigma : float or None
            On the 0..255 scale of white.
        """
        self.typed.setVisible(sigma is not None)
        if sigma is not None:
            self.typed.setValue(sigma)
        self._fit()

    def forget(self) -> None:
        """Show no estimate: it belongs to another cube."""
        self._pages.setCurrentWidget(self.empty)

    def _fit(self) -> None:
        typed = self.typed.value() if self.typed.isVisible() else 0.0
        self._plot.setYRange(0, _HEADROOM * max(self._highest, typed, 1e-6), padding=0)
