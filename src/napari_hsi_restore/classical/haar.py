"""The orthonormal Haar transform, by sums and differences of neighbours."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]


def haar(values: Values) -> Values:
    """Transform along the second axis.

    Parameters
    ----------
    values : float32 ndarray, (any, count, any)
        `count` is a power of two.

    Returns
    -------
    float32 ndarray, (any, count, any)
        The mean first, then differences, the coarsest first.
    """
    found, rest = np.empty_like(values), values
    scale, count = 1.0, values.shape[1]
    while count > 1:
        scale, count = scale * math.sqrt(0.5), count // 2
        first, second = rest[:, ::2], rest[:, 1::2]
        details = np.subtract(first, second, out=found[:, count : 2 * count])
        # Once, at the end, and not at every level.
        details *= np.float32(scale)
        rest = first + second
    found[:, :1] = rest * np.float32(scale)
    return found


def inverse_haar(coefficients: Values) -> Values:
    """The values of which `haar` makes these, of the same shape."""
    total, count = coefficients.shape[1], 1
    scale = total**-0.5
    found = coefficients[:, :1] * np.float32(scale)
    while count < total:
        details = coefficients[:, count : 2 * count] * np.float32(scale)
        larger = np.empty((len(found), 2 * count, found.shape[2]), np.float32)
        np.add(found, details, out=larger[:, ::2])
        np.subtract(found, details, out=larger[:, 1::2])
        found, count, scale = larger, 2 * count, scale * math.sqrt(2.0)
    return found
