"""The Inspect dock: bands in nanometres, colour composites, spectra of pixels and regions."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari.viewer
from napari.layers import Layer
from qtpy.QtCore import QSignalBlocker, QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QDockWidget,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
)
from qtpy.QtWidgets import QWidget as Widget

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin import marks
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.composites import (
    COMPOSITES,
    Composite,
    allows,
    composite,
    composite_of_bands,
)
from napari_hsi_restore.plugin.contrast import band_limits
from napari_hsi_restore.plugin.layers import (
    METADATA_KEY,
    is_cube_layer,
    layer_to_cube,
    plane_options,
)
from napari_hsi_restore.plugin.placing import pixel_at, show_band, shown_band
from napari_hsi_restore.plugin.shown_bands import shows_preview, views_of
from napari_hsi_restore.plugin.spectra import Curve, curves_csv, value_title, write_text
from napari_hsi_restore.widgets.parts.background import or_sentence, start_work
from napari_hsi_restore.widgets.parts.band_slider import BandSlider
from napari_hsi_restore.widgets.parts.band_triple import BandTriple
from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.cube_chooser import CubeChooser
from napari_hsi_restore.widgets.parts.dock import Dock
from napari_hsi_restore.widgets.parts.mark_spectra import MarkSpectra
from napari_hsi_restore.widgets.parts.save_dialog import save_as
from napari_hsi_restore.widgets.parts.spectrum_feed import Answer, Probe, SpectrumFeed
from napari_hsi_restore.widgets.parts.spectrum_plot import SpectrumPlot
from napari_hsi_restore.widgets.parts.theme import plot_colors
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label

_SETTLE_MS = 120
"""A band is stretched when the slider has rested so long."""
_SORTING_MS = 500
_LARGEST_PICTURE = 4_000_000
"""Pixels of a colour picture; of a larger cube every n-th row and column is taken."""

HELP = "Drop a cube on napari, or choose File > Open Sample > HSI Restore, to see its spectra here."
HINT = "Move over the image for its spectrum; Shift+click or Pin keeps it."


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
        self._pixel: tuple[int, int] | None = None
        self._live: Curve | None = None
        self._to_layer = Connections()
        self._to_drawing = Connections()
        self._band: int | None = None
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._stretch_band)
        self._sorting = QTimer(self)
        self._sorting.setInterval(_SORTING_MS)
        self._sorting.timeout.connect(self._show_sorting)
        self._sorting_said = ""
        self._feed = SpectrumFeed(self)
        self._feed.answered.connect(self._on_spectrum)
        self._feed.failed.connect(self._say)
        self._marks = MarkSpectra(self)
        self._marks.changed.connect(self._show_curves)
        self._marks.failed.connect(self._say)
        self._build()
        for ending in (self._to_layer, self._to_drawing):
            self.destroyed.connect(ending.close)
        self._enter()

    # What the user sees ------------------------------------------------------

    def _build(self) -> None:
        self._chooser = CubeChooser(parent=self)
        self._chooser.setAccessibleName("Cube to inspect")
        self._chooser.setToolTip("The cube whose bands and spectra are shown.")
        self._chooser.cube_requested.connect(self.inspect_layer)
        self._slider = BandSlider(self)
        self._slider.band_requested.connect(self.go_to_band)
        self._stretch = QCheckBox("Stretch each &band", self)
        self._stretch.setToolTip(
            "Set the contrast to 2..98 % of each band that is shown, so that dark bands are seen, "
            "too. Otherwise all bands share one contrast."
        )
        self._stretch.toggled.connect(self._stretch_soon)
        self._triple = BandTriple(self)
        self._triple.bands_requested.connect(self.add_false_colour)
        self._plot = SpectrumPlot(self)
        self._plot.band_requested.connect(self.go_to_band)
        self._plot.removal_requested.connect(self._marks.remove)
        self._readout = wrapping_label("Value under the cursor", self)
        self._status = wrapping_label("Message", self)

        top = QHBoxLayout()
        label = QLabel("&Cube")
        label.setBuddy(self._chooser)
        top.addWidget(label)
        top.addWidget(self._chooser, 1)
        self._buttons: list[QPushButton] = []
        colours = QHBoxLayout()
        for kind in COMPOSITES:
            button = self._button(kind.title, f"{kind.purpose} Adds a colour layer.")
            button.clicked.connect(lambda _=False, kind=kind: self.add_composite(kind))
            colours.addWidget(button)
        below = QGridLayout()
        for place, (text, tip, action) in enumerate(
            (
                ("&Pin", "Keep the spectrum of the last pixel under the cursor.", self.pin),
                ("Draw &region", "Mean and spread inside a rectangle drawn now.", None),
                ("C&lear", "Remove all pins and regions of this cube.", self.clear_marks),
                ("Save C&SV…", "Save the plotted spectra as a table.", self._ask_csv),
                ("Save P&NG…", "Save the plot as a picture.", self._ask_png),
            )
        ):
            button = self._button(text, tip)
            if action is None:
                self._draw = button
                button.setCheckable(True)
                button.toggled.connect(self.draw_region)
            else:
                button.clicked.connect(lambda _=False, action=action: action())
            below.addWidget(button, place // 3, place % 3)
        band_row = QHBoxLayout()
        band_row.addWidget(self._slider.label, 1)
        band_row.addWidget(self._stretch)
        layout = QVBoxLayout(self)
        for item in (
            top,
            self._status,
            self._slider,
            band_row,
            colours,
            self._triple,
            self._plot,
            self._readout,
            below,
        ):
            if isinstance(item, Widget):
                layout.addWidget(item, 1 if item is self._plot else 0)
            else:
                layout.addLayout(item)

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleName(text.replace("&", ""))
        button.setAccessibleDescription(tip)
        self._buttons.append(button)
        return button

    def _say(self, text: str) -> None:
        self._status.setText(text)

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
        for ending in (self._to_layer, self._to_drawing, self._marks, self._feed):
            ending.close()
        self._layer = self._cube = self._axis = self._pixel = self._live = None
        self._settle.stop()
        self._sorting.stop()
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
        self._accent = colors.accent
        self._plot.set_colors(colors)
        self._show_curves()

    def _on_inserted(self, event: Any) -> None:
        self._refresh()
        layer = event.value
        from_file = layer.source.path is not None or layer.source.sample is not None
        # A tab behind others counts as visible, but shows nothing.
        in_view = self.isVisible() and not self.visibleRegion().isEmpty()
        if from_file and in_view and is_cube_layer(layer):
            self.inspect_layer(layer)
            self._refresh()
            if self._cube is not None and allows(self._cube, COMPOSITES[0]):
                self.add_composite(COMPOSITES[0])

    def _refresh(self) -> None:
        layers = [layer for layer in self._viewer.layers if is_cube_layer(layer)]
        if self._layer not in layers:
            active = self._viewer.layers.selection.active
            chosen = active if active in layers else (layers[-1] if layers else None)
            self.inspect_layer(chosen)
        if self._layer is not None:
            self._find_marks()
        self._on_band()
        self._chooser.set_entries([(layer.name, layer) for layer in reversed(layers)], self._layer)

    def _on_active(self) -> None:
        active = self._viewer.layers.selection.active
        if active is not None and active != self._layer and is_cube_layer(active):
            self.inspect_layer(active)
            self._chooser.set_entries(
                [(x.name, x) for x in reversed(self._viewer.layers) if is_cube_layer(x)], active
            )

    def inspect_layer(self, layer: Layer | None) -> None:
        """Look at a cube layer; None looks at nothing."""
        self._to_layer.close()
        self._layer, self._pixel, self._live = layer, None, None
        if layer is not None:
            self._to_layer.connect(layer.events.data, self._on_data)
            self._to_layer.connect(layer.events.name, self._refresh)
            # A preview gives way to the band itself.
            self._to_layer.connect(layer.events.set_data, self._show_overlay)
        for button in self._buttons:
            button.setEnabled(layer is not None)
        self._on_data()
        self._find_marks()

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
        self._readout.setText("")
        self._slider.set_axis(self._axis)
        self._triple.set_axis(self._axis)
        self._band = None
        self._plot.set_axis(self._axis, value_title(self._cube) if self._cube else "")
        self._show_curves()
        self._on_band()
        self._marks.set_cube(self._cube)
        if self._layer is not None and views_of(self._layer.data) is not None:
            self._sorting.start()

    def _show_sorting(self) -> None:
        views = views_of(self._layer.data) if self._layer is not None else None
        said = ""
        if views is not None and views.sorting is not None:
            said = (
                f"Sorting the bands into a temporary file of {views.copy_size / 1e9:.1f} GB "
                f"({views.sorting:.0%}); until then they show coarse at first."
            )
        else:
            self._sorting.setInterval(4 * _SORTING_MS)
        if self._status.text() in (HINT, self._sorting_said) and (said or self._sorting_said):
            self._say(said or HINT)
            self._sorting_said = said

    # Bands -------------------------------------------------------------------

    def go_to_band(self, band: int) -> None:
        """Show a band of the cube on the canvas."""
        if self._layer is not None:
            show_band(self._viewer, self._layer, band)

    def _on_band(self) -> None:
        if not self._to_viewer:
            return  # Out of the window meanwhile; another dock may own the canvas.
        if self._layer is None or self._axis is None:
            self._plot.set_band(None)
            self._show_overlay()
            return
        before, self._band = self._band, shown_band(self._viewer, self._layer)
        self._slider.set_band(self._band)
        self._plot.set_band(self._band)
        if before != self._band:
            if before is not None:
                self._hide_pictures()
            self._stretch_soon()
        self._show_overlay()
        self._show_readout()

    def _show_overlay(self) -> None:
        overlay = self._viewer.canvas.overlays.text
        if self._axis is None or self._band is None or not self._in_window():
            overlay.visible = False
            return
        pictures = [
            layer.name
            for layer in self._viewer.layers
            if layer.visible and marks.mark_of(layer, "picture_of", self._layer)
        ]
        band = self._axis.describe(self._band)
        if self._layer is not None and shows_preview(self._layer):
            band += "  ·  coarse, reading…"
        overlay.text = pictures[-1] if pictures else band
        overlay.visible = True

    def _stretch_soon(self) -> None:
        if self._stretch.isChecked():
            self._settle.start()

    def _stretch_band(self) -> None:
        layer, cube, band = self._layer, self._cube, self._band
        if layer is None or cube is None or band is None:
            return

        def show(limits: Any) -> None:
            if cube is self._cube and band == self._band and not isinstance(limits, str):
                layer.contrast_limits = limits

        start_work(show, or_sentence, band_limits, cube, band)

    def _hide_pictures(self) -> None:
        # A colour picture would cover the band that the user asks for.
        for layer in self._viewer.layers:
            # napari tells of every assignment, even one that changes nothing.
            if layer.visible and marks.mark_of(layer, "picture_of", self._layer):
                layer.visible = False

    def _show_readout(self) -> None:
        if self._live is None or self._axis is None or self._cube is None or self._layer is None:
            return
        row, column = self._pixel or (0, 0)
        band = shown_band(self._viewer, self._layer)
        value = self._live.values[band]
        said = f"{value:.5g} {self._cube.units or ''}".rstrip()
        if not math.isfinite(value):
            said = "no data"
        where = f"{self._axis.positions[band]:.1f} nm" if self._axis.in_nm else f"band {band}"
        self._readout.setText(f"Row {row}, column {column}: {said} at {where}")

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
        if viewer.dims.ndisplay == 3:
            return
        active = viewer.layers.selection.active
        if active is not None and active.mode not in ("pan_zoom", "transform"):
            return  # The user is drawing.
        pixel = pixel_at(self._layer, event.position)
        if pixel is not None:
            self.pin_pixel(*pixel)

    def probe(self, row: int, column: int) -> None:
        """Show the live spectrum of a pixel."""
        if self._cube is not None:
            self._feed.request((Probe(self._layer, self._cube, row, column),))

    def _on_spectrum(self, answers: tuple[Answer, ...]) -> None:
        [answer] = answers
        probe = answer.probe
        if probe.cube is not self._cube or self._axis is None:
            return
        self._pixel = (probe.row, probe.column)
        label = f"cursor ({probe.row}, {probe.column})"
        self._live = Curve(label, self._axis, answer.values, self._accent, live=True)
        self._show_curves()
        self._show_readout()

    @property
    def curves(self) -> list[Curve]:
        """The spectra in the plot: regions, pins, and the pixel under the cursor."""
        live = [self._live] if self._live is not None else []
        return [*self._marks.curves, *live]

    def _show_curves(self) -> None:
        if self._live is not None and self._live.color != self._accent:
            live = self._live
            self._live = Curve(live.label, live.axis, live.values, self._accent, live=True)
        self._plot.set_curves(self.curves)
        self._plot.set_message(self._plot_message())

    def _plot_message(self) -> str:
        if self._axis is None or self._marks.curves:
            return ""
        if self._live is None:
            return "Move over the image"
        _, drawn = self._live.axis.polyline(self._live.values)
        return "" if any(map(math.isfinite, drawn)) else "This pixel holds no data"

    # Pins and regions --------------------------------------------------------

    def pin(self) -> None:
        """Keep the spectrum of the last pixel under the cursor."""
        if self._pixel is None:
            self._say("Move over the image first; Pin keeps the last pixel under the cursor.")
        else:
            self.pin_pixel(*self._pixel)

    def pin_pixel(self, row: int, column: int) -> None:
        """Keep the spectrum of a pixel as a point on the image and a curve."""
        if self._layer is None:
            return
        if self._marks.points is None:
            self._add_mark_layer(marks.pins_layer(self._layer))
        assert self._marks.points is not None
        self._marks.points.add([row, column])
        self._marks.points.selected_data = set()

    def draw_region(self, on: bool = True) -> None:
        """Let the user draw rectangles whose mean and spread are shown, or end that."""
        if self._layer is None:
            return
        if not on:
            if self._drawing():
                assert self._marks.shapes is not None
                self._marks.shapes.mode = "pan_zoom"
                self._viewer.layers.selection.active = self._layer
            self._say(HINT)
            return
        if self._marks.shapes is None:
            self._add_mark_layer(marks.regions_layer(self._layer))
        assert self._marks.shapes is not None
        self._viewer.layers.selection.active = self._marks.shapes
        self._marks.shapes.mode = "add_rectangle"
        self._say(
            "Drag a rectangle on the image; press Draw region again to end. The layer controls "
            "have other shapes."
        )

    def _drawing(self) -> bool:
        shapes = self._marks.shapes
        return (
            shapes is not None
            and self._viewer.layers.selection.active == shapes
            and str(shapes.mode).startswith("add_")
        )

    def _show_drawing(self) -> None:
        with QSignalBlocker(self._draw):
            self._draw.setChecked(self._drawing())

    def clear_marks(self) -> None:
        """Remove the pins and regions of this cube."""
        for layer in (self._marks.points, self._marks.shapes):
            if layer is not None and layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        if self._layer is not None:
            self._viewer.layers.selection.active = self._layer

    def _add_mark_layer(self, layer: Layer) -> None:
        cube_layer = self._layer
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = cube_layer

    def _find_marks(self) -> None:
        found: dict[str, Layer] = {}
        for layer in self._viewer.layers if self._layer is not None else ():
            for kind in ("pins_of", "regions_of"):
                if marks.mark_of(layer, kind, self._layer):
                    found[kind] = layer
        points: Any = found.get("pins_of")
        shapes: Any = found.get("regions_of")
        if shapes != self._marks.shapes:
            self._to_drawing.close()
            if shapes is not None:
                self._to_drawing.connect(shapes.events.mode, self._show_drawing)
        self._marks.set_layers(points, shapes)
        self._show_drawing()

    # Pictures and files ------------------------------------------------------

    def add_composite(self, kind: Composite) -> None:
        """Add a colour picture of the cube as a layer, computed in the background."""
        self._add_picture(kind.title, composite, kind.name)

    def add_false_colour(self, bands: tuple[int, int, int]) -> None:
        """Add a picture of three bands as red, green and blue."""
        if self._axis is not None:
            places = " ".join(f"{self._axis.positions[band]:.0f}" for band in bands)
            unit = " nm" if self._axis.in_nm else ""
            self._add_picture(f"RGB {places}{unit}", composite_of_bands, bands)

    def _add_picture(self, title: str, compute: Callable[..., Any], choice: Any) -> None:
        layer, cube = self._layer, self._cube
        if layer is None or cube is None:
            return
        self._say(f"{title}: computing…")
        step = math.ceil(math.sqrt(cube.shape[1] * cube.shape[2] / _LARGEST_PICTURE))
        if step > 1:
            cube = cube.replace(data=cube.data[:, ::step, ::step], georeference=None)
        start_work(
            lambda picture: self._on_picture(layer, title, picture, step),
            or_sentence,
            compute,
            cube,
            choice,
        )

    def _on_picture(self, layer: Layer, title: str, picture: Any, step: int) -> None:
        if isinstance(picture, str):
            self._say(picture)
            return
        if layer not in self._viewer.layers:
            return
        name = f"{layer.name} [{title}]"
        known = [
            other
            for other in self._viewer.layers
            if marks.mark_of(other, "picture_of", layer) and marks.title_of(other) == title
        ]
        if known:
            known[0].data = picture
            known[0].visible = True
            # On top of the other pictures, where it is seen.
            self._viewer.layers.move(self._viewer.layers.index(known[0]), -1)
        else:
            options = plane_options(layer)
            options["scale"] = options["scale"] * step
            options["metadata"] = {METADATA_KEY: {"picture_of": layer.unique_id, "title": title}}
            added = self._viewer.add_image(picture, rgb=True, name=name, **options)
            self._to_viewer.connect(added.events.visible, self._show_overlay)
        self._viewer.layers.selection.active = layer
        part = f" (one of {step} rows and columns)" if step > 1 else ""
        self._say(f'"{name}"{part} lies on top; moving to another band hides it.')
        self._show_overlay()

    def save_csv(self, path: str | Path) -> Path:
        """Save the plotted spectra as a table; see `plugin.spectra.curves_csv`."""
        return write_text(path, curves_csv(self.curves))

    def save_png(self, path: str | Path) -> Path:
        """Save the plot as a picture."""
        return self._plot.save_png(path)

    def _ask_csv(self) -> None:
        self._ask("Save spectra", "csv", self.save_csv)

    def _ask_png(self) -> None:
        self._ask("Save plot", "png", self.save_png)

    def _ask(self, title: str, suffix: str, save: Callable[[Path], Path]) -> None:
        if self._layer is None:
            return
        if not self.curves:
            self._say("There is no spectrum to save yet; move over the image first.")
            return
        if saved := save_as(self, title, f"{self._layer.name} spectra", suffix, save):
            self._say(f"Saved {saved}")
