"""A further device of a search: ``python -m napari_hsi_restore.search.worker``.

`napari_hsi_restore.search.run.run` starts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import nn

from napari_hsi_restore.search.batches import ALPHA, THETA, Batches, log_error, losses
from napari_hsi_restore.search.found import Found
from napari_hsi_restore.search.portions import halve
from napari_hsi_restore.search.recipe import SearchRecipe
from napari_hsi_restore.search.supernet import PAIRS, Supernet
from napari_hsi_restore.training.cubes import Cube
from napari_hsi_restore.training.ranks.messages import Order
from napari_hsi_restore.training.ranks.worker import main
from napari_hsi_restore.training.recipe import TrainingRecipe


class SearchWork:
    """A search as a worker has it: `napari_hsi_restore.training.ranks.worker.Work`.

    It computes gradients of the weights, errors of paths or gradients of a mixture, and
    after ``"begin"`` those of the network that was found.

    Parameters
    ----------
    recipe : SearchRecipe
    cubes : list of float32 ndarray, (bands, y, x)
        What is learned from; clean, white at 1.
    """

    def __init__(self, recipe: SearchRecipe, cubes: list[Cube]) -> None:
        self.recipe, self.cubes = recipe, cubes
        self.batches = None if recipe.genotype else Batches(recipe, halve(cubes))
        self.found: Found | None = None

    def place(self, fabric: Fabric) -> None:
        """See `Work.place`."""
        self.fabric = fabric
        single = self.recipe.form == "single-path"
        self._take(Supernet(self.recipe.width, shared=single))

    def begin(self, text: str) -> None:
        """See `Work.begin`: the training of what was found, by its `TrainingRecipe`."""
        self.found = Found(TrainingRecipe.model_validate_json(text), self.cubes, None)
        self.found.place(self.fabric.device)
        self._take(self.found.network())

    def _take(self, network: nn.Module) -> None:
        self.plain = network.to(self.fabric.device)
        self.network = self.fabric.setup_module(self.plain)

    def tensors(self, order: Order) -> Sequence[torch.Tensor]:
        """See `Work.tensors`: for the architecture these are the averages."""
        return self.parameters()

    def parameters(self) -> Sequence[nn.Parameter]:
        """See `Work.parameters`."""
        return list(self.plain.parameters())

    def compute(self, order: Order, batch: int) -> Sequence[float]:
        """See `Work.compute`.

        Returns
        -------
        sequence of float
            The loss; for the architecture the log error of every path, or the gradient of
            the log error by the weights of the pairs.
        """
        if self.found is not None:
            return self._descended(self.found.losses(self.network, batch))
        assert self.batches is not None, "a known genotype is only trained"
        half = THETA if order.part == THETA else ALPHA
        drawn = self.batches.draw(half, batch).to(self.fabric.device)
        mixture = self._mixture(order)
        if half == THETA:
            self.plain.requires_grad_()
            choice = mixture or order.routes[0]
            return self._descended(losses(self.network, drawn, choice))
        assert isinstance(self.plain, Supernet)
        self.plain.requires_grad_(False)
        if not mixture:
            return [float(log_error(self.fabric, self.plain, path, drawn)) for path in order.routes]
        rows = [row.requires_grad_() for row in mixture]
        log_error(self.fabric, self.plain, rows, drawn).backward()  # type: ignore[no-untyped-call]
        return [float(value) for row in rows if row.grad is not None for value in row.grad]

    def _descended(self, parts: Any) -> Sequence[float]:
        total = 0.0
        for loss in parts:
            self.fabric.backward(loss)
            total += float(loss.detach())
        return [total]

    def _mixture(self, order: Order) -> list[torch.Tensor]:
        if not order.values:
            return []
        flat = torch.tensor(order.values, device=self.fabric.device)
        return [row.clone() for row in torch.split(flat, [len(pairs) for pairs in PAIRS])]

    def forget(self) -> None:
        """See `Work.forget`."""
        self.plain.zero_grad(set_to_none=True)

    def shrink(self) -> None:
        """See `Work.shrink`."""
        part = self.found or self.batches
        assert part is not None, "a known genotype is only trained"
        part.shrink()


def packed(recipe: SearchRecipe, cubes: Sequence[Cube]) -> tuple[dict[str, Any], dict[str, Cube]]:
    """What a worker needs to learn the same.

    Parameters
    ----------
    recipe : SearchRecipe
    cubes : sequence of float32 ndarray, (bands, y, x)
        Clean, white at 1.
    """
    arrays = {f"{index:04d}": cube for index, cube in enumerate(cubes)}
    return {"recipe": recipe.model_dump(mode="json")}, arrays


def unpacked(text: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> SearchWork:
    """The work of a parcel of `packed`."""
    recipe = SearchRecipe.model_validate(text["recipe"])
    return SearchWork(recipe, [arrays[name] for name in sorted(arrays)])


if __name__ == "__main__":
    main(unpacked)
