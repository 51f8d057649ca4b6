"""How much of the noise grows with the signal: shot noise against read noise.

A detector that counts photons has noise of variance ``read**2 + gain * signal`` (Foi,
Trimeche, Katkovnik and Egiazarian, "Practical Poissonian-Gaussian noise modeling and
fitting for single-image raw-data", IEEE TIP 17(10), 2008, who fit it to one band). Ours:
the variance is measured on the finest details after a regression on the other bands, so
that texture, which bright places have more of, does not pass for noise.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.noise.regression import unpredicted
from napari_hsi_restore.noise.scale import has_few_levels, plain_sigma, robust_sigma

Float = npt.NDArray[np.float64]
Block = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_BINS = 8
_LEAST_A_BIN = 150
_LEAST_BANDS = 4
_MOST_WINDOWS = 32768
_LEAST_WINDOWS = 1200
# Neighbouring 2 x 2 windows are taken apart, so that all are independent.
_STEP = 2
# Variances differ by chance; a smaller share than this is not told from none.
_LEAST_SHARE = 0.25
_TIMES_BETTER = 2.0


@dataclasses.dataclass(frozen=True, eq=False)
class SignalDependence:
    """The fit ``variance = read**2 + gain * signal`` of every band.

    Attributes
    ----------
    read : float64 ndarray, (bands,)
        Standard deviation at signal 0, in stored units; NaN where it was not fitted.
    gain : float64 ndarray, (bands,)
        Growth of the variance with the signal, in stored units.
    at_mean : float64 ndarray, (bands,)
        Standard deviation at the mean signal, in stored units; NaN where not fitted.
    at_most : float64 ndarray, (bands,)
        The same at the largest signals.
    share : float
        Part of the variance at the mean signal that grows with it, 0..1: the median
        over the bands, 0 where that is not told from none.
    """

    read: Float
    gain: Float
    at_mean: Float
    at_most: Float
    share: float


def signal_dependence(values: npt.NDArray[Any], valid: Mask) -> SignalDependence | None:
    """Fit the growth of the noise with the signal.

    Parameters
    ----------
    values : ndarray, (bands, y, x)
        Stored units; finite where valid.
    valid : bool ndarray, (y, x)
        Pixels that are measured in all of them.

    Returns
    -------
    SignalDependence or None
        None where there are too few bands or pixels to tell.
    """
    if len(values) < _LEAST_BANDS or min(valid.shape) < _STEP:
        return None
    details, signal = _windows(values, valid)
    count = details.shape[1]
    if count < _LEAST_WINDOWS:
        return None
    left, regressors = unpredicted(details, float(count))
    left = left / np.float32(np.sqrt(1.0 - regressors / count))
    fits = [
        _fit(band, level, few=has_few_levels(detail))
        for band, level, detail in zip(left, signal, details, strict=True)
    ]
    read, gain, at_mean, at_most, share = np.array(fits).T
    found = float(np.nanmedian(share)) if np.isfinite(share).any() else 0.0
    return SignalDependence(read, gain, at_mean, at_most, found if found >= _LEAST_SHARE else 0.0)


def _windows(values: npt.NDArray[Any], valid: Mask) -> tuple[Block, Block]:
    """Diagonal details and means of 2 x 2 windows, (bands, windows) each."""
    rows, columns = (length // _STEP for length in valid.shape)
    step = _STEP * max(1, int(np.sqrt(rows * columns / _MOST_WINDOWS)))
    places = [
        (slice(dy, _STEP * rows - 1 + dy, step), slice(dx, _STEP * columns - 1 + dx, step))
        for dy in (0, 1)
        for dx in (0, 1)
    ]
    inside = np.logical_and.reduce([valid[place] for place in places])
    details = np.empty((len(values), int(inside.sum())), np.float32)
    means = np.empty_like(details)
    for index in range(len(values)):
        band = np.asarray(values[index])
        a, b, c, d = (band[place][inside].astype(np.float32) for place in places)
        details[index] = (a - b - c + d) / 2
        means[index] = (a + b + c + d) / 4
    return details, means


def _fit(left: Block, signal: Block, *, few: bool) -> tuple[float, float, float, float, float]:
    """The fields of `SignalDependence` for one band; NaN where its signal does not vary.

    `few` says that it is of few photons.
    """
    order = np.argsort(signal)
    bins = np.array_split(order, min(_BINS, len(order) // _LEAST_A_BIN))
    levels = np.array([float(signal[part].mean()) for part in bins])
    sigmas = [
        plain_sigma(left[part]) if few else robust_sigma(left[part], resist=False) for part in bins
    ]
    variances = np.square(np.array(sigmas))
    spread = levels.max() - levels.min()
    if spread <= 0 or variances.min() <= 0:
        return np.nan, np.nan, np.nan, np.nan, np.nan
    # The scatter of a variance is proportional to it: relative errors are compared.
    model = np.stack([np.ones_like(levels), levels]).T / variances[:, None]
    (offset, gain), *_ = np.linalg.lstsq(model, np.ones(len(levels)), rcond=None)
    typical = float(np.median(variances))
    fitted = offset + gain * levels
    misfit = float(np.mean(np.square(fitted / variances - 1)))
    flat = float(np.mean(np.square(typical / variances - 1)))
    mean = float(signal.mean())
    at_mean = offset + gain * mean
    if gain <= 0 or at_mean <= 0 or flat < _TIMES_BETTER * misfit:
        same = float(np.sqrt(typical))
        return same, 0.0, same, same, 0.0
    read = float(np.sqrt(max(offset, 0.0)))
    share = float(np.clip(gain * mean / at_mean, 0.0, 1.0))
    at_most = offset + gain * float(signal.max())
    return read, float(gain), float(np.sqrt(at_mean)), float(np.sqrt(at_most)), share
