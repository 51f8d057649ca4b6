"""Everything that a restoration can be told, as one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from qtpy.QtCore import QSettings, Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.superres_recipe import SuperresRecipe
from napari_hsi_restore.widgets.parts.bad_bands_field import BadBandsField
from napari_hsi_restore.widgets.parts.compute_options import ComputeOptions
from napari_hsi_restore.widgets.parts.denoise_options import AUTO, DenoiseOptions
from napari_hsi_restore.widgets.parts.form_rows import add_rows, combo, form_layout, show_rows
from napari_hsi_restore.widgets.parts.model_picker import ModelPicker
from napari_hsi_restore.widgets.parts.restore_task import RestoreTask
from napari_hsi_restore.widgets.parts.superres_options import SuperresOptions


class RestoreForm(QWidget):
    """Holds the settings of a run; knows no layer and starts nothing.

    Parameters
    ----------
    tasks : sequence of RestoreTask
        At least one.
    parent : QWidget, optional
    """

    changed = Signal()
    task_changed = Signal()
    estimate_requested = Signal()

    def __init__(self, tasks: Sequence[RestoreTask], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tasks = combo("Task", "Take the noise away, or give the cube more pixels")
        self._list_tasks(tasks)
        self.picker = ModelPicker(self)
        self.denoise = DenoiseOptions(self)
        self.superres = SuperresOptions(self)
        self.bad_bands = BadBandsField(self)
        self.compute = ComputeOptions(self)
        self._models: dict[str, str] = {}
        self._arrange()
        self._show_task()
        self.show_bad_bands(())
        self._connect()

    def _arrange(self) -> None:
        # One form for all rows, so that their fields start in one line.
        self._rows = form_layout()
        self._rows.addRow("Task", self.tasks)
        self._rows.addRow("Model", self.picker.list)
        self._rows.addRow("", self.picker.purpose)
        add_rows(self._rows, self.denoise.rows)
        add_rows(self._rows, self.superres.rows)
        add_rows(self._rows, (("Bad bands", self.bad_bands),))
        add_rows(self._rows, self.compute.rows)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._rows)
        layout.addWidget(self.compute.advanced)
        layout.addStretch()

    def put_first(self, label: str, field: QWidget) -> None:
        """Put a row above all others, such as for what is to be restored."""
        self._rows.insertRow(0, label, field)

    def _connect(self) -> None:
        self.denoise.estimate.clicked.connect(self.estimate_requested)
        self.denoise.found.model_requested.connect(self._take_model)
        self.tasks.currentIndexChanged.connect(self._change_task)
        self.picker.model_changed.connect(self._change_model)
        for options in (self.denoise, self.superres, self.bad_bands, self.compute):
            options.changed.connect(self.changed)

    @property
    def task(self) -> RestoreTask:
        """What is to be done."""
        return cast(RestoreTask, self.tasks.currentData())

    def recipe(self) -> DenoiseRecipe | SuperresRecipe:
        """Return the settings as they stand."""
        device = self.compute.device.currentData()
        limit, tile = self.compute.memory_limit_gib, self.compute.tile_side
        if self.task.scale is not None:
            return SuperresRecipe(
                scale=self.task.scale,
                model=self.picker.model,
                fine=self.superres.fine,
                ensemble=self.superres.ensemble,
                device=device,
                memory_limit_gib=limit,
                tile=tile,
            )
        return DenoiseRecipe(
            model=self.picker.model,
            noise=self.denoise.level,
            strength=round(self.denoise.strength.value(), 2),
            device=device,
            memory_limit_gib=limit,
            tile=tile,
            bad_bands=self.bad_bands.wanted if self.bad_bands.any else "keep",
        )

    def show_bad_bands(self, bands: Sequence[int]) -> None:
        """Say what becomes of the bands of the source that are marked as bad, if there are any."""
        self.bad_bands.show_bands(bands, enlarges=self.task.scale is not None)
        show_rows(self._rows, (("Bad bands", self.bad_bands),), bool(bands))

    def set_tasks(self, tasks: Sequence[RestoreTask]) -> None:
        """Offer these tasks and their models; what was chosen stays where it is there."""
        key = self.task.key
        self.tasks.blockSignals(True)
        self._list_tasks(tasks)
        keys = [task.key for task in tasks]
        self.tasks.setCurrentIndex(keys.index(key) if key in keys else 0)
        self.tasks.blockSignals(False)
        self._show_task()

    def _list_tasks(self, tasks: Sequence[RestoreTask]) -> None:
        self.tasks.clear()
        for task in tasks:
            self.tasks.addItem(task.title, task)

    def recall(self, settings: QSettings) -> None:
        """Take the settings of an earlier session."""
        for index in range(self.tasks.count()):
            key = self.tasks.itemData(index).key
            self._models[key] = str(settings.value(f"{key}_model", AUTO))
        for options in (self.denoise, self.superres, self.bad_bands, self.compute):
            options.recall(settings)
        titles = [self.tasks.itemData(index).key for index in range(self.tasks.count())]
        chosen = str(settings.value("task", ""))
        self.tasks.setCurrentIndex(titles.index(chosen) if chosen in titles else 0)
        self._show_task()

    def remember(self, settings: QSettings) -> None:
        """Keep the settings for the next session."""
        settings.setValue("task", self.task.key)
        for key, model in self._models.items():
            settings.setValue(f"{key}_model", model)
        for options in (self.denoise, self.superres, self.bad_bands, self.compute):
            options.remember(settings)

    def _change_task(self) -> None:
        self._show_task()
        self.task_changed.emit()
        self.changed.emit()

    def _take_model(self, name: str) -> None:
        self.picker.model = name

    def _change_model(self, name: str) -> None:
        self._models[self.task.key] = name
        self.superres.follow_model(name)
        self.denoise.follow_model(name)
        self.changed.emit()

    def _show_task(self) -> None:
        """Offer the models of the task and show the rows that concern it."""
        enlarges = self.task.scale is not None
        model = self._models.get(self.task.key, AUTO)
        self.picker.blockSignals(True)
        self.picker.set_groups(self.task.groups)
        self.picker.model = model
        self.picker.blockSignals(False)
        self.superres.follow_model(self.picker.model)
        self.denoise.follow_model(self.picker.model)
        show_rows(self._rows, self.denoise.rows, not enlarges)
        show_rows(self._rows, self.superres.rows, enlarges)
