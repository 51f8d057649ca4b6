"""A whole search: cubes in, events out, a model of the user's at the end."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from pathlib import Path

import pydantic
import torch

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Metric, Note, Progress
from napari_hsi_restore.restore.tile_loop import free_gpu_memory, is_out_of_memory
from napari_hsi_restore.search.clean import Targets, targets
from napari_hsi_restore.search.clock import CHECKPOINT_EVERY_S, REPORT_EVERY_S, Clock
from napari_hsi_restore.search.discretise import cell_state, genotype_of
from napari_hsi_restore.search.found import Origin, Training
from napari_hsi_restore.search.heldout import HeldOut
from napari_hsi_restore.search.portions import halve
from napari_hsi_restore.search.recipe import SearchRecipe
from napari_hsi_restore.search.stage import Stage, bundled_scores
from napari_hsi_restore.search.strategy import Search
from napari_hsi_restore.search.supernet import inherited
from napari_hsi_restore.search.worker import packed
from napari_hsi_restore.search_space.genotype import Genotype
from napari_hsi_restore.search_space.sharing import read_genotype, write_genotype
from napari_hsi_restore.training import checkpoint
from napari_hsi_restore.training.library import check_name, keep
from napari_hsi_restore.training.loop import going_on
from napari_hsi_restore.training.ranks.crew import Crew
from napari_hsi_restore.training.ranks.devices import chosen
from napari_hsi_restore.training.run_files import BEST, LAST
from napari_hsi_restore.zoo.records import user_folder

SEARCH = "search.safetensors"
FOUND = "found.json"
WORKER = "napari_hsi_restore.search.worker"
CHECKS = 8
"""Scores of the strongest path in the course of the search."""

FEW_STEPS = 100
"""After fewer comparisons of paths a pair was drawn less than twenty times, and a note says that
this is little evidence [ours]."""

_FREE = {"purpose", "minutes", "device", "devices", "precision", "search_steps", "training_steps"}
"""Settings that may change between two sittings."""


def run(
    recipe: SearchRecipe, cubes: Sequence[HyperCube], folder: Path, *, resume: bool = False
) -> Generator[Event, None, None]:
    """See `napari_hsi_restore.search.search`."""
    begun = any((folder / name).exists() for name in (SEARCH, FOUND, LAST))
    if begun and not resume:
        raise UserError(f"{folder}: a run lies there already; resume it or choose another name.")
    if not begun:
        check_name(recipe.name)
    folder.mkdir(parents=True, exist_ok=True)
    crew = Crew(chosen(recipe.device, recipe.devices), WORKER, recipe.precision)
    try:
        crew.call()
        yield Progress(0.0, "reading cubes")
        found = yield from targets(cubes)
        for _ in crew.start(folder, *packed(recipe, found.training)):
            yield Progress(0.0, f"starting {crew.world} devices")
        stage = yield from _stage(recipe, found, folder, crew)
        if recipe.genotype is not None:
            origin = Origin(recipe.genotype.model_copy(update={"name": recipe.name}), None, 0, 0.0)
        else:
            origin = yield from _Searching(stage).run()
        yield from Training(stage, origin).run()
    finally:
        crew.close()
    record = keep(folder)
    if record is None:
        raise AssertionError(f"the training leaves {BEST} behind")
    yield Note(record.remark)
    yield Done(str(user_folder() / f"{record.name}.json"))


def _stage(
    recipe: SearchRecipe, found: Targets, folder: Path, crew: Crew
) -> Generator[Event, None, Stage]:
    held_out = HeldOut(found.held_out, recipe.domain)
    start, start_psnr = yield from bundled_scores(held_out, crew.fabric)
    return Stage(
        recipe=recipe,
        targets=found,
        held_out=held_out,
        crew=crew,
        folder=folder,
        start=start,
        start_psnr=start_psnr,
    )


class _Searching:
    """The first part: the search itself.

    Parameters
    ----------
    stage : Stage
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._path = stage.folder / SEARCH
        recipe = stage.recipe
        self._search = Search(recipe, halve(stage.targets.training), stage.crew)
        world = stage.crew.world
        self._state = checkpoint.RunState(recipe_json=recipe.model_dump_json(), devices=world)
        self._resumed = ""
        self._half_done = False
        if self._path.exists():
            state, tensors = checkpoint.load(self._path)
            _check_same(recipe, state.recipe_json, self._path)
            self._search.restore(tensors)
            self._half_done = bool(tensors["half_done"])
            self._resumed = going_on(state, world)
            self._state = state.model_copy(update={"devices": world})
        self._clock = Clock(
            recipe.search_seconds, recipe.search_steps, self._state.seconds, self._state.step
        )

    def run(self) -> Generator[Event, None, Origin]:
        """Search to the end of the time, or take what was found before.

        Yields
        ------
        Progress, Metric, CellState, Snapshot, Note

        Returns
        -------
        Origin
        """
        stage, search, clock = self._stage, self._search, self._clock
        found = stage.folder / FOUND
        if not found.exists():
            if self._resumed:
                yield Note(self._resumed)
            try:
                yield from self._steps()
            finally:
                self._save()
            write_genotype(found, genotype_of(search.path(), stage.recipe.name), overwrite=True)
            compared = round(clock.step * (1.0 - stage.recipe.warmup_share))
            if compared < FEW_STEPS:
                yield Note(
                    f"Cells were compared in {compared} steps only, so the choice is little better "
                    "than chance; more minutes give it more evidence."
                )
        genotype = read_genotype(found).model_copy(update={"name": stage.recipe.name})
        yield cell_state(search.weights(), clock.step)
        weights = inherited(search.average, search.path())
        return Origin(
            genotype,
            weights if stage.recipe.inherit else None,
            clock.step,
            self._state.seconds,
        )

    def _steps(self) -> Generator[Event, None, None]:
        search, clock = self._search, self._clock
        losses: list[float] = []
        yield cell_state(search.weights(), clock.step)
        while not clock.over:
            yield from self._step(losses)
            clock.step += 1
            self._state = self._state.model_copy(
                update={"step": clock.step, "seconds": clock.spent_s}
            )
            if clock.due("checkpoint", CHECKPOINT_EVERY_S):
                self._save()
            yield self._progress()
            if clock.due("loss", REPORT_EVERY_S):
                yield from self._report(losses)
            if clock.check_due(CHECKS):
                yield from self._check()

    def _step(self, losses: list[float]) -> Generator[Event, None, None]:
        """One step of the weights and, after the warm-up, one of the architecture."""
        search, step = self._search, self._clock.step
        share = self._clock.fraction
        while True:
            try:
                if not self._half_done:
                    losses.append((yield from self._theta_step(share)))
                    # A run that ends here must not repeat this half.
                    self._half_done = True
                if not search.is_warming(share):
                    yield self._progress()
                    for _ in search.alpha_step(step, share / max(step, 1)):
                        yield self._progress()
                self._half_done = False
                return
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            for _ in search.crew.settle():
                yield self._progress()
            if not search.shrink():
                raise self._stage.out_of_memory()
            search.forget_gradients()
            free_gpu_memory()
            yield Note(f"Out of memory: a batch now has {search.batch_size} patches.")

    def _theta_step(self, share: float) -> Generator[Event, None, float]:
        steps = self._search.theta_step(self._clock.step, share)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                return float(stop.value)
            yield self._progress()

    def _report(self, losses: list[float]) -> Generator[Event, None, None]:
        step = self._clock.step
        state = cell_state(self._search.weights(), step)
        if losses:
            yield Metric("loss", sum(losses) / len(losses), step)
        yield Metric("entropy", state.entropy, step)
        yield Metric("cost", self._search.expected_cost(), step)
        yield state
        losses.clear()

    def _check(self) -> Generator[Event, None, None]:
        """Score the strongest path as it is; it is kept in case nothing better follows."""
        stage, search, clock = self._stage, self._search, self._clock
        genotype = genotype_of(search.path(), stage.recipe.name)
        weights = inherited(search.average, search.path())
        weights = {name: tensor.clone() for name, tensor in weights.items()}
        network = stage.network(genotype, weights)
        psnr = yield from stage.check(network, clock.step, self._progress())
        if psnr > self._state.best:
            self._state = self._state.model_copy(update={"best": psnr})
            stage.write_best(genotype, weights, psnr, clock.step, clock.spent_s)

    def _progress(self) -> Progress:
        recipe, clock = self._stage.recipe, self._clock
        share = recipe.search_seconds / (60.0 * recipe.minutes)
        warming = self._search.is_warming(clock.fraction)
        message = "warming up: all cells are trained alike" if warming else "comparing cells"
        left = clock.left_s
        return Progress(
            share * clock.fraction,
            message,
            None if left is None else left + recipe.training_seconds,
        )

    def _save(self) -> None:
        half = {"half_done": torch.tensor(self._half_done)}
        checkpoint.save(self._path, self._state, self._search.tensors() | half)


def _check_same(recipe: SearchRecipe, then_json: str, path: Path) -> None:
    try:
        then = SearchRecipe.model_validate(json.loads(then_json))
    except pydantic.ValidationError:
        then = None
    if then is None or then.model_dump(exclude=_FREE) != recipe.model_dump(exclude=_FREE):
        raise UserError(
            f"{path}: the checkpoint belongs to other settings; resume with those that it began "
            "with, or choose another name."
        )


def best_genotype(folder: Path) -> Genotype | None:
    """The genotype that a run has found; None before the end of its search."""
    path = folder / FOUND
    return read_genotype(path) if path.exists() else None
