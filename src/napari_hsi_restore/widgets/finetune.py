"""The dock *Fine-tune*: makes a model better for the cubes of the user's own sensor."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import napari.viewer

from napari_hsi_restore.jobs.learning_job import Material
from napari_hsi_restore.restore.recipe import automatic_choice
from napari_hsi_restore.widgets.parts.background import or_sentence, start_work
from napari_hsi_restore.widgets.parts.finetune_form import FineTuneForm
from napari_hsi_restore.widgets.parts.learning_dock import LearningDock, collect
from napari_hsi_restore.widgets.parts.live_view import LiveView
from napari_hsi_restore.widgets.parts.material_list import NO_CUBE, Source
from napari_hsi_restore.zoo.records import ModelRecord

_USUAL_BANDS = 31
"""Before there is a cube: a denoiser is offered, not whichever model comes first."""


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
        self._bands_of_files: dict[Path, int | None] = {}
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
        before = self.form.start_model
        self.form.set_models(models)
        if self.form.start_model != before:
            # The one that was chosen is gone.
            self._chosen_for, self._chosen_by_user = -1, False
        super()._take_models(models)

    def _on_form(self) -> None:
        self._choose_start()
        super()._on_form()

    def _choose_start(self) -> None:
        """Start from what suits the number of bands, until the user chooses something else."""
        if self._chosen_by_user:
            return
        ticked = self.form.material.ticked
        bands = self._bands_of(ticked[0]) if ticked else None
        if bands is None and self._chosen_for < 0:
            bands = _USUAL_BANDS
        if bands is not None and bands != self._chosen_for:
            self._chosen_for = bands
            self.form.start_model = automatic_choice(bands)[0]

    def _bands_of(self, source: Source) -> int | None:
        """Number of bands of a cube; None while its file is still looked at."""
        if source.layer is not None:
            return int(source.layer.data.shape[0])
        path = source.path
        if path is not None and path not in self._bands_of_files:
            self._bands_of_files[path] = None
            start_work(functools.partial(self._note_bands, path), or_sentence, _bands_in, path)
        return None if path is None else self._bands_of_files[path]

    def _note_bands(self, path: Path, found: int | str) -> None:
        # What cannot be read is said when the user presses Start.
        if isinstance(found, int):
            self._bands_of_files[path] = found
            self._on_form()

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


def _bands_in(path: Path) -> int:
    from napari_hsi_restore.io import read

    return read(path).n_bands
