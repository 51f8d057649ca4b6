"""Structural similarity, band by band."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage
from skimage.metrics import structural_similarity

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.metrics.psnr import Floats, Mask, Values, band_pairs, mean_of_bands

# scikit-image annotates this function only in part.
_STRUCTURAL_SIMILARITY: Callable[..., Any] = structural_similarity

WINDOW = 11
_SIGMA = 1.5
_MARGIN = (WINDOW - 1) // 2


def ssim_per_band(
    reference: Values,
    result: Values,
    peak: float,
    *,
    valid: Mask | None = None,
    clip: bool = False,
) -> Floats:
    """Compute the SSIM of every band.

    That of `skimage.metrics.structural_similarity` with the window of Wang et al.
    (IEEE TIP 13(4), 2004): 11 x 11 Gaussian of sigma 1.5, population covariance, mean
    over the pixels that are at least 5 away from the border. With no-data, the
    mean goes over the pixels whose whole window is valid.

    Parameters
    ----------
    reference, result : ndarray, (bands, y, x)
    peak : float
        The value that counts as white, in the units of the arrays.
    valid : bool ndarray, (bands, y, x) or (y, x), optional
        Values that count; all by default.
    clip : bool
        Clip `result` to 0..`peak` first.

    Returns
    -------
    float64 ndarray, (bands,)
        -1..1; NaN for a band without a wholly valid window.

    Raises
    ------
    UserError
        If the image is smaller than the window.
    """
    height, width = reference.shape[1:]
    if min(height, width) < WINDOW:
        raise UserError(
            f"SSIM looks at {WINDOW} x {WINDOW} pixels and this image has {height} x {width}; "
            "compare larger images, or use PSNR and the spectral angle."
        )
    scores = np.full(reference.shape[0], np.nan)
    for index, (true, found) in enumerate(band_pairs(reference, result, peak if clip else None)):
        mask = None if valid is None else (valid[index] if valid.ndim == 3 else valid)
        scores[index] = _band_ssim(true, found, peak, mask)
    return scores


def ssim(
    reference: Values,
    result: Values,
    peak: float,
    *,
    valid: Mask | None = None,
    clip: bool = False,
) -> float:
    """Compute the mean over bands of the SSIM of each; see `ssim_per_band`."""
    return mean_of_bands(ssim_per_band(reference, result, peak, valid=valid, clip=clip))


def _band_ssim(true: Floats, found: Floats, peak: float, mask: Mask | None) -> float:
    options: dict[str, Any] = {
        "gaussian_weights": True,
        "sigma": _SIGMA,
        "use_sample_covariance": False,
        "data_range": peak,
    }
    if mask is None or mask.all():
        return float(_STRUCTURAL_SIMILARITY(true, found, **options))
    inner = _windows_inside(mask)
    if not inner.any():
        return float("nan")
    _, scores = _STRUCTURAL_SIMILARITY(
        np.where(mask, true, 0.0), np.where(mask, found, 0.0), full=True, **options
    )
    return float(np.mean(scores[inner]))


def _windows_inside(mask: Mask) -> npt.NDArray[np.bool_]:
    whole = scipy.ndimage.binary_erosion(mask, np.ones((WINDOW, WINDOW), dtype=bool))
    inner = np.zeros_like(mask)
    middle = (slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN))
    inner[middle] = whole[middle]
    return inner
