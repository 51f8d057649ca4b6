"""Three lines on a plot of spectra that say, and choose, which bands are red, green and blue."""

from __future__ import annotations

from collections.abc import Callable

import pyqtgraph as pg
from qtpy.QtCore import QObject, Signal

from napari_hsi_restore.plugin.band_axis import BandAxis

_LETTERS = "RGB"
_COLORS = ("#e0413a", "#2fa34a", "#4a86e8")
"""Seen on dark and on light backgrounds."""


class ChannelLines(QObject):
    """The lines R, G and B of a plot; each can be dragged.

    Parameters
    ----------
    plot : pyqtgraph.PlotItem
    parent : QObject

    Signals
    -------
    bands_requested(tuple)
        Three band numbers, for red, green and blue, while a line is dragged.
    """

    bands_requested = Signal(object)

    def __init__(self, plot: pg.PlotItem, parent: QObject) -> None:
        super().__init__(parent)
        self._axis: BandAxis | None = None
        self._bands: tuple[int, int, int] | None = None
        self._lines: list[pg.InfiniteLine] = []
        for channel, (letter, color) in enumerate(zip(_LETTERS, _COLORS, strict=True)):
            # One under the other, so that neighbours can be told apart.
            height = 0.93 - 0.08 * channel
            options = {"position": height, "color": "#ffffff", "fill": color, "movable": False}
            line = pg.InfiniteLine(
                angle=90,
                movable=True,
                pen=pg.mkPen(color, width=2),
                hoverPen=pg.mkPen(color, width=4),
                label=letter,
                labelOpts=options,
            )
            line.setZValue(25)
            line.setToolTip(f"Drag {letter} to another band; the false-colour picture follows.")
            line.hide()
            line.sigDragged.connect(self._on_dragged(channel))
            line.sigPositionChangeFinished.connect(self._place)
            plot.addItem(line, ignoreBounds=True)
            self._lines.append(line)

    @property
    def lines(self) -> list[pg.InfiniteLine]:
        """The three lines."""
        return list(self._lines)

    def set_axis(self, axis: BandAxis | None) -> None:
        """Choose the spectral axis; the lines go until they are set again."""
        self._axis = axis
        self.set_bands(None)
        for line in self._lines:
            line.setBounds((None, None) if axis is None else axis.limits)

    def set_bands(self, bands: tuple[int, int, int] | None) -> None:
        """Show the lines at three bands; None, or bands that the axis has not, hides them."""
        count = 0 if self._axis is None else self._axis.n_bands
        self._bands = bands if bands is not None and max(bands) < count else None
        self._place()

    def are_at(self, position: float, reach: float) -> bool:
        """Whether one of the lines is seen within so much of a place on the axis."""
        return any(
            line.isVisible() and abs(line.value() - position) <= reach for line in self._lines
        )

    def set_movable(self, movable: bool) -> None:
        """Let the lines be dragged, or not."""
        for line in self._lines:
            line.setMovable(movable)

    def _place(self) -> None:
        for channel, line in enumerate(self._lines):
            line.setVisible(self._bands is not None)
            if self._bands is not None and self._axis is not None and not line.moving:
                line.setValue(float(self._axis.positions[self._bands[channel]]))

    def _on_dragged(self, channel: int) -> Callable[[pg.InfiniteLine], None]:
        def follow(line: pg.InfiniteLine) -> None:
            if self._axis is None or self._bands is None:
                return
            bands = list(self._bands)
            bands[channel] = self._axis.nearest(line.value())
            chosen = (bands[0], bands[1], bands[2])
            if chosen != self._bands:
                self._bands = chosen
                self.bands_requested.emit(chosen)

        return follow
