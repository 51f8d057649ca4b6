"""Root mean squared error of every pixel and of every band."""

from __future__ import annotations

import numpy as np

from napari_hsi_restore.metrics.psnr import Floats, Mask, Values, band_pairs, mse_per_band


def error_map(
    reference: Values, result: Values, *, valid: Mask | None = None, clip_to: float | None = None
) -> Floats:
    """Compute the root mean squared error over the bands of every pixel.

    Parameters
    ----------
    reference, result : ndarray, (bands, y, x)
        In any one unit; one band at a time is held in float64.
    valid : bool ndarray, (bands, y, x) or (y, x), optional
        Values that count; all by default.
    clip_to : float, optional
        Clip `result` to 0..`clip_to` first.

    Returns
    -------
    float64 ndarray, (y, x)
        In the units of the arrays; NaN where no value of the pixel counts.
    """
    total = np.zeros(reference.shape[1:])
    count = np.zeros(reference.shape[1:])
    for index, (true, found) in enumerate(band_pairs(reference, result, clip_to)):
        squared = np.square(true - found)
        if valid is None:
            total += squared
            count += 1
        else:
            mask = valid[index] if valid.ndim == 3 else valid
            total += np.where(mask, squared, 0.0)
            count += mask
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return np.asarray(np.sqrt(mean), dtype=np.float64)


def rmse_per_band(
    reference: Values, result: Values, *, valid: Mask | None = None, clip_to: float | None = None
) -> Floats:
    """Compute the root mean squared error of every band, (bands,), in the arrays' units.

    Parameters as for `error_map`. NaN for a band without a value that counts.
    """
    errors = mse_per_band(reference, result, valid=valid, clip_to=clip_to)
    return np.asarray(np.sqrt(errors), dtype=np.float64)
