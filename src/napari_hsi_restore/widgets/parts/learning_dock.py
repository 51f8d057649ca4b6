"""What the docks Fine-tune and Search do the same way: start, watch, stop, resume a job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from napari.utils.notifications import show_error
from qtpy.QtCore import QSettings
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.jobs.learning import Learning
from napari_hsi_restore.jobs.learning_folders import Unfinished
from napari_hsi_restore.jobs.learning_job import Kind, Material
from napari_hsi_restore.jobs.requests import DevicesRequest
from napari_hsi_restore.plugin.layers import is_cube_layer, layer_to_cube
from napari_hsi_restore.training.library import runs_folder
from napari_hsi_restore.widgets.parts.column import Column
from napari_hsi_restore.widgets.parts.dock import Dock
from napari_hsi_restore.widgets.parts.learning_form import LearningForm
from napari_hsi_restore.widgets.parts.learning_panel import (
    LearningPanel,
    LearningStatus,
    status_of,
)
from napari_hsi_restore.widgets.parts.learnings import Learnings, learnings_of
from napari_hsi_restore.widgets.parts.library_panel import LibraryPanel
from napari_hsi_restore.widgets.parts.live_view import LiveView
from napari_hsi_restore.widgets.parts.material_list import Source
from napari_hsi_restore.widgets.parts.model_library import model_library
from napari_hsi_restore.widgets.parts.results import is_preview
from napari_hsi_restore.widgets.parts.runs import Runs, runs_of
from napari_hsi_restore.widgets.parts.theme import plot_colors
from napari_hsi_restore.widgets.parts.unfinished_list import UnfinishedList
from napari_hsi_restore.widgets.parts.waiting_list import WaitingList
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label
from napari_hsi_restore.zoo.records import ModelRecord, list_models

_LEAST_WIDTH_PX = 330
WAITING = ("preparing", "waiting")


Form = TypeVar("Form", bound=LearningForm)
View = TypeVar("View", bound=LiveView)


class LearningDock(Dock, Generic[Form, View]):
    """Three tabs, *New*, *Progress* and *My models*, above the buttons.

    A job belongs to the process: it goes on when this dock is closed, and a dock that is
    opened again shows it.

    Parameters
    ----------
    viewer : napari.Viewer
    kind : {'finetune', 'search'}
    form : LearningForm
    live : LiveView
    start_tip : str
    """

    offers_resumption = True

    def __init__(self, viewer: Any, kind: Kind, form: Form, live: View, start_tip: str) -> None:
        super().__init__(viewer)
        self.kind = kind
        self.form = form
        self.live = live
        self._watched: Learnings | None = None
        self._runs: Runs | None = None
        self._shown: Learning | None = None
        self._refused: Learning | None = None
        self._settings = QSettings(
            QSettings.Format.IniFormat, QSettings.Scope.UserScope, "napari-hsi-restore", kind
        )
        self.unfinished = UnfinishedList()
        self.waiting = WaitingList()
        self.plan = wrapping_label("What will happen", self)
        self.library = LibraryPanel()
        self.panel = LearningPanel(start_tip)
        self.tabs = QTabWidget()
        self._arrange()
        self.form.recall(self._settings)
        self._connect()
        self._enter()

    def _arrange(self) -> None:
        new = QWidget()
        inner = QVBoxLayout(new)
        inner.setContentsMargins(4, 4, 4, 4)
        inner.addWidget(self.form)
        inner.addWidget(self.plan)
        inner.addStretch()
        inner.addStrut(_LEAST_WIDTH_PX)
        self.tabs.addTab(Column(new), "New")
        self.tabs.addTab(Column(self.live), "Progress")
        self.tabs.addTab(self.library, "My models")
        layout = QVBoxLayout(self)
        layout.addWidget(self.unfinished)
        layout.addWidget(self.waiting)
        layout.addWidget(self.tabs, 1)
        layout.addWidget(self.panel)

    def _connect(self) -> None:
        self.form.changed.connect(self._on_form)
        self.panel.start_requested.connect(self.start)
        self.panel.stop_requested.connect(self.stop)
        self.waiting.withdraw_requested.connect(self._withdraw)
        self.unfinished.resume_requested.connect(self._resume)
        self.unfinished.forget_requested.connect(self._forget)

    # In and out of the window ------------------------------------------------

    def _listen(self) -> None:
        events = self._viewer.layers.events
        for emitter in (events.inserted, events.removed, events.reordered, events.renamed):
            self._to_viewer.connect(emitter, self._list_layers)
        # A layer becomes the active one only after it was inserted.
        self._to_viewer.connect(self._viewer.layers.selection.events.active, self._follow_active)
        self._to_viewer.connect(model_library.changed, self._list_models)

    def _on_theme(self) -> None:
        colors = plot_colors(self._viewer.theme)
        self.live.set_colors(colors)
        self.panel.set_colors(colors.text, colors.highlight)
        self.form.material.set_theme(self._viewer.theme)

    def _refresh(self) -> None:
        self._list_models()
        self._list_layers()

    def showEvent(self, event: QShowEvent | None) -> None:  # noqa: N802  (Qt's name)
        """Find the jobs of the window, and the devices."""
        super().showEvent(event)
        if self.learnings.latest(self.kind) is not self._shown:
            self._show_jobs()
        runs = runs_of(self)
        if runs is not self._runs:
            self._runs = runs
            runs.devices_listed.connect(self.form.show_devices)
        runs.list_devices(DevicesRequest())

    @property
    def learnings(self) -> Learnings:
        """What watches the jobs for the window that this dock is in now."""
        found = learnings_of(self)
        if found is not self._watched:
            self._watched = found
            found.changed.connect(self._show_jobs)
            self._show_jobs()
        return found

    def _list_layers(self, event: object = None) -> None:
        layers = [
            (layer.name, layer)
            for layer in self._viewer.layers
            if is_cube_layer(layer) and not is_preview(layer)
        ]
        self.form.set_layers(layers, self._viewer.layers.selection.active)

    def _follow_active(self, event: object = None) -> None:
        if not self.form.material.ticked:
            self._list_layers()

    def _list_models(self, event: object = None) -> None:
        self.library.list_models()
        try:
            self._take_models(list_models())
        except UserError as error:
            self.plan.setText(str(error))

    def _take_models(self, models: tuple[ModelRecord, ...]) -> None:
        """Offer the models where the form has a place for them."""
        self._on_form()

    # What the user asks for --------------------------------------------------

    def _plan(self) -> str:
        """What will happen and what will come out, in plain words."""
        raise NotImplementedError

    def _material(self) -> Callable[[], Material]:
        """What collects the cubes in a thread; layers are taken as they are now.

        Raises
        ------
        UserError
        """
        raise NotImplementedError

    def _on_form(self) -> None:
        self.form.propose(_taken())
        self.form.remember(self._settings)
        self.plan.setText(self._plan())
        self.panel.start.setEnabled(bool(self.form.material.ticked))

    def start(self) -> None:
        """Start what the form says."""
        try:
            collect = self._material()
            names = tuple(source.name for source in self.form.material.ticked)
            self.learnings.client.submit(self.kind, self.form.recipe(), names, collect)
        except UserError as error:
            show_error(str(error))
            self.panel.show_status(LearningStatus(str(error)))
            return
        self.form.forget_name()
        self.tabs.setCurrentIndex(1)
        self._show_jobs()
        self._on_form()

    def stop(self) -> None:
        """Stop the job that is shown; the best so far is kept."""
        shown = self.learnings.latest(self.kind)
        if shown is not None:
            self.learnings.client.cancel(shown)
            self._show_jobs()

    def _withdraw(self, learning: Learning) -> None:
        # It may have begun at this very moment; then it goes on, and Stop is for that.
        if learning.state in WAITING:
            self.learnings.client.cancel(learning)
        self._show_jobs()
        self._on_form()

    def _forget(self, unfinished: Unfinished) -> None:
        self.learnings.forget(unfinished)

    def _resume(self, unfinished: Unfinished) -> None:
        self.learnings.resume(unfinished)
        self.tabs.setCurrentIndex(1)
        self._show_jobs()

    # What is shown -----------------------------------------------------------

    def _show_jobs(self) -> None:
        watched = self._watched
        if watched is None:
            return
        learning = watched.latest(self.kind)
        jobs = [job for job in watched.client.jobs if job.active]
        before = watched.client.jobs_before(learning) if learning is not None else 0
        waiting = [job for job in jobs if job.state in WAITING and job is not learning]
        self.panel.show_status(status_of(learning, before, len(waiting), "Ready."))
        self.waiting.set_jobs([job for job in waiting if job.job.kind == self.kind])
        self.unfinished.set_jobs([job for job in watched.unfinished if job.job.kind == self.kind])
        if learning is not self._shown:
            if learning is not None and learning.active:
                self.tabs.setCurrentIndex(1)
            self._shown = learning
        if learning is not None and learning is not self._refused and _is_refused(learning):
            # What is to be put right stands there.
            self._refused = learning
            self.tabs.setCurrentIndex(0)
        self.live.show_job(learning)


def _is_refused(learning: Learning) -> bool:
    """Whether a job failed before anything was learned."""
    return learning.state == "failed" and not learning.course.curves


def collect(
    cubes: list[Source], references: list[Source] | None = None, noise: Source | None = None
) -> Callable[[], Material]:
    """What reads layers and files as the cubes of a job.

    Layers are looked at now, on the caller's thread; files are opened when it is called.

    Raises
    ------
    UserError
        If a layer is no cube.
    """
    of_layers = {
        source: layer_to_cube(source.layer)
        for source in [*cubes, *(references or []), *([noise] if noise else [])]
        if source.layer is not None
    }

    def cube_of(source: Source) -> HyperCube:
        if source in of_layers:
            return of_layers[source]
        from napari_hsi_restore.io import read

        return read(Path(str(source.path)))

    def make() -> Material:
        return Material(
            [cube_of(source) for source in cubes],
            None if references is None else [cube_of(source) for source in references],
            None if noise is None else cube_of(noise),
        )

    return make


def _taken() -> list[str]:
    """Names that a new model cannot have."""
    try:
        names = [record.name for record in list_models()]
    except UserError:
        names = []
    folder = runs_folder()
    return names + ([path.name for path in folder.iterdir()] if folder.is_dir() else [])
