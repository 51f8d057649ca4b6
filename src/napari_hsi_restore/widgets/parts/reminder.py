"""Saying once, after a start, that a fine-tuning or a search was interrupted."""

from __future__ import annotations

import functools

from napari.utils.notifications import show_info

from napari_hsi_restore.jobs.learning import shared_learning
from napari_hsi_restore.jobs.learning_folders import Unfinished
from napari_hsi_restore.widgets.parts.background import start_work

_DOCKS = {"finetune": "Fine-tune", "search": "Search"}


@functools.cache
def remind_of_unfinished() -> None:
    """Look for jobs that can be resumed, and say where; only the first call does anything."""
    start_work(_tell, lambda: shared_learning().unfinished())


def _tell(found: tuple[Unfinished, ...]) -> None:
    interrupted = [
        job for job in found if job.ending.reason == "interrupted" and not job.job.replaces
    ]
    if interrupted:
        first, more = interrupted[0], len(interrupted) - 1
        others = f", and {more} more" if more else ""
        show_info(
            f"“{first.job.name}” was interrupted at {first.ending.fraction:.0%}{others}: Plugins > "
            f"HSI Restore > {_DOCKS[first.job.kind]} offers to resume it."
        )
