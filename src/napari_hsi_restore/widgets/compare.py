"""The Compare dock: scores, maps and spectra of results beside their reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari.viewer
import numpy as np
from napari.layers import Layer
from napari.qt.threading import create_worker
from napari.utils.notifications import show_error
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.metrics import Scores
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.comparing import angle_plane, error_plane, residual, source_of
from napari_hsi_restore.plugin.contrast import limits_of
from napari_hsi_restore.plugin.layers import (
    is_cube_layer,
    layer_to_cube,
    plane_options,
    result_layer_data,
)
from napari_hsi_restore.plugin.marks import color_of
from napari_hsi_restore.plugin.placing import pixel_at, show_band, shown_band
from napari_hsi_restore.plugin.spectra import Curve, value_title, write_text
from napari_hsi_restore.widgets.parts.check_list import CheckList
from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.cube_chooser import CubeChooser
from napari_hsi_restore.widgets.parts.look_link import LookLink
from napari_hsi_restore.widgets.parts.score_table import Row, ScoreTable
from napari_hsi_restore.widgets.parts.scoring import Scoring, or_sentence
from napari_hsi_restore.widgets.parts.spectrum_feed import Answer, Probe, SpectrumFeed
from napari_hsi_restore.widgets.parts.spectrum_plot import SpectrumPlot
from napari_hsi_restore.widgets.parts.theme import plot_colors

HELP = "Open a cube and a result of it; choose the clean reference if you have one."
NO_REFERENCE = (
    "Without a reference nobody can say how near a result is to the truth, so there are no scores. "
    "Look at the residual: what was taken away should look like noise, not like the scene."
)


class CompareWidget(QWidget):
    """Compares cube layers of the viewer.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        napari passes it because of this very annotation.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._scoring = Scoring(self)
        self._scoring.scored.connect(self._on_score)
        self._scoring.ended.connect(self._on_scored)
        self._scores: dict[Any, Scores] = {}
        self._failures: list[str] = []
        self._to_viewer = Connections()
        self._look = LookLink()
        self._seen: set[Any] = set()
        self._feed = SpectrumFeed(self)
        self._feed.answered.connect(self._on_spectra)
        self._feed.failed.connect(self._say)
        self._build()
        self._listen()
        self._on_theme()
        self._refresh_layers()

    # What the user sees ------------------------------------------------------

    def _build(self) -> None:
        self._reference = CubeChooser(none_text="(none)", parent=self)
        self._reference.setAccessibleName("Reference")
        self._reference.setToolTip("The clean cube that results are measured against.")
        self._reference.cube_requested.connect(self.choose_reference)
        self._results = CheckList(self)
        self._results.setAccessibleName("Results")
        self._results.setToolTip("Tick the cubes to compare.")
        self._results.choice_requested.connect(self._on_choice)
        self._status = QLabel(self)
        self._status.setWordWrap(True)
        self._status.setAccessibleName("Message")
        self._table = ScoreTable(self)
        self._table.setAccessibleName("Scores")
        self._spectra = SpectrumPlot(self)
        self._per_band = SpectrumPlot(self)
        for plot in (self._spectra, self._per_band):
            plot.band_requested.connect(self._go_to_band)
        tabs = QTabWidget(self)
        tabs.addTab(self._spectra, "Spectra at the cursor")
        tabs.addTab(self._per_band, "PSNR of each band")

        top = QHBoxLayout()
        label = QLabel("&Reference")
        label.setBuddy(self._reference)
        top.addWidget(label)
        top.addWidget(self._reference, 1)
        self._score_button = self._button(
            "Compute &scores", "PSNR, SSIM, SAM and ERGAS of the ticked results.", self.score
        )
        self._cancel_button = self._button("Ca&ncel", "Stop computing scores.", self.cancel)
        self._copy_button = self._button("Cop&y table", "Copy the scores as text.", self.copy_table)
        self._csv_button = self._button("Save CS&V…", "Save the scores as a table.", self._ask_csv)
        scores = QHBoxLayout()
        for button in (
            self._score_button,
            self._cancel_button,
            self._copy_button,
            self._csv_button,
        ):
            scores.addWidget(button)
        self._error_button = self._button(
            "&Error map", "Where the ticked results differ from the reference.", self.add_error_maps
        )
        self._angle_button = self._button(
            "Spectral-&angle map",
            "Where the shape of the spectra differs from the reference, in degrees.",
            self.add_angle_maps,
        )
        self._residual_button = self._button(
            "Residua&l",
            "Result minus the cube it was made from (else minus the reference).",
            self.add_residuals,
        )
        self._side_by_side = self._check(
            "Side &by side", "Show all visible layers in a grid.", self._on_side_by_side
        )
        self._linked = self._check(
            "Same &contrast",
            "Contrast limits, gamma and colours of the compared layers change together.",
            self._on_linked,
        )
        maps = QGridLayout()
        for place, item in enumerate(
            (
                self._error_button,
                self._angle_button,
                self._residual_button,
                self._side_by_side,
                self._linked,
            )
        ):
            maps.addWidget(item, place // 3, place % 3)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(QLabel("Results"))
        layout.addWidget(self._results)
        layout.addWidget(self._status)
        layout.addLayout(scores)
        layout.addWidget(self._table)
        layout.addLayout(maps)
        layout.addWidget(tabs, 1)

    def _button(self, text: str, tip: str, action: Callable[[], Any]) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleName(text.replace("&", ""))
        button.clicked.connect(lambda _=False: action())
        return button

    def _check(self, text: str, tip: str, action: Callable[[bool], None]) -> QCheckBox:
        box = QCheckBox(text, self)
        box.setToolTip(tip)
        box.toggled.connect(action)
        return box

    def _say(self, text: str) -> None:
        self._status.setText(text)

    # Layers ------------------------------------------------------------------

    def _listen(self) -> None:
        events = self._viewer.layers.events
        for emitter in (events.inserted, events.removed, events.reordered):
            self._to_viewer.connect(emitter, self._refresh_layers)
        self._to_viewer.connect(self._viewer.events.theme, self._on_theme)
        self._to_viewer.connect(self._viewer.dims.events.point, self._on_band)
        self._to_viewer.append(self._viewer.mouse_move_callbacks, self._on_mouse_move)
        for end in (self._to_viewer.close, self._feed.close, self._look.close):
            self.destroyed.connect(end)

    def _on_theme(self) -> None:
        colors = plot_colors(self._viewer.theme)
        self._spectra.set_colors(colors)
        self._per_band.set_colors(colors)
        self._table.set_highlight(colors.highlight)

    @property
    def reference(self) -> Layer | None:
        """The layer that results are measured against."""
        chosen: Any = self._reference.chosen
        return chosen

    @property
    def results(self) -> list[Layer]:
        """The ticked layers, without the reference."""
        chosen: list[Any] = self._results.ticked
        return [layer for layer in chosen if layer != self.reference]

    def _refresh_layers(self) -> None:
        # A result that has just been made is what one wants to compare.
        layers = [layer for layer in self._viewer.layers if is_cube_layer(layer)]
        new = [
            layer
            for layer in layers
            if layer.unique_id not in self._seen and source_of(layer, layers) is not None
        ]
        self._seen = {layer.unique_id for layer in layers}
        self._show_layers(self.reference, [*self._results.ticked, *new])

    def choose_reference(self, layer: Layer | None) -> None:
        """Measure results against a layer; None for no reference."""
        self._scores.clear()
        self._show_layers(layer, self._results.ticked)

    def choose_results(self, layers: list[Layer]) -> None:
        """Tick these layers and no others."""
        self._show_layers(self.reference, layers)

    def _show_layers(self, reference: Layer | None, ticked: list[Any]) -> None:
        layers = [layer for layer in reversed(self._viewer.layers) if is_cube_layer(layer)]
        reference = reference if reference in layers else None
        self._reference.set_entries([(layer.name, layer) for layer in layers], reference)
        others = [(layer.name, layer) for layer in layers if layer != reference]
        self._results.set_entries(others, ticked)
        self._on_choice()

    def _on_choice(self) -> None:
        have = bool(self.results)
        both = have and self.reference is not None
        for button in (self._score_button, self._error_button, self._angle_button):
            button.setEnabled(both and not self._scoring.running)
        self._residual_button.setEnabled(have)
        self._cancel_button.setEnabled(self._scoring.running)
        if not have:
            self._say(HELP)
        else:
            self._say("" if both else NO_REFERENCE)
        self._show_scores()
        self._set_axes()
        if self._linked.isChecked():
            self._on_linked(True)

    def _compared(self) -> list[Layer]:
        first = [self.reference] if self.reference is not None else []
        return [*first, *self.results]

    # Scores ------------------------------------------------------------------

    def score(self) -> None:
        """Compute the scores of the ticked results in the background."""
        if self.reference is None or not self.results:
            return
        pairs = [(layer.unique_id, layer_to_cube(layer)) for layer in self.results]
        self._scores.clear()
        self._failures.clear()
        self._scoring.start(layer_to_cube(self.reference), pairs)
        self._on_choice()
        self._say(f"Computing scores of {len(pairs)} result(s)…")

    def cancel(self) -> None:
        """Stop computing scores; what is already known stays."""
        self._scoring.cancel()
        self._on_choice()

    def _on_score(self, key: Any, found: Scores | str) -> None:
        if isinstance(found, str):
            self._failures.append(found)
        else:
            self._scores[key] = found
            self._show_scores()

    def _on_scored(self) -> None:
        self._on_choice()
        self._say("\n".join(self._failures))

    def _show_scores(self) -> None:
        known = [(layer, self._scores.get(layer.unique_id)) for layer in self.results]
        self._table.set_rows([Row(layer.name, scores) for layer, scores in known])
        for button in (self._copy_button, self._csv_button):
            button.setEnabled(any(scores is not None for _, scores in known))
        curves = []
        for index, (layer, scores) in enumerate(known):
            if scores is not None:
                values = np.asarray(scores.per_band["psnr"], dtype=np.float64)
                values[~np.isfinite(values)] = np.nan
                axis = BandAxis.of(layer_to_cube(layer))
                curves.append(Curve(layer.name, axis, values, color_of(index)))
        self._per_band.set_curves(curves)

    def copy_table(self) -> None:
        """Put the scores on the clipboard, cells separated by tabs."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self._table.as_text())
            self._say("Copied the table.")

    def save_csv(self, path: str | Path) -> Path:
        """Save the scores as CSV."""
        return write_text(path, self._table.as_text(","))

    def _ask_csv(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save scores", "scores.csv", "CSV (*.csv)")
        if path:
            try:
                self._say(f"Saved {self.save_csv(path)}")
            except UserError as error:
                show_error(str(error))

    # Maps --------------------------------------------------------------------

    def add_error_maps(self) -> None:
        """Add a layer with the error of every pixel for each ticked result."""
        self._add_planes(error_plane, "error map", "inferno")

    def add_angle_maps(self) -> None:
        """Add a layer with the spectral angle of every pixel for each ticked result."""
        self._add_planes(angle_plane, "spectral angle, degrees", "viridis")

    def _add_planes(
        self, compute: Callable[[HyperCube, HyperCube], Any], what: str, colormap: str
    ) -> None:
        if self.reference is None:
            self._say(NO_REFERENCE)
            return
        reference = layer_to_cube(self.reference)
        for layer in self.results:
            worker = create_worker(or_sentence, compute, reference, layer_to_cube(layer))
            worker.returned.connect(
                lambda plane, layer=layer: self._on_plane(layer, plane, what, colormap)
            )
            worker.start()

    def _on_plane(self, layer: Layer, plane: Any, what: str, colormap: str) -> None:
        if isinstance(plane, str):
            self._say(plane)
            return
        known = plane[np.isfinite(plane)]
        _, high = limits_of(known, (0.0, 99.5))
        self._viewer.add_image(
            plane,
            name=f"{layer.name} [{what}]",
            colormap=colormap,
            contrast_limits=(0.0, high if high > 0 else 1.0),
            **plane_options(layer),
        )

    def add_residuals(self) -> None:
        """Add a layer with (result - source) for each ticked result."""
        for layer in self.results:
            source = source_of(layer, self._viewer.layers) or self.reference
            if source is None or not is_cube_layer(source):
                self._say(f'It is not known what "{layer.name}" was made from; choose a reference.')
                continue
            worker = create_worker(
                or_sentence, residual, layer_to_cube(source), layer_to_cube(layer)
            )
            worker.returned.connect(lambda cube, layer=layer: self._on_residual(layer, cube))
            worker.start()

    def _on_residual(self, layer: Layer, cube: Any) -> None:
        if isinstance(cube, str):
            self._say(cube)
            return
        data, options, _ = result_layer_data(cube, layer, "residual")
        known = cube.data[np.isfinite(cube.data)][::7]
        low, high = limits_of(known, (0.5, 99.5))
        reach = max(abs(low), abs(high))
        options.update(contrast_limits=(-reach, reach), colormap="gray")
        self._viewer.add_image(data, **options)

    # Canvas ------------------------------------------------------------------

    def _on_side_by_side(self, on: bool) -> None:
        self._viewer.canvas.grid.enabled = on

    def _on_linked(self, on: bool) -> None:
        self._look.link(self._compared() if on else [])

    # Spectra at the cursor ---------------------------------------------------

    def _set_axes(self) -> None:
        layers = self._compared()
        if not layers:
            self._spectra.set_axis(None)
            self._per_band.set_axis(None)
            return
        cube = layer_to_cube(layers[0])
        axis = BandAxis.of(cube)
        self._spectra.set_axis(axis, value_title(cube))
        self._spectra.set_curves(())
        self._per_band.set_axis(axis, "PSNR (dB)")
        self._show_scores()
        self._on_band()

    def _on_band(self) -> None:
        layers = self._compared()
        band = shown_band(self._viewer, layers[0]) if layers else None
        self._spectra.set_band(band)
        self._per_band.set_band(band)

    def _go_to_band(self, band: int) -> None:
        layers = self._compared()
        if layers:
            show_band(self._viewer, layers[0], band)

    def _on_mouse_move(self, viewer: Any, event: Any) -> None:
        if self.isVisible():
            self.probe(event.position)

    def probe(self, world: tuple[float, ...]) -> None:
        """Show the spectra of all compared layers at a place in the world."""
        probes = []
        for layer in self._compared():
            pixel = pixel_at(layer, world)
            if pixel is not None:
                probes.append(Probe(layer.unique_id, layer_to_cube(layer), *pixel))
        if probes:
            self._feed.request(tuple(probes))

    def _on_spectra(self, answers: tuple[Answer, ...]) -> None:
        colors = {layer.unique_id: color_of(i) for i, layer in enumerate(self.results)}
        text = plot_colors(self._viewer.theme).accent
        self._spectra.set_curves(
            [
                Curve(
                    answer.probe.cube.name,
                    BandAxis.of(answer.probe.cube),
                    answer.values,
                    colors.get(answer.probe.key, text),
                )
                for answer in answers
            ]
        )
