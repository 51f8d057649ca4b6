"""The standard deviation of the noise of every band, from the noisy data alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.noise.calm import calm_sigma
from napari_hsi_restore.noise.details import Details, finest_details
from napari_hsi_restore.noise.regression import unpredicted
from napari_hsi_restore.noise.scale import has_few_levels, plain_sigma, robust_sigma
from napari_hsi_restore.noise.signal_dependence import signal_dependence

Sigmas = npt.NDArray[np.float64]
Values = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

# With fewer independent windows than this, every one is needed (ours, measured by
# benchmarks/noise.py): the calmer half alone would cost more than it gains.
_ENOUGH_TO_CHOOSE = 20000.0
_FLOOR = 1e-6


def estimate_sigma(data: Values, valid: Mask | None = None) -> Sigmas:
    """Estimate the standard deviation of the noise of each band.

    Two estimates are made from the finest details of every band: their
    robust spread, which is right where bands are few or share nothing, and the spread
    of what a linear regression on the other bands leaves of them (the idea of
    HySime: Bioucas-Dias and Nascimento, IEEE TGRS 46(8), 2008, there without the
    spatial filter), corrected for the degrees of freedom. Fine texture can only
    raise either, so the smaller one is taken for every band. Large images are
    measured in their calmer half. Where the noise grows with the signal
    (`napari_hsi_restore.noise.signal_dependence`) that half is the dark one, and the level
    at the mean signal is taken instead. Where the calmest places of the scene show more
    noise than the other bands leave, bands share it, and what is seen there counts
    (`napari_hsi_restore.noise.calm`). The filter, the choice of windows and the combination
    are ours.

    Parameters
    ----------
    data : ndarray, (bands, y, x)
        Any real type and units; noise that is independent between pixels.
    valid : bool ndarray, (y, x), optional
        False for pixels that are no measurements. Pixels that are not finite are
        left out in any case; a band without any finite value is ignored.

    Returns
    -------
    float64 ndarray, (bands,)
        In the units of `data`, always finite and above 0: a band in which no noise
        can be seen (constant, or without 2 x 2 valid pixels, four where it
        is a single line) is given a millionth
        of the range of the data.
    """
    mask, used, value_range = _survey(data, valid)
    sigma = np.zeros(data.shape[0])
    if used.any():
        chosen = data if used.all() else data[np.flatnonzero(used)]
        found = np.maximum(
            _from_details(finest_details(chosen, mask)), _of_shot_noise(chosen, mask)
        )
        sigma[used] = calm_sigma(chosen, mask, found)
    return np.maximum(sigma, _FLOOR * value_range)


def _survey(data: Values, valid: Mask | None) -> tuple[Mask, Mask, float]:
    """Return the pixels (y, x) and bands (bands,) to use, and the range of the values."""
    mask = np.ones(data.shape[1:], dtype=bool) if valid is None else np.array(valid, dtype=bool)
    asked = mask.copy()
    used = np.zeros(data.shape[0], dtype=bool)
    low, high = np.inf, -np.inf
    for index in range(data.shape[0]):
        band = np.asarray(data[index])
        finite = np.isfinite(band) & asked
        if finite.any():
            used[index] = True
            mask &= finite
            values = band if finite.all() else band[finite]
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if not used.any():
        return mask, used, 1.0
    return mask, used, (high - low) or abs(high) or 1.0


def _of_shot_noise(data: Values, mask: Mask) -> Sigmas:
    """Noise at the mean signal where it grows with the signal, else 0, (bands,)."""
    found = signal_dependence(data, mask)
    if found is None or not found.share:
        return np.zeros(len(data))
    return np.nan_to_num(found.at_mean)


def _from_details(details: Details) -> Sigmas:
    finest, independent = details.finest, details.independent
    if finest.shape[1] == 0:
        return np.zeros(finest.shape[0])
    many = independent >= _ENOUGH_TO_CHOOSE
    if many:
        finest = finest[:, details.activity <= np.median(details.activity)]
        independent /= 2
    few = [has_few_levels(band) for band in finest]

    def sigma_of(band: npt.NDArray[np.float32], index: int) -> float:
        return plain_sigma(band) if few[index] else robust_sigma(band, resist=many)

    spatial = np.array([sigma_of(band, index) for index, band in enumerate(finest)])
    left, regressors = unpredicted(finest, independent)
    if regressors == 0:
        return spatial
    spectral = np.array([sigma_of(band, index) for index, band in enumerate(left)])
    spectral /= np.sqrt(1 - regressors / independent)
    return np.asarray(np.minimum(spatial, spectral), dtype=np.float64)
