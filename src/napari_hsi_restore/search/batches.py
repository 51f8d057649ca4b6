"""What a step of the search computes, on whichever device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
from lightning_fabric import Fabric

from napari_hsi_restore.search.portions import Halves
from napari_hsi_restore.search.recipe import SearchRecipe
from napari_hsi_restore.search.regions import regions
from napari_hsi_restore.search.supernet import Mixture, Route, Supernet
from napari_hsi_restore.training.losses import whitened_error
from napari_hsi_restore.training.patches import Batch, draw_batch

Half = Literal["theta", "alpha"]

THETA: Half = "theta"
ALPHA: Half = "alpha"


class Batches:
    """Batches for the weights and for the architecture, of different pixels.

    Parameters
    ----------
    recipe : SearchRecipe
    halves : Halves
    """

    def __init__(self, recipe: SearchRecipe, halves: Halves) -> None:
        self._cubes = {THETA: halves.theta, ALPHA: halves.alpha}
        self.recipes = {
            THETA: recipe.batches(),
            # Far from the seeds that a user tries one after the other.
            ALPHA: recipe.batches(offset=10**6),
        }

    def draw(self, half: Half, number: int) -> Batch:
        """A batch by its number, on the CPU."""
        return draw_batch(self._cubes[half], self.recipes[half], number)

    @property
    def size(self) -> int:
        """Patches of a batch."""
        return self.recipes[THETA].crops * self.recipes[THETA].patches

    def shrink(self) -> bool:
        """Halve the batches; False if they are one patch already."""
        for half, recipe in self.recipes.items():
            if recipe.patches > 1:
                changes = {"patches": recipe.patches // 2}
            elif recipe.crops > 1:
                changes = {"crops": recipe.crops // 2}
            else:
                return False
            self.recipes[half] = recipe.model_copy(update=changes)
        return True


def losses(network: Any, batch: Batch, choice: Route | Mixture) -> Iterator[torch.Tensor]:
    """The loss of a supernet in parts, whose sum it is: one for every region."""
    for region in regions(batch):
        restored = network(region.noisy, region.level, choice)
        yield whitened_error(restored, region) / batch.crops


def log_error(
    fabric: Fabric, network: Supernet, choice: Route | Mixture, batch: Batch
) -> torch.Tensor:
    """Logarithm of the error of a batch, a scalar."""
    with fabric.autocast():
        restored = network(batch.noisy, batch.level, choice)
    return torch.log(whitened_error(restored, batch))
