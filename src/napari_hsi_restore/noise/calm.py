"""The noise of the calmest places, where bands share it: correlated noise is no scene there.

What other bands predict of a band is taken for scene by `unpredicted`, so noise that bands
share (a common reference, an interpolated wavelength scale) is missed by it. Where a scene is
calm its finest details are noise whatever bands share, and show it: white noise is as strong
in the coarser details of a 2 x 2 window as in the finest, texture is stronger there. Windows
are chosen by what lies around them, so that the choice does not bias what is measured inside.
The method is ours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.noise.scale import has_few_levels, median, robust_sigma

Sigmas = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_SHARES = (0.4, 0.2, 0.1)
_LEAST_WINDOWS = 100
# Coarser over finest details: 1 for white noise, and more where texture is left [ours].
_WHITE = (0.9, 1.06)
# Of one band that is known to about 1 over the root of the number of windows.
_UNSURE = 2.5
# Noise that so much exceeds what other bands leave is shared by them [ours].
_SHARED = 1.25
_MOST_PIXELS, _MOST_BANDS = 1 << 18, 32


def calm_sigma(data: npt.NDArray[Any], valid: Mask, found: Sigmas) -> Sigmas:
    """The noise of every band, measured where the scene is calm if that shows that bands share it.

    Parameters
    ----------
    data : ndarray, (bands, y, x)
        Finite where valid.
    valid : bool ndarray, (y, x)
    found : float64 ndarray, (bands,)
        What other bands do not predict, in the units of `data`.

    Returns
    -------
    float64 ndarray, (bands,)
        `found` where bands share hardly any noise, or where that cannot be told: there is no
        calm place, or there are too few bands or pixels.
    """
    rows, columns = _middle(data.shape)
    inside = valid[rows, columns]
    whole = np.logical_and.reduce([inside[dy::2, dx::2] for dy in (0, 1) for dx in (0, 1)])
    if len(data) < 2 or min(whole.shape) < 3 or whole.sum() * _SHARES[0] < _LEAST_WINDOWS:
        return found
    some = np.arange(0, len(data), -(-len(data) // _MOST_BANDS))
    bands = [_details(np.asarray(data[band, rows, columns], np.float32)) for band in some]
    usable = whole & ~_touches(~whole)
    if not usable.any():
        return found
    restless = _restless(bands, whole)
    order = np.sort(restless[usable])
    for share in _SHARES:
        if share * order.size < _LEAST_WINDOWS:
            break
        calm = usable & (restless <= order[int(share * (order.size - 1))])
        measured = np.array([_of_windows(details, calm) for details in bands])
        sigma, ratio = measured[measured[:, 0] > 0.0].T
        if sigma.size and _WHITE[0] < np.median(ratio) < _WHITE[1]:
            shared = float(np.median(measured[:, 0] / np.maximum(found[some], 1e-30)))
            if shared < _SHARED:
                break
            every = (_details(np.asarray(band[rows, columns], np.float32)) for band in data)
            sigma, ratio = np.array([_of_windows(details, calm) for details in every]).T
            # Single bands may have texture where most are calm.
            white = ratio < _WHITE[1] + _UNSURE / np.sqrt(calm.sum())
            return np.where(white, np.maximum(found, sigma), found * shared)
    return found


def _restless(bands: list[tuple[Floats, ...]], whole: Mask) -> Floats:
    """How much happens around every window, in units of the noise, (y, x)."""
    result = np.zeros(whole.shape, np.float32)
    for finest, first, second, mean in bands:
        typical = median(np.square(finest[whole]))
        if typical > 0.0:
            coarser = np.where(whole, np.square(first) + np.square(second), np.float32(0.0))
            result += _around(coarser, mean) / np.float32(typical)
    return result


def _middle(shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of even number, of a large image those in the middle."""
    height, width = shape[1:]
    height = min(height, max(2, _MOST_PIXELS // width))
    first = (shape[1] - height) // 2
    return slice(first, first + height - height % 2), slice(0, width - width % 2)


def _details(band: Floats) -> tuple[Floats, ...]:
    """Diagonal, vertical and horizontal detail of 2 x 2 windows, and their mean."""
    a, b, c, d = (band[dy::2, dx::2] for dy in (0, 1) for dx in (0, 1))
    halves = (a - b - c + d, a + b - c - d, a - b + c - d, (a + b + c + d) / np.float32(2.0))
    return tuple(np.asarray(part / np.float32(2.0), np.float32) for part in halves)


def _around(power: Floats, mean: Floats) -> Floats:
    """How much happens around every window, without what is inside it."""
    wide, level = np.pad(power, 1, mode="reflect"), np.pad(mean, 1, mode="reflect")
    height, width = power.shape
    near = sum(
        wide[dy : dy + height, dx : dx + width]
        for dy in range(3)
        for dx in range(3)
        if (dy, dx) != (1, 1)
    )
    steep = np.square(level[2:, 1:-1] - level[:-2, 1:-1])
    steep += np.square(level[1:-1, 2:] - level[1:-1, :-2])
    return np.asarray(near / np.float32(8.0) + np.float32(4.0) * steep, np.float32)


def _touches(gaps: Mask) -> Mask:
    """Windows beside which something is missing."""
    wide = np.pad(gaps, 1, mode="reflect")
    height, width = gaps.shape
    touched: Mask = np.logical_or.reduce(
        [wide[dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3)]
    )
    return touched


def _of_windows(details: tuple[Floats, ...], calm: Mask) -> tuple[float, float]:
    """Noise in some windows, and the coarser details as a multiple of it; 0 for few photons."""
    finest = details[0][calm]
    if has_few_levels(finest):
        return 0.0, 0.0
    sigma = robust_sigma(finest, resist=False)
    if sigma == 0.0:
        return 0.0, 0.0
    coarser = np.concatenate([details[1][calm], details[2][calm]])
    return sigma, robust_sigma(coarser, resist=False) / sigma
