"""From the values of a picture to what a screen shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

STRETCH_PERCENTILES = (2.0, 98.0)


def stretched(picture: Floats) -> Floats:
    """Stretch each channel of a picture by itself.

    Parameters
    ----------
    picture : float32 ndarray, (y, x, channels)
        Any units; NaN for no data.

    Returns
    -------
    float32 ndarray, (y, x, channels)
        0 to 1, the 2nd to the 98th percentile; 0 where a channel has no data.
    """
    known = np.isfinite(picture).all(axis=-1)
    result = np.zeros_like(picture)
    if known.any():
        pixels = picture[known]
        low, high = np.percentile(_thin(pixels), STRETCH_PERCENTILES, axis=0)
        span = np.where(high > low, high - low, 1)
        result[known] = np.clip((pixels - low) / span, 0, 1)
    return result


def brightened(picture: Floats) -> Floats:
    """Scale a picture by one factor, so that its hues stay.

    Parameters
    ----------
    picture : float32 ndarray, (y, x, 3)
        Linear; NaN for no data.

    Returns
    -------
    float32 ndarray, (y, x, 3)
        0 to 1; the brightest channel of 98 % of the pixels fits in.
    """
    known = np.isfinite(picture).all(axis=-1)
    result = np.zeros_like(picture)
    if known.any():
        white = float(np.percentile(_thin(picture[known]).max(axis=1), STRETCH_PERCENTILES[1]))
        result[known] = np.clip(picture[known] / (white if white > 0 else 1.0), 0, 1)
    return result


def as_bytes(picture: Floats) -> npt.NDArray[np.uint8]:
    """Turn a picture of 0..1 into one of 0..255, which screens and files take as it is."""
    return np.asarray(np.round(picture * 255), dtype=np.uint8)


def _thin(pixels: Floats) -> Floats:
    return pixels[:: max(1, len(pixels) // 200_000)]
