"""The noise of a band of which so much is missing that only pairs of pixels are left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.noise.regression import unpredicted
from napari_hsi_restore.noise.scale import robust_sigma

_LEAST_PAIRS = 20


def sigma_of_pairs(
    values: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], bands: list[int]
) -> float:
    """Noise from the differences of neighbouring pixels that other bands do not predict.

    Coarser than 2 x 2 windows, so that more of the scene stays in it, but four times as
    many are left where single pixels are missing (ours).

    Parameters
    ----------
    values : float32 ndarray, (bands, y, x)
    valid : bool ndarray, (bands, y, x)
    bands : list of int
        The bands to look at; the noise of the last one is wanted.

    Returns
    -------
    float
        In the units of `values`; 0 where there are too few pairs.
    """
    for chosen in (bands, bands[-1:]):
        mask = np.logical_and.reduce(valid[chosen])
        differences = []
        for first, second in (
            ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
            ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ):
            both = mask[first] & mask[second]
            differences.append(
                np.stack(
                    [values[band][second][both] - values[band][first][both] for band in chosen]
                )
            )
        pairs = np.concatenate(differences, axis=1)
        pairs /= np.float32(np.sqrt(2.0))
        count = pairs.shape[1]
        if count >= _LEAST_PAIRS * len(chosen):
            left, regressors = unpredicted(pairs, float(count))
            return robust_sigma(left[-1], resist=True) / float(np.sqrt(1.0 - regressors / count))
    return 0.0
