"""Bands between the colours of a photograph, for networks that go along bands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

STEPS = (0.02, 0.15)
"""Least and largest distance between two bands, where that of two colours is 1.

The colours of a camera are some 80 nm apart, bands of cameras and airborne sensors 2 to 10 nm.
"""


def between(colours: int, bands: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """How a random run of evenly spaced bands is mixed of the colours.

    Each band is interpolated linearly between the two colours beside it; a run that is longer
    than the distance of the outer colours stays at the last one.

    Parameters
    ----------
    colours : int
        In the order of their wavelengths, from 1.
    bands : int
        Of the run.
    rng : numpy.random.Generator

    Returns
    -------
    float32 ndarray, (bands, colours)
        From 0 to 1; the sum over the colours is 1. Half of the runs go backwards.
    """
    last = colours - 1
    step = rng.uniform(*STEPS)
    first = rng.uniform(0, max(0.0, last - step * (bands - 1)))
    places = np.minimum(first + step * np.arange(bands), last)
    if rng.random() < 0.5:
        places = places[::-1]
    distances = np.abs(places[:, None] - np.arange(colours))
    mixture: npt.NDArray[np.float32] = np.maximum(0, 1 - distances).astype(np.float32)
    return mixture
