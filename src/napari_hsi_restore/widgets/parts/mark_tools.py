"""Pinning pixels and drawing regions of a cube, whose spectra are shown then."""

from __future__ import annotations

from napari.layers import Layer
from qtpy.QtCore import QObject, QSignalBlocker, Signal

from napari_hsi_restore.plugin.mark_layers import MarkLayers
from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.inspect_form import InspectForm
from napari_hsi_restore.widgets.parts.shown_spectra import ShownSpectra

HINT = "Move over the image for its spectrum; Shift+click or Pin keeps it."


class MarkTools(QObject):
    """The buttons *Pin*, *Draw region* and *Clear* of a form.

    Parameters
    ----------
    form : InspectForm
    layers : MarkLayers
        Where pins and regions lie.
    spectra : ShownSpectra
        Whose marks these are.

    Signals
    -------
    said(str)
        For the line of the form that speaks to the user.
    """

    said = Signal(str)

    def __init__(self, form: InspectForm, layers: MarkLayers, spectra: ShownSpectra) -> None:
        super().__init__(form)
        self._form, self._layers, self._spectra = form, layers, spectra
        self._to_drawing = Connections()
        form.pin.clicked.connect(lambda _=False: self.pin())
        form.clear.clicked.connect(lambda _=False: layers.clear())
        form.draw.toggled.connect(self.draw_region)
        self.destroyed.connect(self._to_drawing.close)

    def close(self) -> None:
        """Stop; `find` begins again."""
        self._to_drawing.close()
        self._layers.cube_layer = None

    def find(self, cube_layer: Layer | None) -> None:
        """Choose the cube, and look for its marks in the viewer."""
        self._layers.cube_layer = cube_layer
        points, shapes = self._layers.points, self._layers.shapes
        if shapes != self._spectra.marks.shapes:
            self._to_drawing.close()
            if shapes is not None:
                self._to_drawing.connect(shapes.events.mode, self._show_drawing)
        self._spectra.marks.set_layers(points, shapes)
        self._show_drawing()

    def pin(self) -> None:
        """Keep the spectrum of the last pixel under the cursor."""
        if self._spectra.pixel is None:
            self.said.emit("Move over the image first; Pin keeps the last pixel under the cursor.")
        else:
            self._layers.pin(*self._spectra.pixel)

    def draw_region(self, on: bool = True) -> None:
        """Let the user draw rectangles whose mean and spread are shown, or end that."""
        if self._layers.cube_layer is None:
            return
        if not on:
            self._layers.end_drawing()
            self.said.emit(HINT)
            return
        self._layers.begin_drawing()
        self.said.emit(
            "Drag a rectangle on the image; press Draw region again to end. The layer controls "
            "have other shapes."
        )

    def _show_drawing(self) -> None:
        with QSignalBlocker(self._form.draw):
            self._form.draw.setChecked(self._layers.drawing)
