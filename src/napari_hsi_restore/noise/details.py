"""The finest diagonal details of an image, where noise is all that is left of most scenes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# More windows than this make the estimate slower and no better.
_ENOUGH_WINDOWS = 65536
# Neighbouring windows share pixels: n of them are worth n / (sum of the squared
# autocorrelations of white noise) independent ones, per axis 1 / (1 + 2 / 4).
_SHARED_AXIS = 1.5


@dataclasses.dataclass(frozen=True, eq=False)
class Details:
    """Samples that keep the standard deviation of white noise.

    Attributes
    ----------
    diagonal : float32 ndarray, (bands, windows)
        ``(a - b - c + d) / 2`` of 2 x 2 windows [[a, b], [c, d]].
    activity : float32 ndarray, (windows,)
        Strength of horizontal and vertical details of all bands, in units of their
        noise. For white noise it is independent of `diagonal`, so that choosing
        windows by it does not bias what is measured there.
    independent : float
        How many independent windows they are worth.
    """

    diagonal: Floats
    activity: Floats
    independent: float


def finest_details(data: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> Details:
    """Collect the details of all windows of valid pixels.

    Windows without any detail in any band (masked or saturated areas) are left out.

    Parameters
    ----------
    data : ndarray, (bands, y, x)
        Finite where valid. One band at a time is turned into float32.
    valid : bool ndarray, (y, x)

    Returns
    -------
    Details
        With no window at all where the image is a single line or too little is valid.
    """
    height, width = valid.shape
    count = max(height - 1, 0) * max(width - 1, 0)
    step = 1 if count <= _ENOUGH_WINDOWS else max(2, math.isqrt(count // _ENOUGH_WINDOWS))
    inside = np.logical_and.reduce([valid[rows, columns] for rows, columns in _corners(step)])
    diagonal = np.empty((data.shape[0], int(inside.sum())), dtype=np.float32)
    activity = np.zeros(diagonal.shape[1], dtype=np.float32)
    for index in range(data.shape[0]):
        band = np.asarray(data[index], dtype=np.float32)
        a, b, c, d = (band[rows, columns][inside] for rows, columns in _corners(step))
        diagonal[index] = (a - b - c + d) / 2
        noise = np.median(np.square(diagonal[index])) if activity.size else 0.0
        if noise > 0:
            activity += (np.square(a + b - c - d) + np.square(a - b + c - d)) / np.float32(noise)
    seen = diagonal.any(axis=0)
    share = 1 / _SHARED_AXIS**2 if step == 1 else 1.0
    return Details(diagonal[:, seen], activity[seen], float(seen.sum()) * share)


def _corners(step: int) -> tuple[tuple[slice, slice], ...]:
    first, second = slice(None, -1, step), slice(1, None, step)
    return (first, first), (first, second), (second, first), (second, second)
