"""The contrast of the shown band alone, set when the slider rests."""

from __future__ import annotations

from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject, QTimer

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin.contrast import band_limits
from napari_hsi_restore.widgets.parts.background import or_sentence, start_work

_SETTLE_MS = 120
"""A band is stretched when the slider has rested so long."""


class BandStretch(QObject):
    """Stretches one band after the other of a layer."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._wanted: tuple[Layer, HyperCube, int] | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._measure)

    def request(self, layer: Layer, cube: HyperCube, band: int) -> None:
        """Stretch a band; one that was asked for before is forgotten."""
        self._wanted = (layer, cube, band)
        self._settle.start()

    def forget(self) -> None:
        """Stretch nothing."""
        self._wanted = None
        self._settle.stop()

    def _measure(self) -> None:
        wanted = self._wanted
        if wanted is None:
            return
        layer, cube, band = wanted

        def show(limits: Any) -> None:
            if wanted is self._wanted and not isinstance(limits, str):
                layer.contrast_limits = limits

        start_work(show, or_sentence, band_limits, cube, band)
