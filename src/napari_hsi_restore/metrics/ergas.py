"""ERGAS, the relative error over all bands."""

from __future__ import annotations

import numpy as np

from napari_hsi_restore.metrics.psnr import Mask, Values, mse_per_band


def ergas(
    reference: Values,
    result: Values,
    *,
    ratio: float = 1.0,
    valid: Mask | None = None,
    clip_to: float | None = None,
) -> float:
    """Compute the relative dimensionless global error in synthesis, in percent.

    ``100 / ratio * sqrt(mean over bands of mse_b / mean_b^2)``, mean_b that of the
    reference (Wald, "Data Fusion", 2002), as torchmetrics computes it.

    Parameters
    ----------
    reference, result : ndarray, (bands, y, x)
        In any one unit.
    ratio : float
        Coarse pixel size divided by fine pixel size: the scale of a
        super-resolution, 1 for denoising.
    valid : bool ndarray, (bands, y, x) or (y, x), optional
        Values that count; all by default.
    clip_to : float, optional
        Clip `result` to 0..`clip_to` first.

    Returns
    -------
    float
        0 for equal arrays. Bands without a value that counts, and bands whose
        reference has a mean of 0, for which it is not defined, are left out; NaN if
        none is left.

    Raises
    ------
    ValueError
        If `ratio` is not above 0.
    """
    if not ratio > 0:
        raise ValueError("the ratio of pixel sizes must be above 0")
    errors = mse_per_band(reference, result, valid=valid, clip_to=clip_to)
    means = np.full(errors.shape, np.nan)
    for index in range(errors.size):
        band = np.asarray(reference[index], dtype=np.float64)
        if valid is not None:
            band = band[valid[index] if valid.ndim == 3 else valid]
        if band.size:
            means[index] = band.mean()
    defined = ~np.isnan(errors) & (means != 0)
    if not defined.any():
        return float("nan")
    relative = errors[defined] / np.square(means[defined])
    return float(100.0 / ratio * np.sqrt(relative.mean()))
