"""The dock *Fine-tune*: makes a model better for the cubes of the user's own sensor."""

from __future__ import annotations

from collections.abc import Callable

import napari.viewer

from napari_hsi_restore.jobs.learning_job import Material
from napari_hsi_restore.restore.recipe import automatic_choice
from napari_hsi_restore.widgets.parts.finetune_form import FineTuneForm
from napari_hsi_restore.widgets.parts.learning_dock import LearningDock, collect
from napari_hsi_restore.widgets.parts.live_view import LiveView
from napari_hsi_restore.widgets.parts.material_list import NO_CUBE
from napari_hsi_restore.zoo.records import ModelRecord


class FineTuneWidget(LearningDock[FineTuneForm, LiveView]):
    """Fine-tunes a model in the background and shows how it learns.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    # Spelled in full: napari looks for this very annotation.
    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        self._chosen_for = -1
        self._chosen_by_user = False
        super().__init__(
            viewer,
            "finetune",
            FineTuneForm(),
            LiveView("start model"),
            "Learn in the background; napari can be used meanwhile",
        )
        self.form.start.activated.connect(self._on_start_chosen)

    def _on_start_chosen(self, index: int) -> None:
        self._chosen_by_user = True

    def _take_models(self, models: tuple[ModelRecord, ...]) -> None:
        self.form.set_models(models)
        super()._take_models(models)

    def _on_form(self) -> None:
        self._choose_start()
        super()._on_form()

    def _choose_start(self) -> None:
        """Start from what suits the number of bands, until the user chooses something else."""
        ticked = self.form.material.ticked
        if self._chosen_by_user or not ticked or ticked[0].layer is None:
            return
        bands = int(ticked[0].layer.data.shape[0])
        if bands != self._chosen_for:
            self._chosen_for = bands
            self.form.start_model = automatic_choice(bands)[0]

    def _plan(self) -> str:
        form = self.form
        ticked = form.material.ticked
        if not ticked:
            return NO_CUBE if not form.material.sources else "Tick the cubes to learn from."
        names = ", ".join(f"“{source.name}”" for source in ticked)
        held_out = form.held_out.value()
        return (
            f"Start learns for {form.minutes.value():g} minutes from {names} in the background. "
            f"{held_out} % of every cube are kept aside: only there it is measured whether the "
            f"network got better than {form.start_model}. The best one becomes the model "
            f"“{form.name.text()}” in the list of the Restore dock; {form.start_model} itself "
            "stays as it is."
        )

    def _material(self) -> Callable[[], Material]:
        form = self.form
        return collect(form.material.ticked, form.references, form.noise_source)
