"""Bicubic resampling of tensors, the same as that of `napari_hsi_restore.degradations`.

Both axes are multiplied by a dense matrix, which a GPU does faster than it could
gather, and which differentiates and batches by itself.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import torch

from napari_hsi_restore.degradations.resize import (
    Kernel,
    antialiased_cubic,
    resampling_matrix,
    scaled_length,
)


def kernel_matrix(length: int, scale: float, kernel: Kernel) -> npt.NDArray[np.float32]:
    """The matrix that resamples one axis, (new length, length); borders are mirrored.

    Parameters
    ----------
    length : int
        Pixels of the axis.
    scale : float
        New pixels for an old one.
    kernel : Kernel
        Weights by distance in old pixels.
    """
    sparse = resampling_matrix(length, scaled_length(length, scale), scale, kernel)
    return np.asarray(sparse.toarray(), dtype=np.float32)


@functools.lru_cache(maxsize=64)
def _bicubic_matrix(length: int, scale: float) -> npt.NDArray[np.float32]:
    return kernel_matrix(length, scale, antialiased_cubic(scale))


def bicubic(images: torch.Tensor, scale: float) -> torch.Tensor:
    """Resize by bicubic resampling, antialiased where the image shrinks.

    Parameters
    ----------
    images : tensor, (..., y, x)
    scale : float
        New pixels for an old one, along each axis.

    Returns
    -------
    float32 tensor, (..., scale y, scale x)
        On the same device; lengths are rounded up.
    """
    rows, columns = (
        torch.from_numpy(_bicubic_matrix(length, scale)).to(images.device)
        for length in images.shape[-2:]
    )
    # Autocast would round the image itself to 8 bits.
    with torch.autocast(images.device.type, enabled=False):
        result: torch.Tensor = rows @ images.float() @ columns.T
        return result
