"""All spectra of one cube that are looked at: at the cursor, pins, regions, and of a library."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.fellow_layers import Fellow
from napari_hsi_restore.plugin.spectra import Curve
from napari_hsi_restore.widgets.parts.library_matcher import LIBRARY_CURVE, LibraryMatcher
from napari_hsi_restore.widgets.parts.mark_spectra import MarkSpectra
from napari_hsi_restore.widgets.parts.spectrum_feed import Answer, Probe, SpectrumFeed


class ShownSpectra(QObject):
    """Gathers the curves of a cube, and of its fellows at the same places.

    Attributes
    ----------
    marks : MarkSpectra
    library : LibraryMatcher
    pixel : (row, column) or None
        The last one under the cursor.
    live : list of Curve
        Of that pixel: the cube's first, then its fellows'.

    Signals
    -------
    changed()
        `curves` has changed.
    failed(str)
        Why a spectrum could not be read.
    """

    changed = Signal()
    failed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._cube: HyperCube | None = None
        self._axis: BandAxis | None = None
        self._accent = "#000000"
        self._fellows: tuple[Fellow, ...] = ()
        self.pixel: tuple[int, int] | None = None
        self.live: list[Curve] = []
        self._feed = SpectrumFeed(self)
        self._feed.answered.connect(self._on_spectrum)
        self.marks = MarkSpectra(self)
        self.marks.changed.connect(self._on_marks)
        self.library = LibraryMatcher(self)
        self.library.changed.connect(self.changed)
        for part in (self._feed, self.marks):
            part.failed.connect(self.failed)

    @property
    def curves(self) -> list[Curve]:
        """Regions, pins, the pixel under the cursor, and the chosen one of the library."""
        library = self.library.curve
        return [*self.marks.curves, *self.live, *([library] if library is not None else [])]

    @property
    def fellows(self) -> tuple[Fellow, ...]:
        """The other layers whose spectra are shown."""
        return self._fellows

    def close(self) -> None:
        """Stop; `set_cube` begins again."""
        self.marks.close()
        self._feed.close()
        self._fellows = ()
        self._cube = self._axis = self.pixel = None
        self.live = []
        self.library.set_cube(None)

    def set_accent(self, color: str) -> None:
        """Choose the colour of the pixel under the cursor, ``"#rrggbb"``."""
        self._accent = color
        self.live = [dataclasses.replace(curve, color=color) for curve in self.live]
        self.changed.emit()

    def set_cube(self, cube: HyperCube | None) -> None:
        """Choose the cube; the pixel under the cursor is forgotten."""
        self._cube = cube
        self._axis = None if cube is None else BandAxis.of(cube)
        self.pixel, self.live = None, []
        self.library.set_cube(cube)
        self.marks.set_cube(cube)

    def set_good_bands(self, cube: HyperCube) -> None:
        """Choose a cube that differs from the present one in its good bands alone."""
        self._cube, self._axis = cube, BandAxis.of(cube)
        self.live = [
            dataclasses.replace(curve, axis=self._axis) if curve.style == "solid" else curve
            for curve in self.live
        ]
        self.library.set_cube(cube)
        self.marks.set_good_bands(cube)

    def set_fellows(self, fellows: Sequence[Fellow]) -> None:
        """Choose the other layers whose spectra are shown at the same places."""
        self._fellows = tuple(fellows)
        self.live = [curve for curve in self.live if curve.style == "solid"]
        self.marks.set_fellows(fellows)
        if self.pixel is not None:
            self.probe(*self.pixel)

    def probe(self, row: int, column: int) -> None:
        """Read the pixel under the cursor."""
        if self._cube is None:
            return
        probes = [Probe(None, self._cube, row, column)]
        for fellow in self._fellows:
            if (there := fellow.pixel((row, column))) is not None:
                probes.append(Probe(fellow, fellow.cube, *there))
        self._feed.request(tuple(probes))

    def remove(self, mark: object) -> None:
        """Remove the pin, the region or the library's curve that a `Curve.mark` belongs to."""
        if mark == LIBRARY_CURVE:
            self.library.choose(None)
        else:
            self.marks.remove(mark)

    def _on_spectrum(self, answers: tuple[Answer, ...]) -> None:
        first = answers[0].probe
        if self._cube is None or self._axis is None or first.cube.data is not self._cube.data:
            return
        self.pixel = (first.row, first.column)
        label = f"cursor ({first.row}, {first.column})"
        self.live = [Curve(label, self._axis, answers[0].values, self._accent, live=True)]
        for answer in answers[1:]:
            fellow: Any = answer.probe.key
            if fellow in self._fellows:
                self.live.append(
                    Curve(
                        f"cursor in {fellow.layer.name}",
                        fellow.axis,
                        answer.values,
                        self._accent,
                        live=True,
                        style=fellow.style,
                    )
                )
        self.changed.emit()

    def _on_marks(self) -> None:
        self.library.set_target(self.marks.newest)
        self.changed.emit()
