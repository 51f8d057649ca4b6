"""Restorers that need no training: low-rank, non-local, destriping, inpainting."""

from napari_hsi_restore.classical.catalog import METHODS, Method
from napari_hsi_restore.classical.engine import restore_classically

__all__ = ["METHODS", "Method", "restore_classically"]
