"""The standard deviation of the noise of every band, from the noisy data alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Sigmas = npt.NDArray[np.float64]
Values = npt.NDArray[Any]

_MAD_TO_SIGMA = 1.4826
# Effective share of independent samples among all overlapping 2x2 diagonal
# differences of white noise: 1 / (sum of squared autocorrelations) = 1 / 1.5^2.
_INDEPENDENT_SHARE = 1 / 2.25


def estimate_sigma(data: Values, valid: npt.NDArray[np.bool_] | None = None) -> Sigmas:
    """Estimate the noise of each band.

    Parameters
    ----------
    data : ndarray, (bands, y, x)
        Any real type and units.
    valid : bool ndarray, (y, x), optional
        False for pixels that are no measurements.

    Returns
    -------
    float64 ndarray, (bands,)
        In the units of `data`, above 0.
    """
    mask = np.isfinite(data).all(axis=0) if valid is None else valid.astype(bool)
    bands = data.shape[0]
    windows = mask[:-1, :-1] & mask[:-1, 1:] & mask[1:, :-1] & mask[1:, 1:]
    details = np.empty((bands, int(windows.sum())), dtype=np.float32)
    floor = np.empty(bands)
    for index in range(bands):
        band = np.asarray(data[index], dtype=np.float32)
        detail = (band[:-1, :-1] - band[:-1, 1:] - band[1:, :-1] + band[1:, 1:]) / 2
        details[index] = detail[windows]
        inside = band[mask]
        floor[index] = 1e-6 * max(float(np.ptp(inside)), 1e-30) if inside.size else 1e-30
    sigma = _MAD_TO_SIGMA * np.median(np.abs(details), axis=1)
    samples = details.shape[1] * _INDEPENDENT_SHARE
    if bands > 2 and samples > 3 * bands:
        covariance = (details @ details.T).astype(np.float64) / details.shape[1]
        scale = np.sqrt(np.maximum(np.diag(covariance), 1e-30))
        correlation = covariance / np.outer(scale, scale) + 1e-6 * np.eye(bands)
        inverse = np.linalg.inv(correlation)
        # Row b of this matrix leaves of band b what the others do not predict.
        whiten = inverse / np.diag(inverse)[:, None] * scale[:, None] / scale[None, :]
        residual = whiten.astype(np.float32) @ details
        left = _MAD_TO_SIGMA * np.median(np.abs(residual), axis=1)
        sigma = np.minimum(sigma, left / np.sqrt(1 - (bands - 1) / samples))
    return np.maximum(sigma.astype(np.float64), floor)
