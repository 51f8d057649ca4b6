"""The Inspect dock: bands in nanometres, colour pictures, spectra of pixels and regions."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import napari.viewer
from napari.layers import Layer
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QDockWidget, QVBoxLayout

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.band_edits import BandEdits
from napari_hsi_restore.plugin.composites import COMPOSITES, Composite, allows
from napari_hsi_restore.plugin.fellow_layers import fellows, possible_fellows
from napari_hsi_restore.plugin.layers import is_cube_layer, layer_to_cube
from napari_hsi_restore.plugin.mark_layers import MarkLayers
from napari_hsi_restore.plugin.picture_layers import PictureLayers
from napari_hsi_restore.plugin.placing import pixel_at, show_band, shown_band
from napari_hsi_restore.plugin.shown_bands import shows_preview
from napari_hsi_restore.plugin.spectra import Curve
from napari_hsi_restore.widgets.parts.band_stretch import BandStretch
from napari_hsi_restore.widgets.parts.colour_tools import ColourTools
from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.dock import Dock
from napari_hsi_restore.widgets.parts.inspect_form import InspectForm
from napari_hsi_restore.widgets.parts.mark_tools import HINT, MarkTools
from napari_hsi_restore.widgets.parts.plotted_spectra import PlottedSpectra
from napari_hsi_restore.widgets.parts.shown_spectra import ShownSpectra
from napari_hsi_restore.widgets.parts.sorting_note import SortingNote
from napari_hsi_restore.widgets.parts.theme import plot_colors

HELP = "Drop a cube on napari, or choose File > Open Sample > HSI Restore, to see its spectra here."


class InspectWidget(Dock):
    """Looks at one cube layer of the viewer.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        napari passes it because of this very annotation.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._layer: Layer | None = None
        self._cube: HyperCube | None = None
        self._axis: BandAxis | None = None
        self._ticked: list[Any] = []
        self._to_layer = Connections()
        self._to_fellows = Connections()
        self._to_pictures = Connections()
        self._band: int | None = None
        self._edits = BandEdits()
        self._mark_layers = MarkLayers(self._viewer)
        self._stretch = BandStretch(self)
        self._sorting = SortingNote(self)
        self._sorting.changed.connect(self._show_sorting)
        self._said_of_sorting = ""
        self._spectra = ShownSpectra(self)
        self._spectra.failed.connect(self._say)
        self.form = InspectForm(self)
        self._plotted = PlottedSpectra(self.form, self._spectra)
        self._spectra.changed.connect(self._show_readout)
        self._marks = MarkTools(self.form, self._mark_layers, self._spectra)
        self._pictures = PictureLayers(self._viewer)
        self._colours = ColourTools(self.form, self._pictures)
        self._colours.shown.connect(self._show_overlay)
        for tool in (self._plotted, self._marks, self._colours):
            tool.said.connect(self._say)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        self._connect_form()
        for ending in (self._to_layer, self._to_fellows, self._to_pictures):
            self.destroyed.connect(ending.close)
        self._enter()

    def _connect_form(self) -> None:
        form = self.form
        form.chooser.cube_requested.connect(self.inspect_layer)
        form.slider.band_requested.connect(self.go_to_band)
        form.stretch.toggled.connect(self._stretch_soon)
        form.plot.band_requested.connect(self.go_to_band)
        form.plot.stretch_requested.connect(self.mark_bands)
        form.plot.removal_requested.connect(self._spectra.remove)
        form.editing_requested.connect(form.plot.set_editing)
        library = self._spectra.library
        form.library_requested.connect(library.offer)
        form.matches.library_requested.connect(library.open)
        form.matches.match_requested.connect(library.choose)
        form.layers.choice_requested.connect(self.compare_layers)
        for button, action in (
            (form.csv, self._ask_csv),
            (form.png, self._ask_png),
            (form.undo, self._undo_bands),
            (form.all_good, self._mark_all_good),
        ):
            button.clicked.connect(lambda _=False, action=action: action())

    def _say(self, text: str) -> None:
        self.form.status.setText(text)

    # Listening ---------------------------------------------------------------

    def _listen(self) -> None:
        viewer = self._viewer
        events = viewer.layers.events
        self._to_viewer.connect(events.inserted, self._on_inserted)
        for emitter in (events.removed, events.reordered, events.renamed):
            self._to_viewer.connect(emitter, self._refresh)
        self._to_viewer.connect(viewer.layers.selection.events.active, self._on_active)
        self._to_viewer.connect(viewer.dims.events.point, self._on_band)
        self._to_viewer.append(viewer.mouse_move_callbacks, self._on_mouse_move)
        self._to_viewer.append(viewer.mouse_drag_callbacks, self._on_mouse_press)

    def _rest(self) -> None:
        for ending in (
            self._to_layer,
            self._marks,
            self._to_fellows,
            self._to_pictures,
            self._spectra,
        ):
            ending.close()
        self._layer = self._cube = self._axis = None
        self._ticked = []
        self._colours.set_cube(None, None)
        self.form.edit.setChecked(False)
        self._stretch.forget()
        self._sorting.watch(None)
        self._viewer.canvas.overlays.text.visible = False

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Show the band on the canvas again."""
        super().showEvent(event)
        # Later, for only then does the dock around it count as shown.
        QTimer.singleShot(0, self._on_band)

    def hideEvent(self, event: QHideEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Take the band off the canvas when the dock is hidden, not when it is a tab behind."""
        super().hideEvent(event)
        QTimer.singleShot(0, self._on_band)

    def _in_window(self) -> bool:
        frame = self.parent()
        while frame is not None and not isinstance(frame, QDockWidget):
            frame = frame.parent()
        if frame is None:
            return self.isVisible()
        action = frame.toggleViewAction()
        return action is not None and action.isChecked()

    def _on_theme(self) -> None:
        colors = plot_colors(self._viewer.theme)
        self.form.plot.set_colors(colors)
        self.form.layers.set_theme(self._viewer.theme)
        self._spectra.set_accent(colors.accent)

    def _on_inserted(self, event: Any) -> None:
        self._refresh()
        layer = event.value
        from_file = layer.source.path is not None or layer.source.sample is not None
        # A tab behind others counts as visible, but shows nothing.
        in_view = self.isVisible() and not self.visibleRegion().isEmpty()
        if from_file and in_view and is_cube_layer(layer):
            self.inspect_layer(layer)
            self._show_choices()
            if self._cube is not None and allows(self._cube, COMPOSITES[0]):
                self.add_composite(COMPOSITES[0])

    def _refresh(self) -> None:
        layers = [layer for layer in self._viewer.layers if is_cube_layer(layer)]
        if self._layer not in layers:
            active = self._viewer.layers.selection.active
            chosen = active if active in layers else (layers[-1] if layers else None)
            self.inspect_layer(chosen)
        if self._layer is not None:
            self._marks.find(self._layer)
        self._on_band()
        self._show_choices()

    def _show_choices(self) -> None:
        layers = [layer for layer in reversed(self._viewer.layers) if is_cube_layer(layer)]
        self.form.chooser.set_entries([(layer.name, layer) for layer in layers], self._layer)
        possible = possible_fellows(layers, self._layer)
        ticked = [layer for layer in possible if layer in self._ticked]
        self.form.set_layers([(layer.name, layer) for layer in possible], ticked)
        before = [fellow.layer for fellow in self._spectra.fellows]
        if [layer for layer in self._ticked if layer in ticked] != before:
            self._show_fellows()
        self._to_pictures.close()
        for picture in self._pictures.covering():
            self._to_pictures.connect(picture.events.visible, self._show_overlay)

    def _on_active(self) -> None:
        active = self._viewer.layers.selection.active
        if active is not None and active != self._layer and is_cube_layer(active):
            self.inspect_layer(active)
            self._show_choices()

    def inspect_layer(self, layer: Layer | None) -> None:
        """Look at a cube layer; None looks at nothing."""
        self._to_layer.close()
        self._layer = self._pictures.cube_layer = layer
        if layer is not None:
            self._to_layer.connect(layer.events.data, self._on_data)
            self._to_layer.connect(layer.events.name, self._refresh)
            self._to_layer.connect(layer.events.metadata, self._on_metadata)
            # A preview gives way to the band itself.
            self._to_layer.connect(layer.events.set_data, self._show_overlay)
        self.form.set_enabled(layer is not None)
        self._on_data()
        self._marks.find(self._layer)
        self._show_choices()

    def _on_data(self) -> None:
        self._cube = self._axis = None
        text = HELP
        if self._layer is not None:
            try:
                self._cube = layer_to_cube(self._layer)
                self._axis = BandAxis.of(self._cube)
                text = HINT
            except UserError as error:
                text = str(error)
        self._say(text)
        form = self.form
        form.readout.setText("")
        form.slider.set_axis(self._axis)
        form.triple.set_axis(self._axis)
        self._band = None
        self._plotted.set_cube(self._cube, self._axis)
        self._colours.set_cube(self._layer, self._cube)
        self._spectra.set_cube(self._cube)
        self._show_fellows()
        self._on_band()
        self._show_undo()
        self._sorting.watch(self._layer)

    def _show_sorting(self, text: str) -> None:
        # In place of the hint, but of nothing that was said meanwhile.
        if self.form.status.text() in (HINT, self._said_of_sorting):
            self._say(text or HINT)
            self._said_of_sorting = text

    # Bands -------------------------------------------------------------------

    def go_to_band(self, band: int) -> None:
        """Show a band of the cube on the canvas."""
        if self._layer is not None:
            show_band(self._viewer, self._layer, band)

    def _on_band(self) -> None:
        if not self._to_viewer:
            return  # Out of the window meanwhile; another dock may own the canvas.
        if self._layer is None or self._axis is None:
            self.form.plot.set_band(None)
            self._show_overlay()
            return
        before, self._band = self._band, shown_band(self._viewer, self._layer)
        self.form.slider.set_band(self._band)
        self.form.plot.set_band(self._band)
        if before != self._band:
            if before is not None:
                # They would cover the band that the user asks for.
                self._pictures.hide()
            self._stretch_soon()
        self._show_overlay()
        self._show_readout()

    def _show_overlay(self) -> None:
        overlay = self._viewer.canvas.overlays.text
        self._colours.show_channels(self._in_window())
        if self._axis is None or self._band is None or not self._in_window():
            overlay.visible = False
            return
        pictures = [each.name for each in self._pictures.covering() if each.visible]
        band = self._axis.describe(self._band)
        if self._layer is not None and shows_preview(self._layer):
            band += "  ·  coarse, reading…"
        overlay.text = pictures[-1] if pictures else band
        overlay.visible = True

    def _stretch_soon(self) -> None:
        layer, cube, band = self._layer, self._cube, self._band
        if not self.form.stretch.isChecked() or layer is None or cube is None or band is None:
            return
        self._stretch.request(layer, cube, band)

    def _show_readout(self) -> None:
        if (
            not self._spectra.live
            or self._axis is None
            or self._cube is None
            or self._layer is None
        ):
            return
        row, column = self._spectra.pixel or (0, 0)
        band = shown_band(self._viewer, self._layer)
        value = self._spectra.live[0].values[band]
        said = f"{value:.5g} {self._cube.units or ''}".rstrip()
        if not math.isfinite(value):
            said = "no data"
        where = f"{self._axis.positions[band]:.1f} nm" if self._axis.in_nm else f"band {band}"
        self.form.readout.setText(f"Row {row}, column {column}: {said} at {where}")

    # Good bands --------------------------------------------------------------

    def mark_bands(self, low: float, high: float) -> None:
        """Mark the bands of a stretch of the axis bad, or good if all of them are bad."""
        if self._layer is not None and self._cube is not None:
            self._say(self._edits.mark(self._layer, low, high))

    def _mark_all_good(self) -> None:
        if self._layer is not None and self._cube is not None:
            self._say(self._edits.mark_all_good(self._layer))

    def _undo_bands(self) -> None:
        if self._layer is not None:
            self._edits.undo(self._layer)
            self._say("The last marking of bands is taken back.")

    def _on_metadata(self) -> None:
        # The good bands may have been edited, here or by somebody else.
        self._show_undo()
        if self._layer is None or self._cube is None:
            return
        cube = layer_to_cube(self._layer)
        axis = BandAxis.of(cube)
        if self._axis is None or axis.same_bands(self._axis):
            return
        self._cube, self._axis = cube, axis
        self._plotted.set_good_bands(cube, axis)
        self.form.slider.set_axis(axis)
        self._colours.set_cube(self._layer, cube)
        self._spectra.set_good_bands(cube)
        self._on_band()

    def _show_undo(self) -> None:
        self.form.undo.setEnabled(self._edits.can_undo(self._layer))

    # Spectra -----------------------------------------------------------------

    def _on_mouse_move(self, viewer: Any, event: Any) -> None:
        if self._layer is None or self._cube is None or not self.isVisible():
            return
        if viewer.dims.ndisplay == 3:
            return  # The cursor is a ray there, and no pixel.
        pixel = pixel_at(self._layer, event.position)
        if pixel is not None:
            self.probe(*pixel)

    def _on_mouse_press(self, viewer: Any, event: Any) -> None:
        if self._layer is None or not self.isVisible() or "Shift" not in event.modifiers:
            return
        if not self._mark_layers.may_pin:
            return
        pixel = pixel_at(self._layer, event.position)
        if pixel is not None:
            self.pin_pixel(*pixel)

    def probe(self, row: int, column: int) -> None:
        """Show the live spectrum of a pixel."""
        self._spectra.probe(row, column)

    @property
    def curves(self) -> list[Curve]:
        """The spectra in the plot: regions, pins, the pixel under the cursor, the library's."""
        return self._spectra.curves

    @property
    def shown_curves(self) -> list[Curve]:
        """The curves as they are looked at, such as without their continuum."""
        return self._plotted.shown

    def save_csv(self, path: str | Path) -> Path:
        """Save the plotted spectra as a table; see `plugin.spectra.curves_csv`."""
        return self._plotted.save_csv(path)

    def save_png(self, path: str | Path) -> Path:
        """Save the plot as a picture."""
        return self._plotted.save_png(path)

    def _ask_csv(self) -> None:
        if self._layer is not None:
            self._plotted.ask("csv", self._layer.name)

    def _ask_png(self) -> None:
        if self._layer is not None:
            self._plotted.ask("png", self._layer.name)

    # Other layers ------------------------------------------------------------

    def compare_layers(self, layers: list[Any]) -> None:
        """Show the spectra of these cube layers beside those of the inspected one."""
        self._ticked = list(layers)
        self._show_fellows()

    def _show_fellows(self) -> None:
        self._to_fellows.close()
        layers = possible_fellows(self._viewer.layers, self._layer)
        chosen = [layer for layer in self._ticked if layer in layers]
        found = [] if self._layer is None else fellows(chosen, self._layer)
        for fellow in found:
            for emitter in (fellow.layer.events.data, fellow.layer.events.metadata):
                self._to_fellows.connect(emitter, self._show_fellows)
        self._spectra.set_fellows(found)

    # Pins and regions --------------------------------------------------------

    def pin(self) -> None:
        """Keep the spectrum of the last pixel under the cursor."""
        self._marks.pin()

    def pin_pixel(self, row: int, column: int) -> None:
        """Keep the spectrum of a pixel as a point on the image and a curve."""
        self._mark_layers.pin(row, column)

    def draw_region(self, on: bool = True) -> None:
        """Let the user draw rectangles whose mean and spread are shown, or end that."""
        self._marks.draw_region(on)

    def clear_marks(self) -> None:
        """Remove the pins and regions of this cube."""
        self._mark_layers.clear()

    # Pictures ----------------------------------------------------------------

    def add_composite(self, kind: Composite) -> None:
        """Add a colour picture of the cube as a layer, computed in the background."""
        self._colours.add(kind)
