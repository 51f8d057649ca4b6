"""What training minimises."""

from __future__ import annotations

import torch

from napari_hsi_restore.training.patches import Batch


def whitened_error(restored: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Remaining error in units of the noise, evened out over noise levels.

    STAS minimises the squared error with a new sigma for every batch. Squared errors
    of a faint and a strong noise differ by orders of magnitude, so the square root
    is taken for every region [this project's choice]: the mean over regions of
    ``sqrt(mean(((restored - clean) / level)^2))``.

    Parameters
    ----------
    restored : tensor, (B, components, y, x)
    batch : Batch

    Returns
    -------
    tensor, ()
        1 for the noisy input, 0 for the truth.
    """
    error = (restored.float() - batch.clean) / batch.level[:, :, None, None]
    by_region = error.reshape(batch.crops, -1).square().mean(dim=1)
    return torch.sqrt(by_region + 1e-6).mean()
