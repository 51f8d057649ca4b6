"""What the other bands predict of each band."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]

_WINDOWS_PER_REGRESSOR = 5.0
_RIDGE = 1e-6


def unpredicted(finest: npt.NDArray[np.float32], independent: float) -> tuple[Values, int]:
    """What the other bands do not predict of each band, and how many predicted it.

    All other bands are regressors where the windows allow it, else the nearest ones.

    Parameters
    ----------
    finest : float32 ndarray, (bands, windows)
        Zero-mean samples.
    independent : float
        How many independent windows they are worth.

    Returns
    -------
    float32 ndarray, (bands, windows), and int
    """
    bands = finest.shape[0]
    regressors = min(bands - 1, int(independent / _WINDOWS_PER_REGRESSOR))
    if regressors < 1:
        return finest, 0
    covariance = (finest @ finest.T).astype(np.float64) / finest.shape[1]
    spread = np.sqrt(np.diag(covariance))
    spread[spread == 0] = 1.0
    correlation = covariance / np.outer(spread, spread) + _RIDGE * np.eye(bands)
    # Row b of `leave` turns all bands into band b minus its prediction: the row of
    # the inverse correlation matrix, divided by its diagonal element.
    leave = np.zeros((bands, bands))
    if regressors == bands - 1:
        inverse = np.linalg.inv(correlation)
        leave = inverse / np.diag(inverse)[:, None]
    else:
        for band in range(bands):
            first = min(max(band - regressors // 2, 0), bands - 1 - regressors)
            near = slice(first, first + regressors + 1)
            row = np.linalg.inv(correlation[near, near])[band - first]
            leave[band, near] = row / row[band - first]
    leave *= spread[:, None] / spread[None, :]
    return leave.astype(np.float32) @ finest, regressors
