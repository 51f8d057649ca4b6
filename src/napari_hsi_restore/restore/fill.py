"""Values for missing pixels, so that a network and a resampling have something to see."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

RINGS = 8
"""Pixels that valid values grow into a gap; beyond them stands the mean of the band.

A fixed number, so that the filling of a cut-out is that of the whole [ours].
"""


def grown(
    band: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], mean: float | None = None
) -> npt.NDArray[np.float32]:
    """A band whose gaps are filled from their rims inwards.

    Each ring takes the mean of the known ones of its eight neighbours, so that no edge
    stands where the data end.

    Parameters
    ----------
    band : float32 ndarray, (y, x)
        Any unit; values that are not valid may be anything.
    valid : bool ndarray, (y, x)
    mean : float, optional
        What stands beyond the rings; None for the mean of the valid values.

    Returns
    -------
    float32 ndarray, (y, x)
        Without `mean` 0 if nothing is valid.
    """
    if valid.all():
        return band
    known = valid.copy()
    if mean is None:
        mean = float(band[valid].mean()) if valid.any() else 0.0
    filled = np.where(valid, band, np.float32(0.0))
    for _ in range(RINGS):
        if known.all():
            break
        count: npt.NDArray[Any] = _around(known.astype(np.float32))
        total = _around(filled)
        ring = ~known & (count > 0.5)
        filled[ring] = total[ring] / count[ring]
        known |= ring
    filled[~known] = mean
    return filled


def _around(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    kernel = np.ones((3, 3), dtype=np.float32)
    result: npt.NDArray[np.float32] = ndimage.convolve(plane, kernel, mode="constant")
    return result
