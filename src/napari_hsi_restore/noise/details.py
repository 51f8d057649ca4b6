"""The finest details of an image, where noise is all that is left of most scenes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.noise.scale import median

Floats = npt.NDArray[np.float32]
Window = tuple[tuple[slice, slice], ...]

# More windows than this make the estimate slower and no better.
_ENOUGH_WINDOWS = 65536
# Orthonormal filters of four pixels: the finest detail first, then two coarser ones. A
# window [[a, b], [c, d]] has a diagonal, a vertical and a horizontal detail (Haar); four
# pixels in a line have discrete Legendre polynomials of degree 3, 2 and 1.
_SQUARE = np.array([[1, -1, -1, 1], [1, 1, -1, -1], [1, -1, 1, -1]], np.float32) / 2
_LINE = np.array([[1, -3, 3, -1], [1, -1, -1, 1], [3, 1, -1, -3]], np.float32) / np.sqrt(
    np.array([[20], [4], [20]], np.float32)
)
# Neighbouring windows share pixels: n of them are worth n / (sum of the squared
# autocorrelations of the first filter on white noise) independent ones.
_SHARED_SQUARE = (1 + 2 / 4) ** 2
_SHARED_LINE = 1 + 2 * (0.75**2 + 0.3**2 + 0.05**2)


@dataclasses.dataclass(frozen=True, eq=False)
class Details:
    """Samples that keep the standard deviation of white noise.

    Attributes
    ----------
    finest : float32 ndarray, (bands, windows)
        ``(a - b - c + d) / 2`` of 2 x 2 windows [[a, b], [c, d]]; of an image that is
        a single line ``(a - 3 b + 3 c - d) / sqrt(20)`` of four pixels in a row.
    activity : float32 ndarray, (windows,)
        Strength of the coarser details of all bands, in units of their noise. For
        white noise it is independent of `finest`, so that choosing windows by it does
        not bias what is measured there.
    independent : float
        How many independent windows they are worth.
    """

    finest: Floats
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
        With no window at all where too little is valid.
    """
    single_line = min(valid.shape) == 1
    filters, shared = (_LINE, _SHARED_LINE) if single_line else (_SQUARE, _SHARED_SQUARE)
    window, step = _line_window(valid.shape) if single_line else _square_window(valid.shape)
    inside = np.logical_and.reduce([valid[pixel] for pixel in window])
    everywhere = bool(inside.all())
    finest = np.empty((data.shape[0], int(inside.sum())), dtype=np.float32)
    pixels = np.empty((len(window), finest.shape[1]), dtype=np.float32)
    activity = np.zeros(finest.shape[1], dtype=np.float32)
    for index in range(data.shape[0]):
        band = np.asarray(data[index], dtype=np.float32)
        for row, pixel in zip(pixels, window, strict=True):
            row[:] = band[pixel].ravel() if everywhere else band[pixel][inside]
        finest[index], first, second = filters @ pixels
        noise = median(np.square(finest[index])) if activity.size else 0.0
        if noise > 0:
            activity += (np.square(first) + np.square(second)) / np.float32(noise)
    seen = finest.any(axis=0)
    share = 1 / shared if step == 1 else 1.0
    independent = float(seen.sum()) * share
    if seen.all():
        return Details(finest, activity, independent)
    return Details(finest[:, seen], activity[seen], independent)


def _square_window(shape: tuple[int, ...]) -> tuple[Window, int]:
    """The four pixels of all 2 x 2 windows, as slices, and the step between windows."""
    count = (shape[0] - 1) * (shape[1] - 1)
    step = 1 if count <= _ENOUGH_WINDOWS else max(2, math.isqrt(count // _ENOUGH_WINDOWS))
    first, second = slice(None, -1, step), slice(1, None, step)
    return ((first, first), (first, second), (second, first), (second, second)), step


def _line_window(shape: tuple[int, ...]) -> tuple[Window, int]:
    """The four pixels of all windows along a single line, as slices, and their step."""
    length = max(shape)
    step = 1 if length <= _ENOUGH_WINDOWS else max(4, length // _ENOUGH_WINDOWS)
    places = [slice(i, max(length - 3 + i, i), step) for i in range(4)]
    everything = slice(None)
    if shape[0] == 1:
        return tuple((everything, place) for place in places), step
    return tuple((place, everything) for place in places), step
