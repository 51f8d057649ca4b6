"""Mean squared error and peak signal-to-noise ratio.

Arrays are (bands, y, x) in any one unit. The literature on hyperspectral
restoration has two PSNR: of the whole cube (`psnr`: one mean squared error over
all values) and the mean over bands of the PSNR of each (`mpsnr`). The second is
never the smaller one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def mse_per_band(
    reference: Values,
    result: Values,
    *,
    valid: Mask | None = None,
    clip_to: float | None = None,
) -> Floats:
    """Compute the mean squared error of every band, one band at a time in float64.

    Parameters
    ----------
    reference, result : ndarray, (bands, y, x)
    valid : bool ndarray, (bands, y, x) or (y, x), optional
        Values that count; all by default.
    clip_to : float, optional
        Clip `result` to 0..`clip_to` first, the protocol of some papers.

    Returns
    -------
    float64 ndarray, (bands,)
        NaN for a band without any value that counts.
    """
    errors = np.full(reference.shape[0], np.nan)
    for index, (true, found) in enumerate(band_pairs(reference, result, clip_to)):
        difference = true - found
        if valid is not None:
            difference = difference[valid[index] if valid.ndim == 3 else valid]
        if difference.size:
            errors[index] = np.mean(np.square(difference))
    return errors


def psnr(
    reference: Values,
    result: Values,
    peak: float,
    *,
    valid: Mask | None = None,
    clip: bool = False,
) -> float:
    """Compute the PSNR of the whole cube in dB.

    ``10 log10(peak^2 / mse)`` with one mean squared error over all values, as
    `skimage.metrics.peak_signal_noise_ratio`.

    Parameters
    ----------
    reference, result : ndarray, (bands, y, x)
    peak : float
        The value that counts as white, in the units of the arrays.
    valid : bool ndarray, (bands, y, x) or (y, x), optional
        Values that count; all by default.
    clip : bool
        Clip `result` to 0..`peak` first. Papers differ here, by over 1 dB for a
        noisy cube; compare only figures of one protocol.

    Returns
    -------
    float
        Infinite for equal arrays, NaN if no value counts.
    """
    errors = mse_per_band(reference, result, valid=valid, clip_to=peak if clip else None)
    return float(to_decibels(np.asarray(pooled_mse(errors, reference.shape, valid)), peak))


def psnr_per_band(
    reference: Values,
    result: Values,
    peak: float,
    *,
    valid: Mask | None = None,
    clip: bool = False,
) -> Floats:
    """Compute the PSNR of every band in dB with one peak for all, (bands,).

    Parameters as for `psnr`. Infinite for equal bands, NaN where no value counts.
    """
    errors = mse_per_band(reference, result, valid=valid, clip_to=peak if clip else None)
    return to_decibels(errors, peak)


def mpsnr(
    reference: Values,
    result: Values,
    peak: float,
    *,
    valid: Mask | None = None,
    clip: bool = False,
) -> float:
    """Compute the mean over bands of the PSNR of each, in dB. Parameters as for `psnr`."""
    return mean_of_bands(psnr_per_band(reference, result, peak, valid=valid, clip=clip))


def pooled_mse(errors: Floats, shape: tuple[int, ...], valid: Mask | None) -> float:
    """Pool the mean squared errors of the bands, each weighted by its values.

    Parameters
    ----------
    errors : float64 ndarray, (bands,)
        From `mse_per_band`.
    shape : tuple of int
        (bands, y, x).
    valid : bool ndarray, (bands, y, x) or (y, x), optional
        The one given to `mse_per_band`.
    """
    weights = np.ones(shape[0])
    if valid is not None and valid.ndim == 3:
        weights = np.count_nonzero(valid, axis=(1, 2)).astype(np.float64)
    seen = ~np.isnan(errors)
    return float(np.average(errors[seen], weights=weights[seen])) if seen.any() else float("nan")


def mean_of_bands(values: Floats) -> float:
    """Average over the bands that have a value; NaN if none has."""
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if seen.size else float("nan")


def band_pairs(
    reference: Values, result: Values, clip_to: float | None = None
) -> Iterator[tuple[Floats, Floats]]:
    """Yield pairs of bands (y, x) as float64, the second one clipped to 0..`clip_to` if given."""
    if reference.shape != result.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {result.shape}")
    for index in range(reference.shape[0]):
        found = np.asarray(result[index], dtype=np.float64)
        if clip_to is not None:
            found = np.clip(found, 0.0, clip_to)
        yield np.asarray(reference[index], dtype=np.float64), found


def to_decibels(errors: Floats, peak: float) -> Floats:
    """Turn mean squared errors of any shape into PSNR in dB; infinite for an error of 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(10.0 * np.log10(np.square(float(peak)) / errors), dtype=np.float64)
