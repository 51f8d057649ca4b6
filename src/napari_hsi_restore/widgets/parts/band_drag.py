"""Dragging over a stretch of a plot's axis instead of moving the plot."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor


class BandDragBox(pg.ViewBox):  # type: ignore[misc]
    """The view of a plot, in which a stretch of the axis can be chosen.

    Attributes
    ----------
    choosing : bool
        Whether a drag with the left button chooses; else it moves the plot.

    Signals
    -------
    stretch_chosen(float, float)
        Lower and upper end on the horizontal axis.
    """

    stretch_chosen = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.choosing = False
        self._shade = pg.LinearRegionItem((0, 0), movable=False, pen=pg.mkPen(None))
        self._shade.setZValue(30)
        self._shade.hide()
        self.addItem(self._shade, ignoreBounds=True)

    def set_color(self, color: str) -> None:
        """Choose the colour of the stretch while it is dragged, ``"#rrggbb"``."""
        shade = QColor(color)
        shade.setAlpha(90)
        self._shade.setBrush(shade)

    def mouseDragEvent(self, event: Any, axis: int | None = None) -> None:  # noqa: N802
        """Choose a stretch, or move the plot as pyqtgraph does."""
        if not self.choosing or event.button() != Qt.MouseButton.LeftButton or axis is not None:
            super().mouseDragEvent(event, axis=axis)
            return
        event.accept()
        ends = [float(self.mapToView(at).x()) for at in (event.buttonDownPos(), event.pos())]
        low, high = min(ends), max(ends)
        self._shade.setRegion((low, high))
        self._shade.setVisible(not event.isFinish())
        if event.isFinish():
            self.stretch_chosen.emit(low, high)
