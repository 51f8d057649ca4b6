"""Spectra of pinned pixels and drawn regions, kept in step with their layers."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Hashable, Iterator, Sequence
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
from napari_hsi_restore.plugin.fellow_layers import Fellow
from napari_hsi_restore.plugin.spectra import Curve, region_spectrum
from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.spectrum_feed import Answer, Probe, SpectrumFeed

_SETTLE_MS = 150
"""A region is measured when its drawing has paused so long."""

_Key = tuple[Hashable, int, int]
"""Of a spectrum that was read: unique name of another layer or None, row, column there."""


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
        self._fellows: tuple[Fellow, ...] = ()
        self._read: dict[_Key, npt.NDArray[np.float64]] = {}
        self._region_is_newest = False
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
        """Regions, then pins, each with its curves in the other layers."""
        return [*self._regions, *self._pins]

    @property
    def newest(self) -> Curve | None:
        """The curve of the inspected cube that was pinned or drawn last."""
        own = [curve for curve in self._pins if curve.style == "solid"]
        ordered = [*own, *self._regions] if self._region_is_newest else [*self._regions, *own]
        return ordered[-1] if ordered else None

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

    def set_good_bands(self, cube: HyperCube) -> None:
        """Choose a cube that differs from the present one in its good bands alone."""
        axis = BandAxis.of(cube)
        self._cube, self._axis = cube, axis
        self._regions = [dataclasses.replace(curve, axis=axis) for curve in self._regions]
        self._on_pins()

    def set_fellows(self, fellows: Sequence[Fellow]) -> None:
        """Choose other layers whose spectra at the pins are shown, too."""
        same = {
            fellow.layer.unique_id
            for fellow in fellows
            if any(fellow.cube.data is before.cube.data for before in self._fellows)
        }
        self._fellows = tuple(fellows)
        kept = {None, *same}
        self._read = {key: values for key, values in self._read.items() if key[0] in kept}
        self._on_pins()

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
        if event is not None:
            self._region_is_newest = False
        wanted = {key: cube for _, key, cube in self._wanted()}
        probes = [
            Probe(key, one, key[1], key[2])
            for key, one in sorted(wanted.items(), key=lambda item: str(item[0]))
            if key not in self._read
        ]
        if probes:
            self._feed.request(tuple(probes))
        else:
            self._feed.forget()
            self._show_pins()

    def _wanted(self) -> Iterator[tuple[int, _Key, HyperCube]]:
        # Number of the pin, and where which cube is to be read for it.
        cube, points = self._cube, self.points
        if cube is None or points is None:
            return
        for place, (_, row, column) in enumerate(self._pinned):
            yield place, (None, row, column), cube
        for fellow in self._fellows:
            for place, (_, row, column) in enumerate(self._pinned):
                if (there := fellow.pixel((row, column))) is not None:
                    yield place, (fellow.layer.unique_id, *there), fellow.cube

    def _on_read(self, answers: tuple[Answer, ...]) -> None:
        cubes = [self._cube, *(fellow.cube for fellow in self._fellows)]
        for answer in answers:
            if any(answer.probe.cube is cube for cube in cubes):
                key: Any = answer.probe.key
                self._read[key] = answer.values
        self._show_pins()

    def _show_pins(self) -> None:
        self._pins = []
        others = {fellow.layer.unique_id: fellow for fellow in self._fellows}
        for place, key, _ in self._wanted():
            if self._axis is None or key not in self._read:
                continue
            index, row, column = self._pinned[place]
            curve = Curve(
                f"({row}, {column})",
                self._axis,
                self._read[key],
                marks.color_of(index),
                mark=(self.points, index),
            )
            if key[0] is not None:
                fellow = others[key[0]]
                curve = dataclasses.replace(
                    curve,
                    label=f"({row}, {column}) in {fellow.layer.name}",
                    axis=fellow.axis,
                    style=fellow.style,
                    mark=None,
                )
            self._pins.append(curve)
        self.changed.emit()

    def _on_regions(self, event: Any = None) -> None:
        if not _is_beginning(event):
            self._region_is_newest = True
            self._settle.start()

    def _measure(self) -> None:
        self._stop()
        self._regions = []
        self.changed.emit()
        shapes, cube = self.shapes, self._cube
        if shapes is None or cube is None or shapes.nshapes == 0:
            return
        shapes.edge_color = [marks.region_color(i) for i in range(shapes.nshapes)]
        cancel = self._measuring = threading.Event()
        regions = marks.drawn_regions(shapes, cube.shape[1:])
        worker = create_worker(_spectra, cube, regions, cancel)
        worker.yielded.connect(lambda found: self._on_measured(cancel, shapes, found))
        worker.start()

    def _stop(self) -> None:
        if self._measuring is not None:
            self._measuring.set()
            self._measuring = None

    def _on_measured(self, cancel: threading.Event, shapes: Shapes, found: Any) -> None:
        if cancel is not self._measuring or self._axis is None:
            return
        if isinstance(found, str):
            self.failed.emit(found)
            return
        index, n_pixels, mean, spread = found
        label = f"region {index + 1}, mean ± std of {n_pixels} px"
        color = marks.region_color(index)
        self._regions.append(Curve(label, self._axis, mean, color, spread, mark=(shapes, index)))
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
