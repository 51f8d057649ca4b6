"""Training what the search has found, for the time that is left."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from typing import Any

import torch

from napari_hsi_restore.events import Event, Metric, Note, Progress
from napari_hsi_restore.models.architectures.stas import Stas
from napari_hsi_restore.models.catalog import Network, build
from napari_hsi_restore.restore.tile_loop import free_gpu_memory, is_out_of_memory
from napari_hsi_restore.search.clock import CHECKPOINT_EVERY_S, REPORT_EVERY_S, Clock
from napari_hsi_restore.search.regions import regions
from napari_hsi_restore.search.stage import Stage
from napari_hsi_restore.search_space.genotype import Genotype
from napari_hsi_restore.training.checkpoint import Tensors
from napari_hsi_restore.training.cubes import Cube
from napari_hsi_restore.training.loop import Run
from napari_hsi_restore.training.losses import whitened_error
from napari_hsi_restore.training.patches import Batch, draw_batch
from napari_hsi_restore.training.ranks.messages import Order
from napari_hsi_restore.training.ranks.waiting import Returned
from napari_hsi_restore.training.recipe import TrainingRecipe
from napari_hsi_restore.training.run_files import LAST
from napari_hsi_restore.training.tasks import Denoising

CHECKS = 16
"""Scores in the course of the training, beside the first and the last."""


class Found:
    """A network of a known genotype that learns from cubes in memory.

    It is a `napari_hsi_restore.training.tasks.Learner`.

    Parameters
    ----------
    recipe : TrainingRecipe
    cubes : list of float32 ndarray, (bands, y, x)
        Clean, white at 1.
    weights : dict of tensor or None
        What it begins with; else it begins at random.
    """

    main_score = "psnr"

    def __init__(self, recipe: TrainingRecipe, cubes: list[Cube], weights: Tensors | None) -> None:
        self.recipe = recipe
        self._cubes = cubes
        self._weights = weights
        self._device = torch.device("cpu")

    def network(self) -> Network:
        """See `Learner.network`."""
        network = build(Denoising(self.recipe).spec())
        if self._weights is not None:
            network.load_state_dict(self._weights)
        return network

    def place(self, device: torch.device) -> None:
        """See `Learner.place`."""
        self._device = device

    def batch(self, step: int) -> Batch:
        """The batch of a step, which depends on the recipe and the step only."""
        return draw_batch(self._cubes, self.recipe, step).to(self._device)

    def loss(self, network: Any, step: int) -> torch.Tensor:
        """See `Learner.loss`."""
        batch = self.batch(step)
        return whitened_error(network(batch.noisy, batch.level), batch)

    def losses(self, network: Any, step: int) -> Iterator[torch.Tensor]:
        """The loss of a step in parts, whose sum it is: one for every region."""
        batch = self.batch(step)
        for region in regions(batch):
            yield whitened_error(network(region.noisy, region.level), region) / batch.crops

    def scores(self, network: Network) -> dict[str, float]:
        """Nothing: what is held out is scored outside, in small steps."""
        return {}

    def shrink(self) -> bool:
        """Halve the batch; False if it is one patch already."""
        recipe = self.recipe
        if recipe.patches > 1:
            changes = {"patches": recipe.patches // 2}
        elif recipe.crops > 1:
            changes = {"crops": recipe.crops // 2}
        else:
            return False
        self.recipe = recipe.model_copy(update=changes)
        return True


@dataclasses.dataclass(frozen=True, eq=False)
class Origin:
    """What the training begins with.

    Attributes
    ----------
    genotype : Genotype
    weights : dict of tensor or None
        Of the supernet.
    search_steps : int
        Steps of the search, after which those of the training are counted.
    search_s : float
        Seconds of the search.
    """

    genotype: Genotype
    weights: Tensors | None
    search_steps: int
    search_s: float


class Training:
    """The second part of a search.

    Parameters
    ----------
    stage : Stage
    origin : Origin
    """

    def __init__(self, stage: Stage, origin: Origin) -> None:
        self._stage = stage
        self._origin = origin
        recipe = stage.recipe
        self._learner = Found(
            recipe.training(origin.genotype), stage.targets.training, origin.weights
        )
        crew = self._crew = stage.crew
        self._run = Run(self._learner.recipe, self._learner, stage.folder, crew)
        if (stage.folder / LAST).exists():
            self._run.resume(origin.search_steps)
        state = self._run.state
        self._clock = Clock(
            recipe.training_seconds, recipe.training_steps, state.seconds, state.step
        )

    def run(self) -> Generator[Event, None, None]:
        """Train to the end of the time.

        Yields
        ------
        Progress, Metric, Snapshot, Note
        """
        clock, run, crew = self._clock, self._run, self._crew
        losses: list[float] = []
        try:
            crew.tell(Order(do="begin", text=self._learner.recipe.model_dump_json()))
            for _ in crew.settle():
                yield self._progress()
            if run.resumed:
                yield Note(run.resumed)
            if run.state.step == 0:
                yield from self._check()
            # However short the time is, and however long a score takes: one step at least.
            while run.state.step == 0 or not clock.over:
                losses.append((yield from self._step()))
                run.state = run.state.model_copy(update={"seconds": clock.spent_s})
                clock.step = run.state.step
                if clock.due("checkpoint", CHECKPOINT_EVERY_S):
                    run.save()
                yield self._progress()
                if clock.due("loss", REPORT_EVERY_S):
                    yield Metric("loss", sum(losses) / len(losses), self._steps)
                    losses.clear()
                if clock.check_due(CHECKS):
                    yield from self._check()
            yield from self._check()
        finally:
            run.save()

    @property
    def _steps(self) -> int:
        """Steps of search and training together."""
        return self._origin.search_steps + self._run.state.step

    def _progress(self) -> Progress:
        recipe = self._stage.recipe
        share = recipe.search_seconds / (60.0 * recipe.minutes)
        fraction = share + (1.0 - share) * self._clock.fraction
        return Progress(fraction, "training the network that was found", self._clock.left_s)

    def _step(self) -> Generator[Event, None, float]:
        """One optimiser step, region by region; a batch that is too large is halved."""
        run, share = self._run, self._clock.fraction
        while True:
            loss = 0.0
            number = run.ask()
            try:
                for part in self._learner.losses(run.network, number):
                    run.fabric.backward(part)
                    loss += float(part.detach())
                    yield self._progress()
                for _ in (others := Returned(self._crew.answers([loss]))):
                    yield self._progress()
                return run.together(others.value[0], share)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            for _ in self._crew.settle():
                yield self._progress()
            self._crew.tell(Order(do="shrink"))
            if not self._learner.shrink():
                raise self._stage.out_of_memory()
            for optimiser in run.optimisers:
                optimiser.zero_grad()
            free_gpu_memory()
            size = self._learner.recipe.crops * self._learner.recipe.patches
            yield Note(f"Out of memory: a batch now has {size} patches.")

    def _check(self) -> Generator[Event, None, None]:
        run, origin = self._run, self._origin
        network = run.averaged()
        assert isinstance(network, Stas)
        psnr = yield from self._stage.check(network, self._steps, self._progress())
        if run.is_best(psnr):
            seconds = origin.search_s + self._clock.spent_s
            self._stage.write_best(
                origin.genotype, dict(network.state_dict()), psnr, self._steps, seconds
            )
