"""Dead lines: whole columns of some bands read zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.degradations.gaussian import Floats, as_float
from napari_hsi_restore.degradations.stripe import choose_columns


def add_dead_lines(
    array: npt.NDArray[Any], bands: npt.ArrayLike, rng: np.random.Generator
) -> Floats:
    """Set 5 to 15 % of the columns of the chosen bands to 0.

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
    dead = as_float(array)
    for band in np.atleast_1d(np.asarray(bands, dtype=np.intp)):
        dead[band][:, choose_columns(dead.shape[2], rng)] = 0.0
    return dead
