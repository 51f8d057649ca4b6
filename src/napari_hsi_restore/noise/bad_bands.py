"""Bands that hold no measurement worth using, and why."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.noise.measured import Float

Reason = Literal["no values", "constant", "saturated", "noise only", "water", "marked in the file"]

# Water vapour takes nearly all light there (wavelengths in nm): see for example Gao, Montes,
# Davis and Goetz, "Atmospheric correction algorithms for hyperspectral remote sensing data of
# land and ocean", Remote Sensing of Environment 113, 2009.
WATER_NM = ((1340.0, 1460.0), (1790.0, 1970.0), (2480.0, 2520.0))

# Ours: a band that is so much worse than the others, or all but noise.
_WATER_LOSS_DB = 10.0
_NOISE_ONLY = 0.02
_SATURATED = 0.5


def is_saturated(values: npt.NDArray[np.generic], valid: npt.NDArray[np.bool_]) -> bool:
    """Whether most valid values of a band are its largest one."""
    chosen = values[valid]
    return bool(chosen.size and (chosen == chosen.max()).mean() >= _SATURATED)


def only_noise(variance: Float, sigma: Float) -> npt.NDArray[np.bool_]:
    """Bands whose values vary by no more than their noise, while others hold a scene.

    Parameters
    ----------
    variance : float64 ndarray, (bands,)
        Of all values of a band, noise included.
    sigma : float64 ndarray, (bands,)
    """
    scene = variance / np.square(sigma) - 1.0
    if np.median(scene) < 1.0:
        return np.zeros(len(sigma), dtype=bool)
    return np.asarray(scene < _NOISE_ONLY)


def in_water(wavelengths_nm: Float | None, snr_db: Float) -> npt.NDArray[np.bool_]:
    """Bands within the absorption of water vapour that are far worse than the others.

    Parameters
    ----------
    wavelengths_nm : float64 ndarray, (bands,), or None
    snr_db : float64 ndarray, (bands,)
        NaN where not known.
    """
    if wavelengths_nm is None:
        return np.zeros(len(snr_db), dtype=bool)
    inside = np.logical_or.reduce(
        [(wavelengths_nm >= low) & (wavelengths_nm <= high) for low, high in WATER_NM]
    )
    others = snr_db[~inside & np.isfinite(snr_db)]
    if not others.size:
        return np.zeros(len(snr_db), dtype=bool)
    return np.asarray(inside & (snr_db < np.median(others) - _WATER_LOSS_DB))
