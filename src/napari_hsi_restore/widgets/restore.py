"""The dock *Restore*: wires its parts to the child process; computes nothing itself."""

from __future__ import annotations

import functools

import napari.viewer
from napari.layers import Image, Layer
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEvent, QSettings
from qtpy.QtGui import QGuiApplication, QShowEvent
from qtpy.QtWidgets import (
    QComboBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.jobs.command import denoise_command, denoised_path
from napari_hsi_restore.jobs.requests import (
    DenoiseRequest,
    DevicesRequest,
    NoiseEstimate,
    NoiseRequest,
)
from napari_hsi_restore.plugin.layers import is_cube_layer, layer_to_cube
from napari_hsi_restore.restore.recipe import automatic_choice
from napari_hsi_restore.widgets.parts.column import Column
from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.job_panel import JobPanel
from napari_hsi_restore.widgets.parts.restore_form import RestoreForm
from napari_hsi_restore.widgets.parts.results import add_preview, add_result, is_preview
from napari_hsi_restore.widgets.parts.runs import Runs, runs_of, short
from napari_hsi_restore.widgets.parts.tabs import join_tabs
from napari_hsi_restore.widgets.parts.theme import plot_colors
from napari_hsi_restore.widgets.parts.visible_region import visible_region
from napari_hsi_restore.zoo.records import list_models

NO_CUBE = "open a cube: axes (band, y, x)"

# Largest sides that take about two seconds.
_CPU_PREVIEW, _GPU_PREVIEW = 160, 512


class RestoreWidget(QWidget):
    """Chooses a cube and how to restore it, previews and runs.

    A run belongs to the window: it goes on, and its layer is added, when this dock is
    closed or its source layer is deleted. Further runs wait for their turn.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    # Spelled in full: napari looks for this very annotation.
    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = viewer
        self._layers: list[Image] = []
        self._runs: Runs | None = None
        self._estimates: dict[object, NoiseEstimate] = {}
        self._to_viewer, self._to_layer = Connections(), Connections()
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
        self.form = RestoreForm(_models())
        self.panel = JobPanel()
        self.copy = QPushButton("Copy as command")
        self.copy.setToolTip("Copy the command line that does the same without a screen")
        self.copy.setAccessibleName("Copy as command")
        self._arrange()
        self.form.recall(self._settings)
        self._connect()
        self._listen()
        self._follow_theme()
        self._change_source()
        self._list_layers()

    def _arrange(self) -> None:
        self.form.put_first("Layer", self.source)
        layout = QVBoxLayout(self)
        layout.addWidget(Column(self.form), 1)
        layout.addWidget(self.panel)
        layout.addWidget(self.copy)

    def _listen(self) -> None:
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            self._to_viewer.connect(event, self._list_layers)
        self._to_viewer.connect(self._viewer.layers.selection.events.active, self._follow_active)
        self._to_viewer.connect(self._viewer.events.theme, self._follow_theme)

    def _rest(self) -> None:
        self._to_viewer.close()
        self._to_layer.close()

    def event(self, event: QEvent | None) -> bool:
        """Listen to the viewer only while in a window; napari keeps the widget of a closed dock."""
        handled: bool = super().event(event)
        if event is not None and event.type() == QEvent.Type.ParentChange:
            self._rest()
            if self.parent() is not None:
                self._listen()
                self._follow_theme()
                self._list_layers()
                self._change_source()
        return handled

    def _connect(self) -> None:
        self.destroyed.connect(self._to_viewer.close)
        self.destroyed.connect(self._to_layer.close)
        self.source.currentIndexChanged.connect(self._change_source)
        self.form.changed.connect(lambda: self.form.remember(self._settings))
        self.form.estimate_requested.connect(self._estimate)
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
            runs.devices_listed.connect(self.form.show_devices)
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
        join_tabs(self)
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

    def _follow_active(self, event: object = None) -> None:
        active = self._viewer.layers.selection.active
        if active in self._layers:
            self.source.setCurrentIndex(self._layers.index(active))

    def _change_source(self, index: int = 0) -> None:
        self._to_layer.close()
        there = self.layer is not None
        if self.layer is not None:
            self._to_layer.connect(self.layer.events.data, self._forget_estimate)
        self.panel.set_can_start(there)
        self.form.estimate.setEnabled(there)
        self.copy.setEnabled(there)
        self._show_source()

    def _show_source(self) -> None:
        """Show what is known of the source: its noise, and what auto means for it."""
        self.form.forget_noise()
        layer = self.layer
        if layer is None:
            self.form.picker.set_automatic("", "")
            return
        try:
            cube = layer_to_cube(layer)
            self.form.picker.set_automatic(*automatic_choice(cube.n_bands))
        except UserError:
            # Told when it is pressed on: nobody has asked for anything yet.
            self.form.picker.set_automatic("", "")
            return
        if estimate := self._estimates.get(layer.unique_id):
            self.form.show_noise(estimate.summary, estimate.sigma_255, cube.wavelengths_nm)

    def _forget_estimate(self, event: object = None) -> None:
        if self.layer is not None:
            self._estimates.pop(self.layer.unique_id, None)
        self._show_source()

    def _follow_theme(self, event: object = None) -> None:
        colors = plot_colors(self._viewer.theme)
        self.form.chart.set_colors(colors.background, colors.text, colors.highlight)
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
            region = visible_region(layer, _GPU_PREVIEW if self.form.on_gpu else _CPU_PREVIEW)
            self.runs.start(
                DenoiseRequest(cube, self.form.recipe(), region=region),
                f"Preview of “{short(layer.name)}”",
                functools.partial(add_preview, self._viewer, layer, region),
                slot="preview",
            )

    def _run(self) -> None:
        if chosen := self._cube():
            layer, cube = chosen
            residual = self.form.residual.isChecked()
            self.runs.start(
                DenoiseRequest(cube, self.form.recipe(), residual=residual),
                f"Denoising “{short(layer.name)}”",
                functools.partial(add_result, self._viewer, layer),
            )

    def _cancel(self) -> None:
        self.runs.cancel()

    def _show_noise(self, layer: Layer, estimate: NoiseEstimate) -> None:
        self._estimates[layer.unique_id] = estimate
        if layer == self.layer:
            self._show_source()

    def _show_status(self) -> None:
        self.panel.show_status(self.runs.status)

    def _copy_command(self) -> None:
        if not (chosen := self._cube()):
            return
        layer, cube = chosen
        # What was computed here is not what the file of its source holds.
        if cube.source is None or (layer.source.path is None and cube.history):
            sentence = (
                f"Layer “{layer.name}” is in no file yet: save it (File > Save Selected Layers), "
                "open that file and copy again."
            )
            self.runs.say(sentence)
            show_info(sentence)
            return
        command = denoise_command(cube.source, self.form.recipe())
        if clipboard := QGuiApplication.clipboard():
            clipboard.setText(command)
        target = denoised_path(cube.source)
        self.runs.say(f"Copied. Pasted into a shell, it writes {target.name} beside its source.")
        self.copy.setToolTip(command)


def _models() -> list[tuple[str, str]]:
    try:
        return [
            (record.name, record.purpose) for record in list_models() if record.task == "denoise"
        ]
    except UserError as error:
        show_error(str(error))
        return []
