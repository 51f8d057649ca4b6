"""Impulse (salt and pepper) noise: single pixels of some bands read 0 or white."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.degradations.gaussian import Floats, as_float

_FRACTIONS = (0.1, 0.3, 0.5, 0.7)


def add_impulses(array: npt.NDArray[Any], bands: npt.ArrayLike, rng: np.random.Generator) -> Floats:
    """Set a fraction of the pixels of the chosen bands to 0 or 1, with equal odds.

    Every chosen band draws its fraction from {0.1, 0.3, 0.5, 0.7}; every pixel is
    hit with that probability.

    Parameters
    ----------
    array : ndarray, (bands, y, x)
        Values where white is 1.
    bands : array-like of int
        Indices of the bands that are hit.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, (bands, y, x)
        float64 for float64 input, else float32.
    """
    hit = as_float(array)
    for band in np.atleast_1d(np.asarray(bands, dtype=np.intp)):
        fraction = rng.choice(_FRACTIONS)
        draw = rng.random(hit.shape[1:], dtype=np.float32)
        hit[band][draw < fraction] = 1.0
        hit[band][draw < fraction / 2] = 0.0
    return hit
