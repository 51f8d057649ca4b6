"""The Compare dock: scores, maps and spectra of results beside their reference."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari.viewer
import numpy as np
from napari.layers import Layer
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QVBoxLayout,
)

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.metrics import Scores
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.comparing import (
    angle_plane,
    error_plane,
    is_residual,
    minuend_of,
    mismatch,
    residual,
    source_of,
)
from napari_hsi_restore.plugin.difference_layers import (
    beyond_the_scale,
    show_map,
    show_residual,
)
from napari_hsi_restore.plugin.layers import (
    is_cube_layer,
    layer_to_cube,
)
from napari_hsi_restore.plugin.marks import color_of
from napari_hsi_restore.plugin.placing import lay_over, lie_apart, pixel_at, show_band, shown_band
from napari_hsi_restore.plugin.spectra import Curve, value_title, write_text
from napari_hsi_restore.restore import outcome
from napari_hsi_restore.widgets.parts.background import or_sentence, start_work
from napari_hsi_restore.widgets.parts.compare_form import CompareForm
from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.dock import Dock
from napari_hsi_restore.widgets.parts.look_link import LookLink
from napari_hsi_restore.widgets.parts.save_dialog import save_as
from napari_hsi_restore.widgets.parts.score_table import Row
from napari_hsi_restore.widgets.parts.scoring import Scoring
from napari_hsi_restore.widgets.parts.spectrum_feed import Answer, Probe, SpectrumFeed
from napari_hsi_restore.widgets.parts.theme import plot_colors

NO_CUBES = "Open a cube and a result of it to compare them."
TICK = "Tick the results to compare, and choose the clean reference if you have one."
READY = "Ready: Compute scores, or add a map of where a result differs."
NO_REFERENCE = (
    "Without a reference nobody can say how near a result is to the truth, so there are no scores. "
    "Look at the residual (result - source): it should look like noise, not like the scene."
)


NO_SCORES = "Without a reference there are no scores. What is known:"
APART = (
    "The reference lies elsewhere on the canvas than the results of its size, so its spectra are "
    "not shown: Lay over moves it onto them."
)


class CompareWidget(Dock):
    """Compares cube layers of the viewer.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        napari passes it because of this very annotation.
    """

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._scoring = Scoring(self)
        self._scoring.scored.connect(self._on_score)
        self._scoring.ended.connect(self._on_scored)
        self._scores: dict[Any, Scores] = {}
        self._to_do = 0
        self._colors: dict[Any, str] = {}
        self._failures: list[str] = []
        self._answers: tuple[Answer, ...] = ()
        self._busy_maps = 0
        self._to_layers = Connections()
        self._look = LookLink()
        self._seen: set[Any] = set()
        self._feed = SpectrumFeed(self)
        self._feed.answered.connect(self._on_spectra)
        self._feed.failed.connect(self._say)
        self._build()
        for ending in (self._to_layers, self._look):
            self.destroyed.connect(ending.close)
        self._enter()

    # What the user sees ------------------------------------------------------

    def _build(self) -> None:
        form = self.form = CompareForm(self)
        form.reference.cube_requested.connect(self.choose_reference)
        form.results.choice_requested.connect(self._on_choice)
        for plot in form.plots:
            plot.band_requested.connect(self._go_to_band)
        for button, action in (
            (form.score, self.score),
            (form.cancel, self.cancel),
            (form.copy, self.copy_table),
            (form.csv, self._ask_csv),
            (form.error, self.add_error_maps),
            (form.angle, self.add_angle_maps),
            (form.residual, self.add_residuals),
            (form.lay_over, self.lay_over),
        ):
            button.clicked.connect(lambda _=False, action=action: action())
        form.side_by_side.toggled.connect(self._on_side_by_side)
        form.linked.toggled.connect(self._on_linked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(form)

    def _say(self, text: str) -> None:
        self.form.status.setText(text)

    # Layers ------------------------------------------------------------------

    def _listen(self) -> None:
        events = self._viewer.layers.events
        for emitter in (events.inserted, events.removed, events.reordered, events.renamed):
            self._to_viewer.connect(emitter, self._refresh)
        self._to_viewer.connect(self._viewer.dims.events.point, self._on_band)
        self._to_viewer.append(self._viewer.mouse_move_callbacks, self._on_mouse_move)

    def _rest(self) -> None:
        self._scoring.cancel()
        for ending in (self._to_layers, self._look, self._feed):
            ending.close()
        self._show_layers(None, [])

    def _on_theme(self) -> None:
        colors = plot_colors(self._viewer.theme)
        self.form.set_theme(self._viewer.theme, colors)
        self._show_spectra()

    @property
    def reference(self) -> Layer | None:
        """The layer that results are measured against."""
        chosen: Any = self.form.reference.chosen
        return chosen

    @property
    def results(self) -> list[Layer]:
        """The ticked layers, without the reference."""
        chosen: list[Any] = self.form.results.ticked
        return [layer for layer in chosen if layer != self.reference]

    def _refresh(self) -> None:
        # A result that has just been made is what one wants to compare.
        layers = [layer for layer in self._viewer.layers if is_cube_layer(layer)]
        new = [
            layer
            for layer in layers
            if layer.unique_id not in self._seen
            and source_of(layer, layers) is not None
            and not is_residual(layer)
        ]
        self._seen = {layer.unique_id for layer in layers}
        self._show_layers(self.reference, [*self.form.results.ticked, *new])

    def choose_reference(self, layer: Layer | None) -> None:
        """Measure results against a layer; None for no reference."""
        self._forget_scores()
        self._show_layers(layer, self.form.results.ticked)

    def choose_results(self, layers: list[Layer]) -> None:
        """Tick these layers and no others."""
        self._show_layers(self.reference, layers)

    def _show_layers(self, reference: Layer | None, ticked: list[Any]) -> None:
        layers = [layer for layer in reversed(self._viewer.layers) if is_cube_layer(layer)]
        if reference not in layers:
            if self.reference is not None:
                self._forget_scores()
            reference = None
        self.form.reference.set_entries([(layer.name, layer) for layer in layers], reference)
        others = [(layer.name, layer) for layer in layers if layer != reference]
        self.form.results.set_entries(others, ticked)
        self._to_layers.close()
        for layer in layers:
            self._to_layers.connect(layer.events.data, self._on_data)
        self._on_choice()

    def _on_data(self) -> None:
        # Scores and spectra of values that are gone would be lies.
        self._forget_scores()
        self._answers = ()
        self._on_choice()

    def _forget_scores(self) -> None:
        self._scoring.cancel()
        self._scores.clear()
        self._failures.clear()

    def _on_choice(self) -> None:
        self._colors = {layer.unique_id: color_of(i) for i, layer in enumerate(self.results)}
        entries: list[Any] = self.form.results.entries
        self.form.results.set_colors([self._colors.get(layer.unique_id) for layer in entries])
        self._show_state()
        self._say(self._advice())
        self._show_scores()
        self._set_axes()
        if self.form.linked.isChecked():
            self._on_linked(True)

    def _show_state(self) -> None:
        have = bool(self.results)
        both = have and self.reference is not None
        self.form.score.setEnabled(both and not self._scoring.running)
        for button in (self.form.error, self.form.angle):
            button.setEnabled(both)
        self.form.residual.setEnabled(have)
        self.form.lay_over.setVisible(self._is_apart())
        self.form.cancel.setEnabled(self._scoring.running)

    def _advice(self) -> str:
        if not self.form.results.entries and self.reference is None:
            return NO_CUBES
        if not self.results:
            return TICK
        if self.reference is None:
            known = [said for layer in self.results for said in outcome(layer_to_cube(layer))]
            return "\n".join([NO_SCORES, *known]) if known else NO_REFERENCE
        reference = layer_to_cube(self.reference)
        reasons = [mismatch(reference, layer_to_cube(layer)) for layer in self.results]
        said = [reason for reason in reasons if reason is not None]
        if self._scoring.running:
            return self._running_text()
        if self._is_apart():
            said.append(APART)
        if said or self._failures:
            return "\n".join(dict.fromkeys([*said, *self._failures]))
        return "" if self._scores else READY

    def _is_apart(self) -> bool:
        reference = self.reference
        return reference is not None and any(lie_apart(reference, one) for one in self.results)

    def lay_over(self) -> None:
        """Move the reference onto the first result of its size that lies elsewhere."""
        reference = self.reference
        if reference is None:
            return
        for layer in self.results:
            if lie_apart(reference, layer):
                lay_over(reference, layer)
                break
        self._on_choice()

    def _compared(self) -> list[Layer]:
        first = [self.reference] if self.reference is not None else []
        return [*first, *self.results]

    # Scores ------------------------------------------------------------------

    def score(self) -> None:
        """Compute the scores of the ticked results in the background."""
        if self.reference is None or not self.results:
            return
        reference = layer_to_cube(self.reference)
        pairs = [(layer.unique_id, layer_to_cube(layer)) for layer in self.results]
        self._forget_scores()
        # What has another shape has been said already.
        alike = [(key, cube) for key, cube in pairs if mismatch(reference, cube) is None]
        if alike:
            self._to_do = len(alike)
            self._scoring.start(reference, alike)
        self._on_choice()

    def _running_text(self) -> str:
        done = len(self._scores) + len(self._failures)
        return f"Computing scores: {done} of {self._to_do} done…"

    def cancel(self) -> None:
        """Stop computing scores; what is already known stays."""
        self._scoring.cancel()
        self._on_choice()
        self._say("Cancelled; scores that were done are kept.")

    def _on_score(self, key: Any, found: Scores | str) -> None:
        if isinstance(found, str):
            self._failures.append(found)
        else:
            self._scores[key] = found
        self._say(self._running_text())
        self._show_scores()

    def _on_scored(self) -> None:
        self._show_state()
        self._say(self._advice())

    def _show_scores(self) -> None:
        known = [(layer, self._scores.get(layer.unique_id)) for layer in self.results]
        self.form.table.set_rows(
            [Row(layer.name, scores, self._colors.get(layer.unique_id)) for layer, scores in known]
        )
        for button in (self.form.copy, self.form.csv):
            button.setEnabled(any(scores is not None for _, scores in known))
        curves = []
        for layer, scores in known:
            if scores is not None:
                values = np.asarray(scores.per_band["psnr"], dtype=np.float64)
                values[~np.isfinite(values)] = np.nan
                axis = BandAxis.of(layer_to_cube(layer))
                curves.append(Curve(layer.name, axis, values, self._colors[layer.unique_id]))
        self.form.per_band.set_curves(curves)
        self.form.per_band.set_message(
            "" if curves else "Compute scores for the PSNR of each band" if known else ""
        )

    def copy_table(self) -> None:
        """Put the scores on the clipboard, cells separated by tabs."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(self.form.table.as_text())
            self._say("Copied the table.")

    def save_csv(self, path: str | Path) -> Path:
        """Save the scores as CSV."""
        return write_text(path, self.form.table.as_text(","))

    def _ask_csv(self) -> None:
        if saved := save_as(self, "Save scores", "scores", "csv", self.save_csv):
            self._say(f"Saved {saved}")

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
            cube = layer_to_cube(layer)
            title = f"{what}, {cube.units}" if what == "error map" and cube.units else what
            self._make(
                layer,
                title,
                functools.partial(show_map, self._viewer, layer, title, colormap),
                compute,
                reference,
                cube,
                after=functools.partial(self._of_scale, title),
            )

    def _of_scale(self, title: str) -> str:
        """What to say of maps that are brighter than the scale tells."""
        beyond = beyond_the_scale(self._viewer, title)
        if not beyond:
            return ""
        names = ", ".join(f'"{name}"' for name in beyond)
        return f" The scale is that of the others; far beyond it: {names}."

    def _make(
        self,
        layer: Layer,
        what: str,
        add: Callable[[Any], None],
        *work: Any,
        after: Callable[[], str] = str,
    ) -> None:
        # Computes in the background and says how it went.
        def answer(made: Any) -> None:
            self._busy_maps -= 1
            if isinstance(made, str):
                self._say(made)
            elif layer in self._viewer.layers:
                add(made)
                self._say("" if self._busy_maps else f"Added {what}.{after()}")

        self._busy_maps += 1
        self._say(f"Computing {what}…")
        start_work(answer, or_sentence, *work)

    def add_residuals(self) -> None:
        """Add a layer with (result - source) for each ticked result."""
        for layer in self.results:
            cubes = [other for other in self._viewer.layers if is_cube_layer(other)]
            source, reason = minuend_of(layer, cubes, self.reference)
            if source is None:
                self._say(reason)
                continue
            self._make(
                layer,
                f'the residual of "{layer.name}" from "{source.name}"',
                functools.partial(show_residual, self._viewer, layer),
                residual,
                layer_to_cube(source),
                layer_to_cube(layer),
            )

    # Canvas ------------------------------------------------------------------

    def _on_side_by_side(self, on: bool) -> None:
        self._viewer.canvas.grid.enabled = on

    def _on_linked(self, on: bool) -> None:
        self._look.link(self._compared() if on else [])

    # Spectra at the cursor ---------------------------------------------------

    def _set_axes(self) -> None:
        layers = self._compared()
        # A map that is added changes nothing in the spectra.
        if {answer.probe.key for answer in self._answers} != {each.unique_id for each in layers}:
            self._answers = ()
        self._show_spectra()
        if not layers:
            self.form.spectra.set_axis(None)
            self.form.per_band.set_axis(None)
            return
        cube = layer_to_cube(layers[0])
        axis = BandAxis.of(cube)
        self.form.spectra.set_axis(axis, value_title(cube))
        self.form.per_band.set_axis(axis, "PSNR (dB)")
        self._show_scores()
        self._on_band()

    def _on_band(self) -> None:
        layers = self._compared()
        band = shown_band(self._viewer, layers[0]) if layers else None
        self.form.spectra.set_band(band)
        self.form.per_band.set_band(band)

    def _go_to_band(self, band: int) -> None:
        layers = self._compared()
        if layers:
            show_band(self._viewer, layers[0], band)

    def _on_mouse_move(self, viewer: Any, event: Any) -> None:
        # In three dimensions the cursor is a ray and no pixel.
        if self.isVisible() and viewer.dims.ndisplay == 2:
            self.probe(event.position)

    def probe(self, world: tuple[float, ...]) -> None:
        """Show the spectra of all compared layers at a place in the world."""
        probes = []
        # Spectra of two places are no comparison.
        for layer in self.results if self._is_apart() else self._compared():
            pixel = pixel_at(layer, world)
            if pixel is not None:
                probes.append(Probe(layer.unique_id, layer_to_cube(layer), *pixel))
        if probes:
            self._feed.request(tuple(probes))

    def _on_spectra(self, answers: tuple[Answer, ...]) -> None:
        compared = {layer.unique_id for layer in self._compared()}
        if all(answer.probe.key in compared for answer in answers):
            self._answers = answers
            self._show_spectra()

    def _show_spectra(self) -> None:
        of_reference = plot_colors(self._viewer.theme).accent
        waiting = self._compared() and not self._answers
        self.form.spectra.set_message("Move over the image" if waiting else "")
        self.form.spectra.set_curves(
            [
                Curve(
                    answer.probe.cube.name,
                    BandAxis.of(answer.probe.cube),
                    answer.values,
                    self._colors.get(answer.probe.key, of_reference),
                )
                for answer in self._answers
            ]
        )
