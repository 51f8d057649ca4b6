"""Spectra of one instrument as another one would have measured them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_FWHM_IN_SIGMAS = 2.0 * np.sqrt(2.0 * np.log(2.0))
_REACH_SIGMAS = 4.0
_LEAST_SHARE = 0.9
"""So much of a band's response must fall on known values [ours]."""


def resample(
    wavelengths_nm: Floats,
    spectra: Floats,
    centres_nm: Floats,
    fwhm_nm: Floats | None = None,
) -> Floats:
    """Resample spectra to the bands of a sensor.

    Where the width of a band is known and the spectra are sampled at least as finely, its value
    is the mean weighted with a Gaussian response of that width; else the straight
    line between the two nearest known samples is read off.

    Parameters
    ----------
    wavelengths_nm : float64 ndarray, (samples,)
        Of the spectra, in any order.
    spectra : float64 ndarray, (spectra, samples)
        NaN where there is no measurement.
    centres_nm : float64 ndarray, (bands,)
    fwhm_nm : float64 ndarray, (bands,), optional
        Full widths at half maximum; one that is not above 0 counts as unknown.

    Returns
    -------
    float64 ndarray, (spectra, bands)
        NaN for a band outside the known samples of a spectrum, or with more than a
        tenth of its response on missing samples.
    """
    order = np.argsort(wavelengths_nm, kind="stable")
    x, y = wavelengths_nm[order], spectra[:, order]
    result = _read_off(x, y, centres_nm)
    if fwhm_nm is None or x.size < 2:
        return result
    spacing = np.gradient(x)
    at_band = np.interp(centres_nm, x, np.abs(spacing))
    smooth = np.flatnonzero((fwhm_nm > 0) & (at_band <= fwhm_nm) & np.isfinite(fwhm_nm))
    if smooth.size == 0:
        return result
    sigma = fwhm_nm[smooth] / _FWHM_IN_SIGMAS
    distance = (x[None, :] - centres_nm[smooth][:, None]) / sigma[:, None]
    response = np.where(np.abs(distance) <= _REACH_SIGMAS, np.exp(-0.5 * distance**2), 0.0)
    response *= spacing
    # What the samples do not reach counts as missing, too.
    area = np.sqrt(2.0 * np.pi) * sigma
    known = np.isfinite(y)
    weight = known @ response.T
    total = np.where(known, y, 0.0) @ response.T
    enough = weight >= _LEAST_SHARE * area
    smoothed = np.where(enough, total / np.where(weight > 0, weight, 1.0), np.nan)
    # A band that is centred in a gap, or outside, stays unknown.
    result[:, smooth] = np.where(np.isfinite(result[:, smooth]), smoothed, np.nan)
    return result


def _read_off(x: Floats, y: Floats, centres: Floats) -> Floats:
    result = np.full((len(y), centres.size), np.nan)
    typical = float(np.median(np.diff(x))) if x.size > 1 else 0.0
    for row, values in enumerate(y):
        known = np.flatnonzero(np.isfinite(values))
        if known.size < 2:
            continue
        at = x[known]
        right = np.clip(np.searchsorted(at, centres), 1, known.size - 1)
        # Across missing samples no line is drawn.
        near = (known[right] - known[right - 1] == 1) | (at[right] - at[right - 1] <= 2 * typical)
        inside = (centres >= at[0]) & (centres <= at[-1])
        read = np.interp(centres, at, values[known])
        exact = np.isin(centres, at)
        result[row] = np.where(inside & (near | exact), read, np.nan)
    return result
