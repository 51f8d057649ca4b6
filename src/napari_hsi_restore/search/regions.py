"""A batch in parts, so that a step can be left in between."""

from __future__ import annotations

from napari_hsi_restore.training.patches import Batch


def regions(batch: Batch) -> list[Batch]:
    """The patches of each region of a batch.

    The loss of the batch is the mean of those of its regions
    (`napari_hsi_restore.training.losses.whitened_error`), and so is its gradient.
    """
    each = len(batch.noisy) // batch.crops
    parts = [slice(first, first + each) for first in range(0, len(batch.noisy), each)]
    return [Batch(batch.noisy[p], batch.clean[p], batch.level[p], 1) for p in parts]
