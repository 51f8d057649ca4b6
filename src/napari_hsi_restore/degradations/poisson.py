"""Photon (shot) noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.degradations.gaussian import Floats, as_float


def add_poisson(array: npt.NDArray[Any], photons: float, rng: np.random.Generator) -> Floats:
    """Replace every value by a Poisson count of photons, back in the old units.

    The standard deviation at value v is ``sqrt(v / photons)``. Values below zero
    have no photons to count and stay as they are.

    Parameters
    ----------
    array : ndarray, (bands, y, x)
        Values where white is 1.
    photons : float
        Expected count at white (full scale), above 0.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, (bands, y, x)
        float64 for float64 input, else float32.

    Raises
    ------
    ValueError
        If `photons` is not above 0.
    """
    if not photons > 0:
        raise ValueError("the photon count must be above 0")
    noisy = as_float(array)
    for band in noisy:
        counts = rng.poisson(np.maximum(band, 0.0).astype(np.float64) * photons)
        band[...] = np.where(band > 0, counts / photons, band)
    return noisy
