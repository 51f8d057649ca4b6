"""Restoring a cube with a model: one door, for every dock and verb."""

from __future__ import annotations

from napari_hsi_restore.restore.choices import Choice, denoisers
from napari_hsi_restore.restore.engine import denoise, restore
from napari_hsi_restore.restore.outcome import outcome
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.superres import enlarge, superres
from napari_hsi_restore.restore.superres_recipe import FineOptions, SuperresRecipe

__all__ = [
    "Choice",
    "DenoiseRecipe",
    "FineOptions",
    "SuperresRecipe",
    "denoise",
    "denoisers",
    "enlarge",
    "outcome",
    "restore",
    "superres",
]
