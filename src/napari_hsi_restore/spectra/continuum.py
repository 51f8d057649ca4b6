"""The continuum of a spectrum and what absorbs below it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def continuum(positions: Floats, values: Floats) -> Floats:
    """Compute the upper convex hull of a spectrum (Clark and Roush, JGR 89, 1984).

    Parameters
    ----------
    positions : float64 ndarray, (bands,)
        Wavelengths in any unit and order.
    values : float64 ndarray, (bands,)
        NaN where there is no measurement; those bands do not count.

    Returns
    -------
    float64 ndarray, (bands,)
        In the units of `values`, nowhere below them; NaN where they are, and everywhere
        with fewer than two bands.
    """
    result = np.full(values.shape, np.nan)
    known = np.flatnonzero(np.isfinite(values))
    if known.size < 2:
        return result
    order = known[np.lexsort((values[known], positions[known]))]
    hull: list[tuple[float, float]] = []
    for x, y in zip(positions[order].tolist(), values[order].tolist(), strict=True):
        if hull and hull[-1][0] == x:
            # The highest of two values at one wavelength.
            hull.pop()
        while len(hull) >= 2 and _turns_left(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    corners = np.array(hull)
    result[known] = np.interp(positions[known], corners[:, 0], corners[:, 1])
    return result


def remove_continuum(positions: Floats, values: Floats) -> Floats:
    """Divide a spectrum by its continuum.

    Parameters
    ----------
    positions, values : float64 ndarray, (bands,)
        As for `continuum`.

    Returns
    -------
    float64 ndarray, (bands,)
        Without unit, at most 1, which is reached where the hull touches the spectrum; NaN
        where there is no measurement or the continuum is not above 0.
    """
    hull = continuum(positions, values)
    result = np.full(values.shape, np.nan)
    above = np.isfinite(hull) & (hull > 0)
    result[above] = values[above] / hull[above]
    return result


def _turns_left(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    # b lies on the line from a to c or below it
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0
