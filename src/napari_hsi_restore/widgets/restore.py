"""The dock *Restore*: wires its parts to the child process; computes nothing itself."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari.viewer
import numpy as np
import numpy.typing as npt
from napari.layers import Image, Layer
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QSettings, QTimer
from qtpy.QtGui import QGuiApplication, QShowEvent
from qtpy.QtWidgets import QComboBox, QPushButton, QVBoxLayout, QWidget

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.mask import read_mask
from napari_hsi_restore.jobs.command import (
    denoise_command,
    not_in_a_command,
    result_path,
    superres_command,
)
from napari_hsi_restore.jobs.requests import (
    DenoiseRequest,
    DevicesRequest,
    NoiseRequest,
    SuperresRequest,
)
from napari_hsi_restore.noise.report import NoiseReport
from napari_hsi_restore.noise.report_files import save_report
from napari_hsi_restore.plugin.layers import is_cube_layer, layer_to_cube, marked_by_hand, said_of
from napari_hsi_restore.plugin.mask_layers import mask_layers, new_mask_layer, painted_pixels
from napari_hsi_restore.restore.automatic import choice
from napari_hsi_restore.restore.bad_bands import bad_bands, listed
from napari_hsi_restore.restore.choices import is_method
from napari_hsi_restore.restore.superres_recipe import SuperresRecipe, model_for, settled
from napari_hsi_restore.restore.superres_size import result_bytes, result_shape
from napari_hsi_restore.widgets.parts.column import Column
from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.dock import Dock
from napari_hsi_restore.widgets.parts.job_panel import FEW_LINES, MANY_LINES, JobPanel
from napari_hsi_restore.widgets.parts.model_library import model_library
from napari_hsi_restore.widgets.parts.model_picker import AUTO
from napari_hsi_restore.widgets.parts.removed_panel import RemovedPanel
from napari_hsi_restore.widgets.parts.removed_view import RemovedView
from napari_hsi_restore.widgets.parts.restore_form import RestoreForm
from napari_hsi_restore.widgets.parts.restore_task import RestoreTask, tasks_of
from napari_hsi_restore.widgets.parts.results import add_preview, add_result, is_preview
from napari_hsi_restore.widgets.parts.runs import Runs, runs_of, short
from napari_hsi_restore.widgets.parts.save_dialog import save_as
from napari_hsi_restore.widgets.parts.theme import plot_colors
from napari_hsi_restore.widgets.parts.visible_region import Region, visible_region
from napari_hsi_restore.zoo.records import list_models

NO_CUBE = "open a cube: axes (band, y, x)"

# Largest sides that take about two seconds; a result that is enlarged may be a little larger.
_CPU_PREVIEW, _GPU_PREVIEW = 160, 512
# Of methods, which auto mostly takes and no GPU helps.
_METHOD_PREVIEW = 112
_CPU_ENLARGED, _GPU_ENLARGED = 224, 768


class RestoreWidget(Dock):
    """Chooses a cube and how to restore it, previews and runs.

    A run belongs to the window: it goes on, and its layer is added, when this dock is
    closed or its source layer is deleted. Further runs wait for their turn.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    # Spelled in full: napari looks for this very annotation.
    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer)
        self._layers: list[Image] = []
        self._runs: Runs | None = None
        self._reports: dict[object, NoiseReport] = {}
        self._to_layer = Connections()
        self._settings = QSettings(
            QSettings.Format.IniFormat,
            QSettings.Scope.UserScope,
            "napari-hsi-restore",
            "restore",
        )
        self.source = QComboBox()
        self.source.setAccessibleName("Source layer")
        self.source.setToolTip("The cube to restore; follows the active layer")
        self.source.setPlaceholderText(NO_CUBE)
        self.source.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.form = RestoreForm(_tasks())
        self.removed = RemovedPanel()
        self._removed = RemovedView(viewer, self.removed)
        self.panel = JobPanel()
        self.copy = QPushButton("Copy as command")
        self.copy.setToolTip("Copy the command line that does the same without a screen")
        self.copy.setAccessibleName("Copy as command")
        self._arrange()
        self.form.recall(self._settings)
        self._connect()
        self._enter()

    def _arrange(self) -> None:
        self.form.put_first("Layer", self.source)
        whole = QWidget()
        above = QVBoxLayout(whole)
        above.setContentsMargins(0, 0, 0, 0)
        above.addWidget(self.form)
        above.addWidget(self.removed)
        above.addStretch()
        layout = QVBoxLayout(self)
        self._column = Column(whole)
        layout.addWidget(self._column, 1)
        layout.addWidget(self.removed.fold)
        layout.addWidget(self.panel)
        layout.addWidget(self.copy)

    def _listen(self) -> None:
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            self._to_viewer.connect(event, self._list_layers)
        self._to_viewer.connect(self._viewer.layers.selection.events.active, self._follow_active)
        self._to_viewer.connect(model_library.changed, self._list_models)

    def _refresh(self) -> None:
        self._list_models()
        self._list_layers()
        self._change_source()
        self._show_removed()

    def _list_models(self) -> None:
        """Offer the models that there are now: others may have come while the dock was closed."""
        self.form.set_tasks(_tasks())
        self._show_source()

    def _rest(self) -> None:
        self._to_layer.close()
        self._removed.rest()

    def _connect(self) -> None:
        self.destroyed.connect(self._to_layer.close)
        self.source.currentIndexChanged.connect(self._change_source)
        self.form.changed.connect(self._on_settings)
        self.form.task_changed.connect(self._show_source)
        self.form.task_changed.connect(self._show_removed)
        self.form.estimate_requested.connect(self._estimate)
        self.form.denoise.found.save_requested.connect(self._save_report)
        self.form.denoise.mask.new_requested.connect(self._new_mask)
        self.removed.fold.toggled.connect(self._scroll_to_removed)
        self.panel.preview_requested.connect(self._preview)
        self.panel.run_requested.connect(self._run)
        self.panel.cancel_requested.connect(self._cancel)
        self.copy.clicked.connect(self._copy_command)

    @property
    def runs(self) -> Runs:
        """The runs of the window that this dock is in now."""
        runs = runs_of(self)
        if runs is not self._runs:
            self._runs = runs
            runs.changed.connect(self._show_status)
            runs.noise_estimated.connect(self._show_noise)
            runs.devices_listed.connect(self.form.compute.show_devices)
            self._show_status()
        return runs

    @property
    def layer(self) -> Image | None:
        """The layer to restore, or None if there is none."""
        index = self.source.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802
        """Ask for the devices whenever the dock comes into view."""
        super().showEvent(event)
        self.runs.list_devices(DevicesRequest())

    def _list_layers(self, event: object = None) -> None:
        chosen = self.layer
        self.source.blockSignals(True)
        self.source.clear()
        self._layers = [
            layer for layer in self._viewer.layers if is_cube_layer(layer) and not is_preview(layer)
        ]
        self.source.addItems([layer.name for layer in self._layers])
        active = self._viewer.layers.selection.active
        for layer in (chosen, active, *self._layers[:1]):
            if layer in self._layers:
                self.source.setCurrentIndex(self._layers.index(layer))
                break
        self.source.blockSignals(False)
        if self.layer != chosen:
            self._change_source()
        self._list_masks()
        self._show_removed()

    def _follow_active(self, event: object = None) -> None:
        active = self._viewer.layers.selection.active
        if active in self._layers:
            self.source.setCurrentIndex(self._layers.index(active))

    def _change_source(self, index: int = 0) -> None:
        self._to_layer.close()
        there = self.layer is not None
        if self.layer is not None:
            self._to_layer.connect(self.layer.events.data, self._forget_report)
            # Its good bands may be edited in Inspect.
            self._to_layer.connect(self.layer.events.metadata, self._forget_report)
        self.panel.set_can_start(there)
        self.form.denoise.estimate.setEnabled(there)
        self.copy.setEnabled(there)
        self._list_masks()
        self._show_source()
        self._show_removed()

    def _show_source(self) -> None:
        """Show what is known of the source: its noise, what auto means, what will come out."""
        self.form.denoise.found.forget()
        self.panel.reserve(FEW_LINES if self.form.task.scale is None else MANY_LINES)
        self._foresee()
        layer = self.layer
        if layer is None:
            self.form.picker.set_automatic("", "")
            self.form.show_bad_bands(())
            return
        try:
            cube = layer_to_cube(layer)
            self.form.show_bad_bands([int(band) for band in bad_bands(cube)])
            self.form.picker.set_automatic(*self.form.task.automatic(cube.shape))
        except UserError:
            # Told when it is pressed on: nobody has asked for anything yet.
            self.form.picker.set_automatic("", "")
            self.form.show_bad_bands(())
            return
        if report := self._reports.get(layer.unique_id):
            self.form.denoise.found.show_report(report, cube.wavelengths_nm)
            self._advise()

    def _advise(self) -> None:
        """Say which model suits the noise, where that is known; auto takes it."""
        layer = self.layer
        report = None if layer is None else self._reports.get(layer.unique_id)
        if report is None or self.form.task.scale is not None:
            return
        _, height, width = report.shape
        advice = choice(
            report,
            (slice(0, height), slice(0, width)),
            self.form.compute.memory_limit_gib,
            filled=self.form.denoise.mask.layer is not None,
        )
        self.form.picker.set_automatic(advice.model, advice.reason)
        self.form.denoise.found.show_advice(advice, self.form.picker.model, AUTO)

    def _on_settings(self) -> None:
        self.form.remember(self._settings)
        self._foresee()
        self._advise()

    def _foresee(self) -> None:
        """Say how large the result will be, or why there cannot be one."""
        recipe, layer = self.form.recipe(), self.layer
        if layer is None or not isinstance(recipe, SuperresRecipe):
            self.form.superres.foreseen.clear()
            return
        try:
            cube = layer_to_cube(layer)
            SuperresRequest(cube, recipe).check()
        except UserError as error:
            self.form.superres.foreseen.setText(str(error))
            return
        bands, height, width = result_shape(cube, recipe.scale)
        size = result_bytes(cube, recipe.scale) / 2**20
        self.form.superres.foreseen.setText(
            f"{bands} bands of {height} × {width} pixels (rows × columns), {_in_words(size)}"
            f"{_averaging(cube, recipe)}"
        )

    def _forget_report(self, event: object = None) -> None:
        if self.layer is not None:
            self._reports.pop(self.layer.unique_id, None)
        self._show_source()

    def _list_masks(self) -> None:
        """Offer the layers that pixels of the source may be painted on."""
        layer = self.layer
        layers = [] if layer is None else mask_layers(self._viewer.layers, layer)
        self.form.denoise.mask.set_layers(layers)

    def _new_mask(self) -> None:
        """Add an empty layer over the source, with the brush in hand."""
        if self.layer is None:
            return
        layer = new_mask_layer(self.layer)
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = layer
        layer.mode = "paint"
        self.form.denoise.mask.choose(layer)
        self.runs.say(
            f"Paint on layer “{short(layer.name)}” what is to be filled, then Preview or Run."
        )

    def _hidden(self, cube: HyperCube) -> npt.NDArray[np.bool_] | None:
        """The painted pixels, None without a mask; a sentence where nothing is painted."""
        layer = self.form.denoise.mask.layer
        if layer is None:
            return None
        hidden = painted_pixels(layer, (cube.shape[1], cube.shape[2]))
        if not hidden.any():
            raise UserError(
                f"Nothing is painted on layer “{layer.name}” yet: paint on it, or set Mask to None."
            )
        return hidden

    def _mask_file(self, cube: HyperCube) -> tuple[Path | None, str]:
        """The file that holds the painted pixels, and what to say where there is none."""
        layer = self.form.denoise.mask.layer
        if layer is None:
            return None, ""
        shape = (cube.shape[1], cube.shape[2])
        path = layer.source.path
        if path is not None:
            with contextlib.suppress(UserError):
                if np.array_equal(read_mask(path, shape), painted_pixels(layer, shape)):
                    return Path(path), ""
        return None, (
            f" It is without the mask, which is in no file: save layer “{layer.name}” as a TIFF "
            "and add --mask with its name."
        )

    def _save_report(self, suffix: str) -> None:
        if not (chosen := self._cube()):
            return
        layer, cube = chosen
        if report := self._reports.get(layer.unique_id):

            def save(path: Path) -> Path:
                return save_report(report, path, cube.wavelengths_nm)

            if path := save_as(self, "Save report", f"noise of {layer.name}", suffix, save):
                self.runs.say(f"Saved {path}.")

    def _show_removed(self) -> None:
        """Show what the last restoration of the source has taken away."""
        denoises = self.form.task.scale is None
        self.removed.fold.setVisible(denoises)
        self.removed.setVisible(denoises and self.removed.fold.isChecked())
        self._removed.show_layer(self.layer if denoises else None)

    def _scroll_to_removed(self, unfolded: bool) -> None:
        if unfolded:
            # It has no place before the next layout.
            QTimer.singleShot(0, self._to_removed)

    def _to_removed(self) -> None:
        if bar := self._column.verticalScrollBar():
            bar.setValue(self.removed.y())

    def _on_theme(self) -> None:
        colors = plot_colors(self._viewer.theme)
        self.form.denoise.chart.set_colors(colors.background, colors.text, colors.highlight)
        self.removed.set_colors(colors)
        self.panel.set_colors(colors.text, colors.highlight)

    def _cube(self) -> tuple[Image, HyperCube] | None:
        layer = self.layer
        if layer is None:
            return None
        try:
            return layer, layer_to_cube(layer)
        except UserError as error:
            show_error(str(error))
            return None

    def _estimate(self) -> None:
        if chosen := self._cube():
            layer, cube = chosen
            self.runs.estimate_noise(NoiseRequest(cube), layer)

    def _preview(self) -> None:
        if chosen := self._cube():
            layer, cube = chosen
            region = visible_region(layer, self._preview_side(), self._viewer.scene.camera.center)
            self._start(
                functools.partial(self._request, cube, region),
                f"Preview of “{short(layer.name)}”",
                functools.partial(add_preview, self._viewer, layer, region),
                slot="preview",
            )

    def _preview_side(self) -> int:
        scale, model = self.form.task.scale, self.form.recipe().model
        if scale is None and (model == "auto" or is_method(model)):
            return _METHOD_PREVIEW
        if self.form.compute.on_gpu:
            return _GPU_PREVIEW if scale is None else _GPU_ENLARGED // scale
        return _CPU_PREVIEW if scale is None else _CPU_ENLARGED // scale

    def _run(self) -> None:
        if chosen := self._cube():
            layer, cube = chosen
            task = self.form.task
            self._start(
                functools.partial(self._request, cube),
                task.doing(short(layer.name)),
                functools.partial(add_result, self._viewer, layer, task.label),
            )

    def _request(
        self, cube: HyperCube, region: Region | None = None
    ) -> DenoiseRequest | SuperresRequest:
        recipe = self.form.recipe()
        if isinstance(recipe, SuperresRecipe):
            return SuperresRequest(cube, recipe, region)
        residual = region is None and self.form.denoise.residual.isChecked()
        return DenoiseRequest(cube, recipe, region, residual, self._hidden(cube))

    def _start(
        self,
        make: Callable[[], DenoiseRequest | SuperresRequest],
        title: str,
        finish: Callable[[Any], str],
        slot: str = "",
    ) -> None:
        try:
            request = make()
            if isinstance(request, SuperresRequest):
                request.check()
        except UserError as error:
            self.runs.say(f"{title}: not begun. {error}")
            show_error(str(error))
            return
        self.runs.start(request, title, finish, slot=slot)

    def _cancel(self) -> None:
        self.runs.cancel()

    def _show_noise(self, layer: Layer, report: NoiseReport) -> None:
        self._reports[layer.unique_id] = report
        if layer == self.layer:
            self._show_source()

    def _show_status(self) -> None:
        self.panel.show_status(self.runs.status)

    def _copy_command(self) -> None:
        if not (chosen := self._cube()):
            return
        layer, cube = chosen
        # What was computed here is not what the file of its source holds.
        said = said_of(layer)
        computed = layer.source.path is None and said is None and bool(cube.history)
        if cube.source is None or computed:
            sentence = (
                f"Layer “{layer.name}” is in no file yet: save it (File > Save Selected Layers), "
                "open that file and copy again."
            )
            self.runs.say(sentence)
            show_info(sentence)
            return
        recipe = self.form.recipe()
        if isinstance(recipe, SuperresRecipe):
            command = superres_command(cube.source, recipe, said, _marked(layer))
            but = ""
        else:
            mask, but = self._mask_file(cube)
            command = denoise_command(cube.source, recipe, said, mask, _marked(layer))
        if clipboard := QGuiApplication.clipboard():
            clipboard.setText(command)
        target = result_path(cube.source, recipe)
        lacking = not_in_a_command(said)
        if lacking:
            but += f" It cannot say {lacking}: convert the cube to ENVI once."
        self.runs.say(
            f"Copied. Pasted into a shell, it writes {target.name} beside its source.{but}"
        )
        self.copy.setToolTip(command)


def _tasks() -> tuple[RestoreTask, ...]:
    try:
        return tasks_of(list_models())
    except UserError as error:
        show_error(str(error))
        return tasks_of(())


def _marked(layer: Layer) -> str | None:
    """Bands that were marked as bad by hand, for a command; None where none were edited."""
    bands = marked_by_hand(layer)
    return (
        None
        if bands is None
        else listed([int(band) for band in bands], "-").replace(" ", "") or "none"
    )


def _averaging(cube: HyperCube, recipe: SuperresRecipe) -> str:
    """What follows the size of a result where the answers to turns are averaged."""
    record = model_for(recipe, cube.shape)
    averaged = record is not None and settled(recipe, record, cube.shape).ensemble
    return ", the mean of the network's answers to eight turns" if averaged else ""


def _in_words(mib: float) -> str:
    return f"{mib:.3g} MB" if mib < 1000 else f"{mib / 1024:.1f} GB"
