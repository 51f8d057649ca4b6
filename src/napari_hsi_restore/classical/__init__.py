"""Restorers that need no training: low-rank, non-local, destriping, inpainting."""

from napari_hsi_restore.classical.catalog import METHODS, Method
from napari_hsi_restore.classical.engine import Settings, restore_classically
from napari_hsi_restore.classical.known import Known

__all__ = ["METHODS", "Known", "Method", "Settings", "restore_classically"]
