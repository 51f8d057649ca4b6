"""Spectra of pinned pixels and drawn regions, kept in step with their layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Points, Shapes
from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, QTimer, Signal

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin import marks
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.spectra import Curve, pixel_spectrum, region_spectrum
from napari_hsi_restore.widgets.parts.connections import Connections

_SETTLE_MS = 150
"""A region is measured when its drawing has paused so long."""


class MarkSpectra(QObject):
    """Follows a layer of pins and a layer of regions.

    Signals
    -------
    changed()
        `curves` has changed.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.points: Points | None = None
        self.shapes: Shapes | None = None
        self._cube: HyperCube | None = None
        self._axis: BandAxis | None = None
        self._pins: list[Curve] = []
        self._regions: list[Curve] = []
        self._worker: Any = None
        self._connections = Connections()
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._measure)

    @property
    def curves(self) -> list[Curve]:
        """Regions, then pins."""
        return [*self._regions, *self._pins]

    def close(self) -> None:
        """Stop listening."""
        self._connections.close()
        self._stop()

    def set_cube(self, cube: HyperCube | None) -> None:
        """Choose the cube whose spectra are read."""
        self._cube = cube
        self._axis = None if cube is None else BandAxis.of(cube)
        self._on_pins()
        self._measure()

    def set_layers(self, points: Points | None, shapes: Shapes | None) -> None:
        """Choose the layers of pins and regions; the same again changes nothing."""
        if points == self.points and shapes == self.shapes:
            return
        self._connections.close()
        self.points, self.shapes = points, shapes
        if points is not None:
            self._connections.connect(points.events.data, self._on_pins)
        if shapes is not None:
            self._connections.connect(shapes.events.data, self._on_regions)
        self._on_pins()
        self._measure()

    def _on_pins(self) -> None:
        self._pins = []
        points, cube, axis = self.points, self._cube, self._axis
        if points is not None and cube is not None and axis is not None:
            if len(points.data):
                points.face_color = [marks.color_of(i) for i in range(len(points.data))]
            for index, row, column in marks.pinned_pixels(points, cube.shape[1:]):
                values = pixel_spectrum(cube, row, column)
                label = f"({row}, {column})"
                self._pins.append(Curve(label, axis, values, marks.color_of(index)))
        self.changed.emit()

    def _on_regions(self) -> None:
        self._settle.start()

    def _measure(self) -> None:
        self._stop()
        self._regions = []
        self.changed.emit()
        shapes, cube, axis = self.shapes, self._cube, self._axis
        if shapes is None or cube is None or axis is None or shapes.nshapes == 0:
            return
        shapes.edge_color = [marks.region_color(i) for i in range(shapes.nshapes)]
        worker = create_worker(_curves, cube, axis, marks.region_masks(shapes, cube.shape[1:]))
        worker.yielded.connect(lambda curve: self._on_measured(worker, curve))
        self._worker = worker
        worker.start()

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.quit()
            self._worker = None

    def _on_measured(self, worker: Any, curve: Curve) -> None:
        if worker is self._worker:
            self._regions.append(curve)
            self.changed.emit()


def _curves(cube: HyperCube, axis: BandAxis, masks: list[npt.NDArray[np.bool_]]) -> Iterator[Curve]:
    for index, mask in enumerate(masks):
        if mask.any():
            mean, spread, pixels = region_spectrum(cube, mask)
            label = f"region {index + 1} ± std ({pixels} px)"
            yield Curve(label, axis, mean, marks.region_color(index), spread)
