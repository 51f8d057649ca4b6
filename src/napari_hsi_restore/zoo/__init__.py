"""The models that can be chosen: their records and their weights."""

from __future__ import annotations

from napari_hsi_restore.zoo.loading import load
from napari_hsi_restore.zoo.records import ModelRecord, Provenance, list_models, record

__all__ = ["ModelRecord", "Provenance", "list_models", "load", "record"]
