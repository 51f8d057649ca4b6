"""The slope of a spectrum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_GAP_STEPS = 6.0
"""No slope is taken across a gap of so many typical steps [ours]."""
_MOSTLY = 0.9
"""Bands of which so many go one way keep their order, else they are sorted [ours]."""


def first_derivative(positions: Floats, values: Floats) -> Floats:
    """Compute the first derivative of a spectrum over wavelength.

    Between neighbours on both sides it is the slope of the parabola through the three
    bands, so uneven steps are right; at the ends of a stretch the slope to the one neighbour.
    Where a second detector starts again at shorter wavelengths a new stretch begins.

    Parameters
    ----------
    positions : float64 ndarray, (bands,)
        Wavelengths in any order.
    values : float64 ndarray, (bands,)
        NaN where there is no measurement. Neighbours on both sides of it are not joined.

    Returns
    -------
    float64 ndarray, (bands,)
        In the units of `values` per unit of `positions`; NaN where there is no measurement,
        at a band without neighbours, and at bands that share their wavelength.
    """
    result = np.full(values.shape, np.nan)
    forward = np.mean(np.diff(positions) > 0) if positions.size > 1 else 1.0
    if max(forward, 1 - forward) > _MOSTLY:
        order, direction = np.arange(positions.size), 1.0 if forward > 0.5 else -1.0
    else:
        order, direction = np.argsort(positions, kind="stable"), 1.0
    x, y = positions[order], values[order]
    steps = direction * np.diff(x)
    typical = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
    joined = (steps > 0) & (steps <= _GAP_STEPS * typical)
    joined &= np.isfinite(y[1:]) & np.isfinite(y[:-1])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], joined, [False]]).astype(int)))
    for first, last in edges.reshape(-1, 2):
        run = slice(first, last + 1)
        result[order[run]] = np.gradient(y[run], x[run])
    return result
