"""Training runs for tests."""

from __future__ import annotations

from pathlib import Path

import torch

from napari_hsi_restore.events import Metric
from napari_hsi_restore.training import checkpoint
from napari_hsi_restore.training.loop import train
from napari_hsi_restore.training.recipe import AnyRecipe
from napari_hsi_restore.training.run_files import LAST


def assert_two_parts_are_one(recipe: AnyRecipe, data: Path, folder: Path, score: str) -> None:
    """A run of six steps that is broken off at its first score and resumed ends with equal weights.

    Parameters
    ----------
    recipe : AnyRecipe
        Of six steps, with a score after three.
    data, folder : Path
    score : str
        Name of its metric.
    """
    list(train(recipe, data, folder / "whole", device="cpu"))
    task = train(recipe, data, folder / "parts", device="cpu")
    for event in task:
        if isinstance(event, Metric) and event.name == score:
            break
    task.close()
    assert checkpoint.load(folder / "parts" / LAST)[0].step == 3
    list(train(recipe, data, folder / "parts", resume=True, device="cpu"))
    whole = checkpoint.load(folder / "whole" / LAST)[1]
    parts = checkpoint.load(folder / "parts" / LAST)[1]
    assert whole.keys() == parts.keys()
    for name, tensor in whole.items():
        torch.testing.assert_close(parts[name], tensor, rtol=0, atol=0, msg=name)
