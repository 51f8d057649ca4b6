"""Stripes: whole columns of some bands are shifted by a constant."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.degradations.gaussian import Floats, as_float

_COLUMN_FRACTION = (0.05, 0.15)
_OFFSET = 0.25


def choose_columns(width: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """5 to 15 % of the columns of one band, without repetition, at least one."""
    count = max(1, round(rng.uniform(*_COLUMN_FRACTION) * width))
    return rng.permutation(width)[:count]


def add_stripes(array: npt.NDArray[Any], bands: npt.ArrayLike, rng: np.random.Generator) -> Floats:
    """Shift 5 to 15 % of the columns of the chosen bands by -0.25..0.25.

    Every column has its own offset, drawn uniformly.

    Parameters
    ----------
    array : ndarray, (bands, y, x)
        Values where white is 1.
    bands : array-like of int
        Indices of the bands that are hit.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, (bands, y, x), not clipped
        float64 for float64 input, else float32.
    """
    striped = as_float(array)
    for band in np.atleast_1d(np.asarray(bands, dtype=np.intp)):
        columns = choose_columns(striped.shape[2], rng)
        offsets = rng.uniform(-_OFFSET, _OFFSET, size=columns.size)
        striped[band][:, columns] += offsets.astype(striped.dtype)
    return striped
