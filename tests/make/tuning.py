"""Recipes of fine-tunings that take a second."""

from __future__ import annotations

from typing import Any

from napari_hsi_restore.training.finetune import FineTuneRecipe


def recipe(**changes: Any) -> FineTuneRecipe:
    """Six steps of the model ``tiny``, called ``mine``, with a reference."""
    settings = {
        "name": "mine",
        "start": "tiny",
        "method": "reference",
        "steps": 6,
        "checks": 2,
        "patch": 16,
        "crop": 32,
        "device": "cpu",
        "warmup": 1,
    }
    return FineTuneRecipe(**{**settings, **changes})
