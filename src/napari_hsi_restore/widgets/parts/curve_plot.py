"""A small plot of numbers that come in while something learns."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_hsi_restore.widgets.parts.theme import PlotColors

_LEAST_HEIGHT = 135
_SIZE = QSize(320, 165)
_LEAST_SPAN = 0.2


@dataclasses.dataclass(frozen=True)
class Trace:
    """One curve.

    Attributes
    ----------
    color : str
        ``"#rrggbb"``.
    points : sequence of (step, value)
    faint : bool
        Whether it is only the background of another one.
    """

    color: str
    points: Sequence[tuple[int, float]]
    faint: bool = False


class CurvePlot(QWidget):
    """Curves over the optimiser's step, and a dashed line with a name where one is wanted.

    Parameters
    ----------
    name : str
        What a screen reader calls it.
    title : str
        Of the vertical axis.
    tip : str
    limits : pair of float, optional
        Of the vertical axis; else it follows the values.
    """

    def __init__(
        self, name: str, title: str, tip: str, limits: tuple[float, float] | None = None
    ) -> None:
        super().__init__()
        self._title = title
        self._limits = limits
        self._plot = pg.PlotWidget(self)
        self._plot.setAccessibleName(name)
        self._plot.setToolTip(tip)
        self._plot.setMenuEnabled(False)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.hideButtons()
        self._item = self._plot.getPlotItem()
        self._item.layout.setContentsMargins(2, 4, 10, 4)
        for side in ("bottom", "left"):
            self._item.getAxis(side).enableAutoSIPrefix(False)
        self._item.showGrid(x=False, y=True, alpha=0.15)
        self._lines: list[pg.PlotDataItem] = []
        self._floor = pg.InfiniteLine(angle=0, movable=False)
        self._floor.hide()
        self._floor_text = pg.TextItem(anchor=(0, 1))
        self._floor_text.hide()
        self._message = pg.TextItem(anchor=(0.5, 0.5))
        self._message.setParentItem(self._item.getViewBox())
        self._item.getViewBox().sigResized.connect(self._place_message)
        for item in (self._floor, self._floor_text):
            self._item.addItem(item, ignoreBounds=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._plot)
        self.setMinimumHeight(_LEAST_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Return a size for a narrow dock; pyqtgraph asks for a window's."""
        return _SIZE

    def set_colors(self, colors: PlotColors) -> None:
        """Follow a theme."""
        self._plot.setBackground(colors.background)
        for side in ("left", "bottom"):
            axis = self._item.getAxis(side)
            axis.setPen(QColor(colors.text))
            axis.setTextPen(QColor(colors.text))
        self._item.setLabel("left", self._title, color=colors.text)
        self._item.setLabel("bottom", "step", color=colors.text)
        self._floor.setPen(pg.mkPen(colors.text, width=1.5, style=Qt.PenStyle.DashLine))
        self._floor_text.setColor(colors.text)
        self._message.setColor(colors.text)

    @property
    def traces(self) -> list[tuple[list[float], list[float]]]:
        """The points of the curves that are shown."""
        shown = [line.getData() for line in self._lines if line.isVisible()]
        return [(list(x), list(y)) for x, y in shown if x is not None]

    @property
    def floor(self) -> tuple[float, str] | None:
        """Height and name of the dashed line, or None."""
        if not self._floor.isVisible():
            return None
        return float(self._floor.value()), self._floor_text.toPlainText()

    def show_traces(
        self,
        traces: Sequence[Trace],
        floor: tuple[float, str] | None = None,
        message: str = "",
    ) -> None:
        """Show these curves and no others.

        Parameters
        ----------
        traces : sequence of Trace
        floor : (value, name), optional
            A dashed line across the plot.
        message : str
            Shown in the middle while there is no curve.
        """
        while len(self._lines) < len(traces):
            self._lines.append(self._item.plot())
        for line in self._lines[len(traces) :]:
            line.setData([], [])
            line.hide()
        for line, trace in zip(self._lines, traces, strict=False):
            color = QColor(trace.color)
            if trace.faint:
                color.setAlpha(70)
            steps = [step for step, _ in trace.points]
            values = [value for _, value in trace.points]
            few = len(steps) < 40 and not trace.faint
            line.setData(
                steps,
                values,
                pen=pg.mkPen(color, width=1 if trace.faint else 2),
                symbol="o" if few else None,
                symbolSize=5,
                symbolBrush=color,
                symbolPen=None,
            )
            line.show()
        self._fit(traces, floor)
        known = any(trace.points for trace in traces)
        for side in ("left", "bottom"):
            self._item.getAxis(side).setStyle(showValues=known)
        self._message.setText("" if known else message)
        self._place_message()

    def _fit(self, traces: Sequence[Trace], floor: tuple[float, str] | None) -> None:
        steps = [step for trace in traces for step, _ in trace.points] or [0, 1]
        bold = [value for trace in traces if not trace.faint for _, value in trace.points]
        values = bold or [value for trace in traces for _, value in trace.points]
        values += [floor[0]] if floor else []
        first, last = min(steps), max(steps)
        self._item.setXRange(first, max(last, first + 1), padding=0.02)
        self._floor.setVisible(floor is not None)
        self._floor_text.setVisible(floor is not None)
        if floor is not None:
            self._floor.setValue(floor[0])
            self._floor_text.setText(floor[1])
            self._floor_text.setPos(first, floor[0])
        if self._limits is not None:
            self._item.setYRange(*self._limits, padding=0)
        elif values:
            # Room above for the name of the line.
            low, high = float(np.min(values)), float(np.max(values))
            span = max(high - low, _LEAST_SPAN * abs(high) * 0.05, 1e-9)
            self._item.setYRange(low - 0.1 * span, high + 0.25 * span, padding=0)

    def _place_message(self) -> None:
        box = self._item.getViewBox().boundingRect()
        self._message.setPos(box.center())
