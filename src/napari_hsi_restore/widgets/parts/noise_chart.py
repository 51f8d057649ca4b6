"""The noise of each band, drawn over the wavelength, with what is wrong with single bands."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import QPoint, QPointF, QSize, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QFrame,
    QLabel,
    QSizePolicy,
    QStackedLayout,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.noise.report import NoiseReport

Float = npt.NDArray[np.float64]

_LEAST_HEIGHT = 130
_SIZE = QSize(260, 170)
_AXIS_HEIGHT = 40
_HEADROOM, _ROW = 1.1, 0.09
_SHOT_ALPHA, _BAD_ALPHA = 90, 70
_TALL = 10.0
# Distinct on dark and on light backgrounds; the shape tells them apart without colours.
_KINDS = (
    ("stripes (shift)", "s", "■", "#e6550d"),
    ("stripes (gain)", "d", "◆", "#9e6bd1"),
    ("dead lines", "t", "▼", "#3182bd"),
    ("impulses", "x", "✖", "#31a354"),
)
_BAD = "#c0504d"
_EMPTY = (
    "What is wrong with the cube appears here after Estimate noise: the noise of each band, "
    "stripes, dead lines, impulses, bad bands, and which model suits that. Preview and Run look "
    "at the noise by themselves."
)


class NoiseChart(QWidget):
    """A small chart of one standard deviation for each band; a sentence until there is one.

    The pointer tells what is known of the band under it.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = "#888888"
        self._report: NoiseReport | None = None
        self._where: Float = np.empty(0)
        self._wavelengths: Float | None = None
        self._highest = 0.0
        self._plot = pg.PlotWidget(background=None)
        self._plot.setAccessibleName("Noise of each band")
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        item = self._plot.getPlotItem()
        # Room for the outermost numbers and for the name of the axis below.
        item.layout.setContentsMargins(2, 10, 10, 2)
        item.getAxis("bottom").setHeight(_AXIS_HEIGHT)
        # The numbers are those that the sentences below give.
        item.getAxis("left").enableAutoSIPrefix(False)
        shade = QColor(_BAD)
        shade.setAlpha(_BAD_ALPHA)
        # One item for all bands: hundreds of them would take too long.
        self.bad = pg.BarGraphItem(x0=[], x1=[], y0=0.0, height=1.0, brush=shade, pen=None)
        self._plot.addItem(self.bad, ignoreBounds=True)
        self.shot = self._plot.plot(pen=None, fillLevel=0.0)
        self.curve = self._plot.plot(symbol="o", symbolSize=4)
        self.marks = {name: pg.ScatterPlotItem(size=8) for name, *_ in _KINDS}
        for (name, symbol, _, color), marks in zip(_KINDS, self.marks.values(), strict=True):
            marks.setSymbol(symbol)
            marks.setBrush(QColor(color))
            marks.setPen(pg.mkPen(None) if name != "impulses" else pg.mkPen(color))
            self._plot.addItem(marks)
        self.typed = pg.InfiniteLine(angle=0, movable=False)
        self.typed.hide()
        self._plot.addItem(self.typed)
        self._plot.scene().sigMouseMoved.connect(self._tell)
        self._arrange()
        self.set_colors("#262930", "#888888", "#4a90d9")

    def _arrange(self) -> None:
        self.empty = QLabel(_EMPTY)
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setFrameShape(QFrame.Shape.StyledPanel)
        self.empty.setMargin(12)
        self.legend = QLabel()
        self.legend.setAccessibleName("Legend of the chart of the noise")
        self.legend.setWordWrap(True)
        drawn = QWidget()
        inside = QVBoxLayout(drawn)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(2)
        inside.addWidget(self._plot, 1)
        inside.addWidget(self.legend)
        # Both pages have one size: nothing below moves when the estimate arrives.
        self._pages = QStackedLayout()
        self._pages.addWidget(self.empty)
        self._pages.addWidget(drawn)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._pages)
        self._plot.setMinimumHeight(_LEAST_HEIGHT)
        self._plot.setMaximumHeight(_SIZE.height())
        self._plot.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size for a narrow dock; pyqtgraph asks for a window's."""
        return _SIZE

    @property
    def shows_noise(self) -> bool:
        """Whether there is an estimate to be seen."""
        return self._pages.currentIndex() == 1

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
        color = QColor(curve)
        self._curve_color = curve
        self.curve.setPen(pg.mkPen(color, width=2))
        self.curve.setSymbolBrush(color)
        self.curve.setSymbolPen(None)
        faint = QColor(curve)
        faint.setAlpha(_SHOT_ALPHA)
        self.shot.setBrush(faint)
        self.typed.setPen(pg.mkPen(QColor(text), width=1, style=Qt.PenStyle.DashLine))
        if self._report is not None:
            self._name_what_is_drawn(self._report)

    def show_report(self, report: NoiseReport, wavelengths_nm: Float | None) -> None:
        """Draw what was found.

        Parameters
        ----------
        report : NoiseReport
        wavelengths_nm : float64 ndarray, (bands,), or None
            In any order; None draws over the number of the band.
        """
        self._report, self._wavelengths = report, wavelengths_nm
        bands = report.shape[0]
        self._where = np.arange(bands, dtype=float) if wavelengths_nm is None else wavelengths_nm
        label = "band" if wavelengths_nm is None else "wavelength (nm)"
        self._plot.setLabel("bottom", label, color=self._text)
        known = any(value is not None for value in report.sigma_255)
        unit = "where white is 255" if known else "in the units of the file"
        self._plot.setLabel("left", "noise σ (0..255)" if known else "noise σ", color=self._text)
        self._plot.setToolTip(f"Standard deviation of the noise of each band, {unit}")
        sigma = _plain(report.sigma_255 if known else report.sigma)
        order = np.argsort(self._where, kind="stable")
        self.curve.setData(self._where[order], sigma[order], connect="finite")
        part = _plain(report.shot_part) if report.shot_part else np.zeros(bands)
        shot = np.sqrt(np.nan_to_num(part)) * np.nan_to_num(sigma)
        self.shot.setVisible(bool(report.shot_part))
        self.shot.setData(self._where[order], shot[order])
        self._highest = float(np.nanmax(sigma, initial=1e-30))
        self._shade(report)
        self._name_what_is_drawn(report)
        self._pages.setCurrentIndex(1)
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
        self._report = None
        self._pages.setCurrentIndex(0)

    def described(self, band: int) -> str:
        """What is known of a band, for the pointer."""
        report = self._report
        if report is None:
            return ""
        place = "" if self._wavelengths is None else f", {self._wavelengths[band]:.5g} nm"
        lines = [f"Band {band}{place}"]
        scaled, stored, snr = report.sigma_255[band], report.sigma[band], report.snr_db[band]
        if scaled is not None:
            lines.append(f"noise σ {scaled:.3g} where white is 255")
        elif stored is not None:
            lines.append(f"noise σ {stored:.3g} in the units of the file")
        if snr is not None:
            lines.append(f"signal to noise {snr:.1f} dB")
        part = report.shot_part[band] if report.shot_part else None
        if part:
            lines.append(f"{part:.0%} of the variance is shot noise")
        if band in report.bad_bands:
            lines.append(f"not worth using: {report.bad_bands[band]}")
        lines += [text for text in report.defects_of(band) if text != report.bad_bands.get(band)]
        return "\n".join(lines)

    def _shade(self, report: NoiseReport) -> None:
        """Shade the bands that are not worth using, and mark those with defects."""
        runs = np.array(_runs(self._where, report.bad_bands)).reshape(-1, 2)
        self.bad.setOpts(x0=runs[:, 0], x1=runs[:, 1], y0=0.0, height=_TALL * self._highest)
        row = 0
        for name, bands in self._marked(report).items():
            height = self._highest * (_HEADROOM + _ROW * row)
            self.marks[name].setData(self._where[list(bands)], np.full(len(bands), height))
            row += bool(bands)

    def _marked(self, report: NoiseReport) -> dict[str, tuple[int, ...]]:
        return {
            "stripes (shift)": report.striped_by("shift"),
            "stripes (gain)": report.striped_by("gain"),
            "dead lines": tuple(report.dead_lines),
            "impulses": report.impulse_bands,
        }

    def _name_what_is_drawn(self, report: NoiseReport) -> None:
        names = [f'<span style="color:{self._curve_color}">●</span> noise']
        if report.shot_part:
            names.append(f'<span style="color:{self._curve_color}">▒</span> of it shot noise')
        marked = self._marked(report)
        names += [
            f'<span style="color:{color}">{sign}</span> {name}'
            for name, _, sign, color in _KINDS
            if marked[name]
        ]
        if report.bad_bands:
            names.append(f'<span style="color:{_BAD}">█</span> bad bands')
        # A sign stays on the line of its name.
        whole = (name.replace("</span> ", "</span>&nbsp;") for name in names)
        self.legend.setText("&nbsp;&nbsp; ".join(whole))

    def _fit(self) -> None:
        typed = self.typed.value() if self.typed.isVisible() else 0.0
        rows = sum(1 for marks in self.marks.values() if len(marks.points()))
        top = max((_HEADROOM + _ROW * (rows + 0.5)) * self._highest, _HEADROOM * typed, 1e-30)
        self._plot.setYRange(0, top, padding=0)

    def point_at(self, where: float) -> None:
        """Say what is known of the band at a wavelength (or number), where it is drawn."""
        box = self._plot.getPlotItem().getViewBox()
        self._tell(box.mapViewToScene(QPointF(where, 0.5 * self._highest)))

    def _tell(self, position: QPointF) -> None:
        """Say what is known of the band under the pointer."""
        box = self._plot.getPlotItem().getViewBox()
        if self._report is None or not box.sceneBoundingRect().contains(position):
            return
        band = int(np.argmin(np.abs(self._where - box.mapSceneToView(position).x())))
        place: QPoint = self._plot.mapToGlobal(self._plot.mapFromScene(position))
        QToolTip.showText(place, self.described(band), self._plot)


def _plain(values: tuple[float | None, ...]) -> Float:
    return np.array([np.nan if value is None else value for value in values])


def _runs(where: Float, chosen: Collection[int]) -> list[tuple[float, float]]:
    """From where to where chosen bands go that are next to each other.

    A band goes halfway to the bands beside it.
    """
    order = np.argsort(where, kind="stable")
    ordered = where[order]
    steps = np.diff(ordered) if len(where) > 1 else np.ones(1)
    half = np.concatenate([steps[:1], steps, steps[-1:]]) / 2
    inside = np.concatenate([[False], np.isin(order, list(chosen)), [False]])
    ends = np.flatnonzero(np.diff(inside.astype(int))).reshape(-1, 2)
    return [
        (float(ordered[first] - half[first]), float(ordered[last - 1] + half[last]))
        for first, last in ends
    ]
