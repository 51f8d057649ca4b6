"""Restoring a cube with a model: one door, for every dock and verb."""

from __future__ import annotations

from napari_hsi_restore.restore.engine import denoise, restore
from napari_hsi_restore.restore.recipe import DenoiseRecipe

__all__ = ["DenoiseRecipe", "denoise", "restore"]
