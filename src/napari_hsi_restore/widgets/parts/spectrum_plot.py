"""The one plot of spectra: live curve, pins, regions, bad bands, marker of the shown band."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.spectra import Curve, discard
from napari_hsi_restore.widgets.parts.band_drag import BandDragBox
from napari_hsi_restore.widgets.parts.channel_lines import ChannelLines
from napari_hsi_restore.widgets.parts.legend import Legend
from napari_hsi_restore.widgets.parts.theme import PlotColors

_TITLE_FEET_PX = 7
_FIGURE_SIZE = QSize(1200, 750)
_SPREAD_ALPHA = 60
_GRIP_PX = 6
_WHOLE_NAME = 120
_PEN_STYLES = {
    "solid": Qt.PenStyle.SolidLine,
    "dash": Qt.PenStyle.DashLine,
    "dot": Qt.PenStyle.DotLine,
    "dash-dot": Qt.PenStyle.DashDotLine,
}
_TIP = (
    "Spectra. Click or drag the vertical line to show that band; drag with the left "
    "button to move, turn the wheel to zoom, right-click for more."
)
_EDITING_TIP = "Drag over bands, or click one, to mark them bad, or good if all of them are bad."


class SpectrumPlot(QWidget):
    """Curves over wavelength (or band number), with a marker that can be dragged.

    Parameters
    ----------
    parent : QWidget, optional
    longest_name : int
        Letters of a name in the legend; of a longer one the middle is left out.

    Signals
    -------
    band_requested(int)
        The user clicked into the plot or dragged the marker.
    removal_requested(object)
        The user wants a curve with this `mark` away.
    stretch_requested(float, float)
        The user dragged over a stretch of the axis, or clicked a place, while bands are edited.
    channels_requested(tuple)
        The user dragged one of the lines R, G, B: three band numbers.
    """

    band_requested = Signal(int)
    removal_requested = Signal(object)
    stretch_requested = Signal(float, float)
    channels_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None, longest_name: int = 40) -> None:
        super().__init__(parent)
        self._axis: BandAxis | None = None
        self._value_title = ""
        self._curves: tuple[Curve, ...] = ()
        self._colors: PlotColors | None = None
        self._lines: list[pg.PlotDataItem] = []
        self._spreads: list[pg.FillBetweenItem] = []
        self._shades: list[pg.LinearRegionItem] = []

        self._box = BandDragBox()
        self._box.stretch_chosen.connect(self.stretch_requested)
        self._plot = pg.PlotWidget(self, viewBox=self._box)
        self._plot.setAccessibleName("Spectra")
        self._plot.setToolTip(_TIP)
        item = self._plot.getPlotItem()
        item.setMenuEnabled(True)
        item.hideButtons()
        for side in ("bottom", "left"):
            item.getAxis(side).enableAutoSIPrefix(False)
        item.showGrid(x=True, y=True, alpha=0.15)
        # pyqtgraph lets the feet of the title hang below the edge.
        item.setContentsMargins(0, 2, 4, _TITLE_FEET_PX)
        self._marker = pg.InfiniteLine(angle=90, movable=True)
        self._marker.setZValue(20)
        self._marker.hide()
        self._marker.sigDragged.connect(self._on_marker_dragged)
        self._marker.sigPositionChangeFinished.connect(self._on_marker_dropped)
        item.addItem(self._marker, ignoreBounds=True)
        self._channels = ChannelLines(item, self)
        self._channels.bands_requested.connect(self.channels_requested)
        self._message = pg.TextItem(anchor=(0.5, 0.5))
        self._message.setParentItem(item.getViewBox())
        self._message.hide()
        item.getViewBox().sigResized.connect(self._place_message)
        self._plot.scene().sigMouseClicked.connect(self._on_click)

        self._legend = Legend(self, longest_name)
        self._legend.removal_requested.connect(self.removal_requested)
        self._legend.hide()

        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._legend)
        layout.addWidget(self._plot, 1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(150)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Prefer a landscape shape."""
        return QSize(360, 260)

    def set_colors(self, colors: PlotColors) -> None:
        """Follow a theme."""
        self._colors = colors
        self._plot.setBackground(colors.background)
        item = self._plot.getPlotItem()
        for side in ("bottom", "left"):
            axis = item.getAxis(side)
            axis.setPen(colors.text)
            axis.setTextPen(colors.text)
        self._legend.setStyleSheet(
            f"color: {colors.text}; background: {colors.background}; padding: 3px 6px;"
        )
        accent = QColor(colors.accent)
        accent.setAlpha(170)
        self._marker.setPen(pg.mkPen(accent, width=1.5, style=Qt.PenStyle.DashLine))
        self._marker.setHoverPen(pg.mkPen(colors.accent, width=3))
        self._message.setColor(colors.text)
        self._box.set_color(colors.accent)
        self._shade_bad_bands()

    def set_axis(self, axis: BandAxis | None, value_title: str = "") -> None:
        """Choose the spectral axis and name the values; None empties the plot."""
        self._axis = axis
        item = self._plot.getPlotItem()
        self.set_value_title(value_title)
        self._channels.set_axis(axis)
        self._shade_bad_bands()
        for side in ("bottom", "left"):
            item.getAxis(side).setStyle(showValues=axis is not None)
        item.showGrid(x=axis is not None, y=axis is not None, alpha=0.15)
        if axis is None:
            item.setLabel("bottom", "")
            self._marker.hide()
            self.set_curves(())
            return
        item.setLabel("bottom", axis.title)
        low, high = axis.limits
        margin = 0.02 * (high - low)
        item.setXRange(low - margin, high + margin, padding=0)
        self._marker.setBounds((low, high))
        item.enableAutoRange(axis="y")

    def set_value_title(self, title: str) -> None:
        """Name what the curves show, and fit the plot to their height anew."""
        self._value_title = title
        item = self._plot.getPlotItem()
        item.setLabel("left", title)
        item.enableAutoRange(axis="y")

    def set_good_bands(self, axis: BandAxis) -> None:
        """Shade the bad bands of an axis that differs from the present one in these alone."""
        self._axis = axis
        self._shade_bad_bands()

    def set_editing(self, editing: bool) -> None:
        """Let a drag or a click choose bands to mark, rather than move the plot or the band."""
        self._box.choosing = editing
        self._marker.setMovable(not editing)
        self._channels.set_movable(not editing)
        self._plot.setToolTip(_EDITING_TIP if editing else _TIP)
        self._plot.setCursor(Qt.CursorShape.SplitHCursor if editing else Qt.CursorShape.ArrowCursor)

    def set_channels(self, bands: tuple[int, int, int] | None) -> None:
        """Show the lines R, G and B at three bands; None hides them."""
        self._channels.set_bands(bands)

    def set_band(self, band: int | None) -> None:
        """Move the marker without asking for a band; None hides it."""
        if self._axis is None or band is None:
            self._marker.hide()
            return
        if not self._marker.moving:
            self._marker.setValue(float(self._axis.positions[band]))
        self._marker.show()

    def set_message(self, text: str) -> None:
        """Say something in the middle of the plot; an empty text removes it."""
        self._message.setText(text)
        self._message.setVisible(bool(text))
        self._place_message()

    def set_curves(self, curves: Sequence[Curve]) -> None:
        """Show these curves and no others.

        Bad bands and missing values are gaps.
        """
        self._curves = tuple(curves)
        item = self._plot.getPlotItem()
        while len(self._lines) < len(curves):
            self._lines.append(item.plot(connect="finite"))
        for line in self._lines[len(curves) :]:
            line.hide()
        for fill in self._spreads:
            item.removeItem(fill)
        self._spreads.clear()
        for line, curve in zip(self._lines, curves, strict=False):
            x, y = curve.axis.polyline(curve.values)
            width = 1.5 if curve.live else 2
            few = np.isfinite(y).sum() == 1
            line.setData(
                x,
                y,
                pen=pg.mkPen(curve.color, width=width, style=_PEN_STYLES[curve.style]),
                symbol="o" if few else None,
                symbolBrush=curve.color,
            )
            line.setZValue(10 if curve.live else 5)
            line.show()
            if curve.spread is not None:
                self._add_spread(x, y, curve.axis.polyline(curve.spread)[1], curve.color)
        self._update_legend(curves)

    def save_png(self, path: str | Path) -> Path:
        """Save these curves as a figure of 1200 x 750 pixels in the present colours.

        Raises
        ------
        UserError
            If there is no curve, or the file cannot be written.
        """
        if self._axis is None or not self._curves:
            raise UserError(
                "There is no spectrum to save; move the cursor over the image or pin a pixel."
            )
        figure = SpectrumPlot(longest_name=_WHOLE_NAME)
        if self._colors is not None:
            figure.set_colors(self._colors)
        figure.set_axis(self._axis, self._value_title)
        figure.set_curves([dataclasses.replace(curve, mark=None) for curve in self._curves])
        figure.resize(_FIGURE_SIZE)
        # The first drawing tells the axes how wide their numbers are.
        figure.grab()
        figure._plot.getPlotItem().layout.activate()
        target = Path(path)
        part = target.with_name(f".{target.name}.part")
        saved = figure.grab().save(str(part), "PNG")
        figure.deleteLater()
        try:
            if not saved:
                raise OSError
            part.replace(target)
        except OSError:
            discard(part)
            raise UserError(f"{target}: cannot be written; choose another folder.") from None
        return target

    def _add_spread(
        self,
        x: npt.NDArray[np.float64],
        y: npt.NDArray[np.float64],
        spread: npt.NDArray[np.float64],
        color: str,
    ) -> None:
        item = self._plot.getPlotItem()
        fill_color = QColor(color)
        fill_color.setAlpha(_SPREAD_ALPHA)
        known = np.isfinite(y) & np.isfinite(spread)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
        for start, stop in edges.reshape(-1, 2):
            run = slice(start, stop)
            low = pg.PlotCurveItem(x[run], y[run] - spread[run])
            high = pg.PlotCurveItem(x[run], y[run] + spread[run])
            fill = pg.FillBetweenItem(low, high, brush=fill_color)
            fill.setZValue(1)
            item.addItem(fill, ignoreBounds=True)
            self._spreads.append(fill)

    def _update_legend(self, curves: Sequence[Curve]) -> None:
        single = len(curves) == 1 and curves[0].mark is None
        self._legend.set_curves(() if single else curves)
        self._legend.setVisible(bool(curves) and not single)

    def _shade_bad_bands(self) -> None:
        item = self._plot.getPlotItem()
        for shade in self._shades:
            item.removeItem(shade)
        self._shades.clear()
        if self._axis is None or self._colors is None:
            return
        color = QColor(self._colors.shade)
        color.setAlpha(110)
        for low, high in self._axis.bad_runs():
            shade = pg.LinearRegionItem((low, high), movable=False, brush=color, pen=pg.mkPen(None))
            shade.setZValue(-10)
            shade.setToolTip("Bands that are marked as bad")
            item.addItem(shade, ignoreBounds=True)
            self._shades.append(shade)

    def _place_message(self) -> None:
        box = self._plot.getPlotItem().getViewBox().rect()
        self._message.setPos(box.center())

    def _on_marker_dragged(self) -> None:
        if self._axis is not None:
            self.band_requested.emit(self._axis.nearest(self._marker.value()))

    def _on_marker_dropped(self) -> None:
        if self._axis is not None:
            self.set_band(self._axis.nearest(self._marker.value()))

    def _on_click(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        box = self._plot.getPlotItem().getViewBox()
        if (
            self._axis is None
            or event.button() != Qt.MouseButton.LeftButton
            or not box.sceneBoundingRect().contains(event.scenePos())
        ):
            return
        position = box.mapSceneToView(event.scenePos()).x()
        if self._box.choosing:
            self.stretch_requested.emit(position, position)
            return
        if self._channels.are_at(position, _GRIP_PX * box.viewPixelSize()[0]):
            return  # Somebody took hold of a line and did not move it.
        self.band_requested.emit(self._axis.nearest(position))
