"""Spectral angle."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from napari_hsi_restore.metrics.psnr import Floats, Mask, Values, band_pairs


def spectral_angle_map(
    reference: Values, result: Values, *, valid: Mask | None = None, clip_to: float | None = None
) -> Floats:
    """Compute the angle between the two spectra of every pixel.

    With u and v the spectra at unit length the angle is
    ``2 atan2(|u - v|, |u + v|)`` (Kahan), which is exactly 0 for equal spectra,
    where an arc cosine is off by rounding. A spectrum that is zero in every band
    has no direction: the angle is 0 where both are zero and 90 degrees where one is.

    Parameters
    ----------
    reference, result : ndarray, (bands, y, x)
        In any one unit; one band at a time is held in float64.
    valid : bool ndarray, (bands, y, x) or (y, x), optional
        Values that count: a pixel is compared in its valid bands only.
    clip_to : float, optional
        Clip `result` to 0..`clip_to` first.

    Returns
    -------
    float64 ndarray, (y, x)
        Degrees, 0..180; NaN where no value of the pixel counts.
    """
    size = reference.shape[1:]
    lengths = np.zeros((2, *size))
    counted = np.zeros(size, dtype=bool)
    for true, found, mask in _masked_pairs(reference, result, valid, clip_to):
        lengths[0] += true * true
        lengths[1] += found * found
        counted |= mask
    lengths = np.sqrt(lengths)
    lengths[lengths == 0] = 1.0
    apart, together = np.zeros(size), np.zeros(size)
    for true, found, _ in _masked_pairs(reference, result, valid, clip_to):
        u, v = true / lengths[0], found / lengths[1]
        apart += np.square(u - v)
        together += np.square(u + v)
    angle = np.degrees(2.0 * np.arctan2(np.sqrt(apart), np.sqrt(together)))
    angle[~counted] = np.nan
    return np.asarray(angle, dtype=np.float64)


def sam_degrees(
    reference: Values, result: Values, *, valid: Mask | None = None, clip_to: float | None = None
) -> float:
    """Compute the mean spectral angle over pixels in degrees.

    Parameters as for `spectral_angle_map`. NaN if no pixel counts.
    """
    angle = spectral_angle_map(reference, result, valid=valid, clip_to=clip_to)
    seen = angle[~np.isnan(angle)]
    return float(seen.mean()) if seen.size else float("nan")


def _masked_pairs(
    reference: Values, result: Values, valid: Mask | None, clip_to: float | None
) -> Iterator[tuple[Floats, Floats, Mask]]:
    everything = np.ones(reference.shape[1:], dtype=bool)
    for index, (true, found) in enumerate(band_pairs(reference, result, clip_to)):
        if valid is None:
            yield true, found, everything
            continue
        mask = valid[index] if valid.ndim == 3 else valid
        yield np.where(mask, true, 0.0), np.where(mask, found, 0.0), mask
