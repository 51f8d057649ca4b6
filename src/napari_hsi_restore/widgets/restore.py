"""The dock *Restore*: wires its parts to the child process; computes nothing itself."""

from __future__ import annotations

import functools

import napari.viewer
from napari.layers import Image, Layer
from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QSettings
from qtpy.QtGui import QGuiApplication, QShowEvent
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.jobs.command import denoise_command
from napari_hsi_restore.jobs.requests import (
    DenoiseRequest,
    DevicesRequest,
    NoiseEstimate,
    NoiseRequest,
)
from napari_hsi_restore.plugin.layers import is_cube_layer, layer_to_cube
from napari_hsi_restore.widgets.parts.column import Column
from napari_hsi_restore.widgets.parts.job_panel import JobPanel
from napari_hsi_restore.widgets.parts.restore_form import RestoreForm
from napari_hsi_restore.widgets.parts.results import add_preview, add_result, is_preview
from napari_hsi_restore.widgets.parts.runs import Runs, runs_of
from napari_hsi_restore.widgets.parts.theme import plot_colors
from napari_hsi_restore.widgets.parts.visible_region import visible_region
from napari_hsi_restore.zoo.records import list_models


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
        self._settings = QSettings(
            QSettings.Format.IniFormat,
            QSettings.Scope.UserScope,
            "napari-hsi-restore",
            "restore",
        )
        self.source = QComboBox()
        self.source.setAccessibleName("Source layer")
        self.source.setToolTip("The cube to restore; follows the active layer")
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
        self._follow_theme()
        self._list_layers()

    def _arrange(self) -> None:
        top = QFormLayout()
        top.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        top.addRow("Layer", self.source)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(Column(self.form), 1)
        layout.addWidget(self.panel)
        layout.addWidget(self.copy)

    def _connect(self) -> None:
        events = self._viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self._list_layers)
        self._viewer.layers.selection.events.active.connect(self._follow_active)
        self._viewer.events.theme.connect(self._follow_theme)
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
        self.runs.list_devices(DevicesRequest())

    def _list_layers(self, event: object = None) -> None:
        chosen = self.layer
        self.source.blockSignals(True)
        self.source.clear()
        self._layers = [
            layer for layer in self._viewer.layers if is_cube_layer(layer) and not is_preview(layer)
        ]
        self.source.addItems([layer.name for layer in self._layers])
        if chosen in self._layers:
            self.source.setCurrentIndex(self._layers.index(chosen))
        self.source.blockSignals(False)
        if self.layer != chosen:
            self._change_source()
        self.panel.set_can_start(self.layer is not None)
        self.form.estimate.setEnabled(self.layer is not None)
        self.copy.setEnabled(self.layer is not None)

    def _follow_active(self, event: object = None) -> None:
        active = self._viewer.layers.selection.active
        if active in self._layers:
            self.source.setCurrentIndex(self._layers.index(active))

    def _change_source(self, index: int = 0) -> None:
        self.form.forget_noise()

    def _follow_theme(self, event: object = None) -> None:
        colors = plot_colors(self._viewer.theme)
        self.form.chart.set_colors(colors.text, colors.highlight)

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
            region = visible_region(layer)
            self.runs.start(
                DenoiseRequest(cube, self.form.recipe(), region=region),
                f"Preview of “{layer.name}”",
                functools.partial(add_preview, self._viewer, layer, region),
                slot="preview",
            )

    def _run(self) -> None:
        if chosen := self._cube():
            layer, cube = chosen
            residual = self.form.residual.isChecked()
            self.runs.start(
                DenoiseRequest(cube, self.form.recipe(), residual=residual),
                f"Denoising “{layer.name}”",
                functools.partial(add_result, self._viewer, layer),
            )

    def _cancel(self) -> None:
        self.runs.cancel()

    def _show_noise(self, layer: Layer, estimate: NoiseEstimate) -> None:
        if layer != self.layer:
            return
        cube = layer_to_cube(layer)
        self.form.show_noise_text(estimate.summary)
        self.form.chart.show_noise(estimate.sigma_255, cube.wavelengths_nm)

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
        self.runs.say(f"Copied: {command}")


def _models() -> list[tuple[str, str]]:
    try:
        return [
            (record.name, record.purpose) for record in list_models() if record.task == "denoise"
        ]
    except UserError as error:
        show_error(str(error))
        return []
