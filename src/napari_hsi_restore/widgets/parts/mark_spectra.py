"""Spectra of pinned pixels and drawn regions, kept in step with their layers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Points, Shapes
from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, QTimer, Signal

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin import marks
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.spectra import Curve, region_spectrum
from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.spectrum_feed import Answer, Probe, SpectrumFeed

_SETTLE_MS = 150
"""A region is measured when its drawing has paused so long."""


class MarkSpectra(QObject):
    """Follows a layer of pins and a layer of regions.

    Signals
    -------
    changed()
        `curves` has changed.
    failed(str)
        Why a spectrum could not be read.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.points: Points | None = None
        self.shapes: Shapes | None = None
        self._cube: HyperCube | None = None
        self._axis: BandAxis | None = None
        self._pinned: list[tuple[int, int, int]] = []
        self._read: dict[tuple[int, int], npt.NDArray[np.float64]] = {}
        self._pins: list[Curve] = []
        self._regions: list[Curve] = []
        self._measuring: threading.Event | None = None
        self._connections = Connections()
        self._feed = SpectrumFeed(self)
        self._feed.answered.connect(self._on_read)
        self._feed.failed.connect(self.failed)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._measure)

    @property
    def curves(self) -> list[Curve]:
        """Regions, then pins."""
        return [*self._regions, *self._pins]

    def close(self) -> None:
        """Stop listening; `set_layers` begins again."""
        self._connections.close()
        self._settle.stop()
        self._feed.close()
        self._stop()
        self.points = self.shapes = None
        self._pinned, self._pins, self._regions = [], [], []

    def set_cube(self, cube: HyperCube | None) -> None:
        """Choose the cube whose spectra are read."""
        self._cube = cube
        self._axis = None if cube is None else BandAxis.of(cube)
        self._read.clear()
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

    def remove(self, mark: object) -> None:
        """Remove the pin or region of a curve: its `Curve.mark`."""
        layer, index = mark if isinstance(mark, tuple) else (None, -1)
        if layer is not None and layer in (self.points, self.shapes) and index < len(layer.data):
            layer.selected_data = {index}
            layer.remove_selected()

    def _on_pins(self, event: Any = None) -> None:
        if _is_beginning(event):
            return
        points, cube = self.points, self._cube
        pins = []
        if points is not None and cube is not None and len(points.data):
            points.face_color = [marks.color_of(i) for i in range(len(points.data))]
            pins = marks.pinned_pixels(points, cube.shape[1:])
        self._pinned = pins
        unread = {(row, column) for _, row, column in pins} - self._read.keys()
        if cube is not None and unread:
            self._feed.request(tuple(Probe(None, cube, *pixel) for pixel in sorted(unread)))
        else:
            self._feed.forget()
            self._show_pins()

    def _on_read(self, answers: tuple[Answer, ...]) -> None:
        for answer in answers:
            if answer.probe.cube is self._cube:
                self._read[answer.probe.row, answer.probe.column] = answer.values
        self._show_pins()

    def _show_pins(self) -> None:
        axis = self._axis
        self._pins = [
            Curve(
                f"({row}, {column})",
                axis,
                self._read[row, column],
                marks.color_of(index),
                mark=(self.points, index),
            )
            for index, row, column in self._pinned
            if axis is not None and (row, column) in self._read
        ]
        self.changed.emit()

    def _on_regions(self, event: Any = None) -> None:
        if not _is_beginning(event):
            self._settle.start()

    def _measure(self) -> None:
        self._stop()
        self._regions = []
        self.changed.emit()
        shapes, cube, axis = self.shapes, self._cube, self._axis
        if shapes is None or cube is None or axis is None or shapes.nshapes == 0:
            return
        shapes.edge_color = [marks.region_color(i) for i in range(shapes.nshapes)]
        cancel = self._measuring = threading.Event()
        regions = marks.drawn_regions(shapes, cube.shape[1:])
        worker = create_worker(_spectra, cube, regions, cancel)
        worker.yielded.connect(lambda found: self._on_measured(cancel, shapes, axis, found))
        worker.start()

    def _stop(self) -> None:
        if self._measuring is not None:
            self._measuring.set()
            self._measuring = None

    def _on_measured(
        self, cancel: threading.Event, shapes: Shapes, axis: BandAxis, found: Any
    ) -> None:
        if cancel is not self._measuring:
            return
        if isinstance(found, str):
            self.failed.emit(found)
            return
        index, n_pixels, mean, spread = found
        label = f"region {index + 1}, mean ± std of {n_pixels} px"
        color = marks.region_color(index)
        self._regions.append(Curve(label, axis, mean, color, spread, mark=(shapes, index)))
        self.changed.emit()


def _is_beginning(event: Any) -> bool:
    # napari says "adding", "removing", "changing" before the data have changed.
    action = str(getattr(event, "action", ""))
    return action.endswith("ing")


def _spectra(
    cube: HyperCube, regions: list[marks.Region], cancel: threading.Event
) -> Iterator[Any]:
    for index, region in enumerate(regions):
        if region.n_pixels == 0:
            continue
        try:
            found = region_spectrum(cube, region, cancel.is_set)
        except (UserError, OSError, ValueError, RuntimeError) as error:
            yield f'"{cube.name}": the region cannot be read ({error}); open the file again.'
            return
        if found is None:
            return
        yield index, region.n_pixels, *found
