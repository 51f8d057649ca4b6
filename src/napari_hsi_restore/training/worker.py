"""A further device of a training: ``python -m napari_hsi_restore.training.worker``.

`napari_hsi_restore.training.loop.train` starts it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import nn

from napari_hsi_restore.training.ranks.messages import Order
from napari_hsi_restore.training.ranks.worker import main
from napari_hsi_restore.training.recipe import parse_recipe
from napari_hsi_restore.training.tasks import Learner, task_of


class LearnerWork:
    """A learner as a worker has it: see `napari_hsi_restore.training.ranks.worker.Work`.

    Parameters
    ----------
    learner : Learner
        Its cubes loaded.
    """

    def __init__(self, learner: Learner) -> None:
        self.learner = learner

    def place(self, fabric: Fabric) -> None:
        """See `Work.place`."""
        self.fabric = fabric
        self.plain = self.learner.network().to(fabric.device)
        self.network = fabric.setup_module(self.plain)
        self.learner.place(fabric.device)

    def begin(self, text: str) -> None:
        """See `Work.begin`: there is one part only."""

    def tensors(self, order: Order) -> Sequence[torch.Tensor]:
        """See `Work.tensors`."""
        return self.parameters()

    def parameters(self) -> Sequence[nn.Parameter]:
        """See `Work.parameters`."""
        return list(self.plain.parameters())

    def compute(self, order: Order, batch: int) -> Sequence[float]:
        """See `Work.compute`: the loss of the batch."""
        loss = self.learner.loss(self.network, batch)
        self.fabric.backward(loss)
        return [float(loss.detach())]

    def forget(self) -> None:
        """See `Work.forget`."""
        self.plain.zero_grad(set_to_none=True)

    def shrink(self) -> None:
        """See `Work.shrink`: a training from a recipe keeps its batch."""


def build(text: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> LearnerWork:
    """The work of a parcel with the recipe and the folder of its cubes."""
    task = task_of(parse_recipe(json.dumps(text["recipe"])))
    task.load(Path(text["data"]))
    return LearnerWork(task)


if __name__ == "__main__":
    main(build)
