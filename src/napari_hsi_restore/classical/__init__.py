"""Restorers that look at one cube as a whole: low-rank, non-local, destriping, inpainting."""

from napari_hsi_restore.classical.catalog import METHODS, Method
from napari_hsi_restore.classical.engine import (
    Settings,
    memory_allowed,
    memory_needed,
    restore_classically,
)

__all__ = [
    "METHODS",
    "Method",
    "Settings",
    "memory_allowed",
    "memory_needed",
    "restore_classically",
]
