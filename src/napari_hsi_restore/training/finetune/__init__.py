"""Fine-tuning of a model on the user's own sensor.

The recipe can be had without torch; `finetune` loads it when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_hsi_restore.training.finetune.recipe import FineTuneRecipe, Method

if TYPE_CHECKING:
    from napari_hsi_restore.training.finetune.run import finetune as finetune

__all__ = ["FineTuneRecipe", "Method", "finetune"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """`finetune`, loaded now (PEP 562)."""
        if name == "finetune":
            from napari_hsi_restore.training.finetune.run import finetune

            return finetune
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
