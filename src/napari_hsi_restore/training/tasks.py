"""What the training loop needs to know of a task: its network, data, loss and score."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import torch

from napari_hsi_restore.models.catalog import Network, build
from napari_hsi_restore.models.spec import DenoiserSpec, ModelSpec, QRNN3DSpec, StasSpec
from napari_hsi_restore.training import cubes
from napari_hsi_restore.training.losses import whitened_error
from napari_hsi_restore.training.patches import draw_batch
from napari_hsi_restore.training.recipe import (
    AnyRecipe,
    RefinerTraining,
    SuperresTraining,
    TrainingRecipe,
)
from napari_hsi_restore.training.start import begun
from napari_hsi_restore.training.validation import validate


class Learner(Protocol):
    """What a `Run` learns: a network, its loss and its scores.

    Attributes
    ----------
    main_score : str
        The score, the higher the better, that decides which weights are kept.
    """

    main_score: str

    def network(self) -> Network:
        """The network that the run begins with, on the CPU."""

    def place(self, device: torch.device) -> None:
        """Take the device that the batches go to."""

    def loss(self, network: Any, step: int) -> torch.Tensor:
        """The loss of the batch of a step, which depends on the recipe and the step only."""

    def scores(self, network: Network) -> dict[str, float]:
        """Scores of a network on the validation cubes, by the name of their event."""


class Task(Learner, Protocol):
    """One kind of training from committed patterns."""

    def spec(self) -> ModelSpec:
        """The contract of the network that comes out."""

    def load(self, data: Path) -> None:
        """Read the cubes of the recipe below a folder."""


class Denoising:
    """Training of a denoiser; see `Task` and `Learner`.

    Parameters
    ----------
    recipe : TrainingRecipe
    """

    main_score = "psnr_mean"

    def __init__(self, recipe: TrainingRecipe) -> None:
        self.recipe = recipe
        self.training: list[cubes.Cube] = []
        self.held_out: list[cubes.Cube] = []
        self.device = torch.device("cpu")

    def spec(self) -> DenoiserSpec:
        """See `Task.spec`."""
        from napari_hsi_restore.models.architectures import qrnn3d, stas

        recipe = self.recipe
        if recipe.genotype is None:
            return QRNN3DSpec(
                width=recipe.width,
                domain=recipe.domain,
                halo=qrnn3d.REACH,
                multiple=qrnn3d.MULTIPLE,
            )
        return StasSpec(
            genotype=recipe.genotype,
            width=recipe.width,
            domain=recipe.domain,
            halo=stas.reach(recipe.genotype),
        )

    def network(self) -> Network:
        """See `Learner.network`."""
        return begun(build(self.spec()), self.recipe.start)

    def load(self, data: Path) -> None:
        """See `Task.load`."""
        recipe = self.recipe
        self.training = cubes.load(cubes.find(data, recipe.train), recipe.scales)
        self.held_out = cubes.load(cubes.find(data, recipe.validation))

    def place(self, device: torch.device) -> None:
        """See `Learner.place`."""
        self.device = device

    def loss(self, network: Any, step: int) -> torch.Tensor:
        """See `Learner.loss`."""
        batch = draw_batch(self.training, self.recipe, step).to(self.device)
        return whitened_error(network(batch.noisy, batch.level), batch)

    def scores(self, network: Any) -> dict[str, float]:
        """See `Learner.scores`."""
        found = validate(network, self.held_out, self.recipe, self.device)
        return {f"psnr_{name}": value for name, value in found.items()}


def task_of(recipe: AnyRecipe) -> Task:
    """The task of a recipe."""
    if isinstance(recipe, SuperresTraining):
        from napari_hsi_restore.training.superres import Enlarging

        return Enlarging(recipe)
    if isinstance(recipe, RefinerTraining):
        from napari_hsi_restore.training.refining import Refining

        return Refining(recipe)
    return Denoising(recipe)
