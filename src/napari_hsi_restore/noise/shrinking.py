"""How far a line that stands out is to be believed.

What is found of a line is its stripe plus an error of known size. If most lines of a band have
no stripe and the others stripes of some size, the best guess of a stripe is smaller than what
was found, the more so the less it stands out of what the other lines of the band show. Taking
off what was found as it is would do harm where stripes are hardly larger than the error
(empirical Bayes with a normal slab and a spike; its use for stripes is ours).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_hsi_restore.noise.measured import Float

SIGNIFICANT, SIGNIFICANT_ALONE = 3.0, 4.0
"""What stands out by less, in units of its error, is not looked at; the second where hardly any
other line of the band does: among thousands of lines some do by chance [ours]."""

LINES_AROUND = 9
"""What so many neighbouring lines have in common is the scene [ours]."""

_ROUNDS = 30
_SEVERAL = 3
_FEW, _SMALL = 0.02, 1.0
# The median of nine random values has 0.17 of their variance.
_IN_COMMON = 0.3


def alone(found: Float) -> Float:
    """What every line has and its neighbours do not have, (bands, lines)."""
    around = ndimage.median_filter(found, size=(1, LINES_AROUND), mode="reflect")
    return np.asarray(found - around)


def _slow(found: Float) -> npt.NDArray[np.bool_]:
    """Bands in which neighbouring lines have more in common than by chance, (bands, 1)."""
    shared = np.square(found - alone(found)).sum(axis=1, keepdims=True)
    return np.asarray(shared > _IN_COMMON * np.square(found).sum(axis=1, keepdims=True))


def believed(found: Float, error: Float) -> Float:
    """What of what was found of every line is to be taken for a stripe.

    Parameters
    ----------
    found : float64 ndarray, (bands, lines)
        0 where nothing is known.
    error : float64 ndarray, (bands, lines)
        Standard deviation of that by chance; infinite where nothing is known.

    Returns
    -------
    float64 ndarray, (bands, lines)
        0 where it does not stand out. Where neighbouring lines have much in common, only what
        a line has beside them: the rest is the scene.
    """
    own = alone(found)
    own = np.where(own * found > 0.0, np.sign(found) * np.minimum(np.abs(own), np.abs(found)), 0.0)
    own = np.where(_slow(found), own, found)
    size = np.abs(own) / error
    share = np.full((len(size), 1), _FEW)
    power = np.maximum(np.square(size).max(axis=1, keepdims=True), _SMALL)
    probability = np.zeros_like(size)
    for _ in range(_ROUNDS):
        # Odds of a stripe, as the logarithm: lines may stand out by hundreds of errors.
        odds = 0.5 * np.square(size) * power / (1.0 + power) - 0.5 * np.log1p(power)
        odds += np.log(share / (1.0 - share))
        probability = 1.0 / (1.0 + np.exp(-np.clip(odds, -50.0, 50.0)))
        striped = probability.sum(axis=1, keepdims=True)
        share = np.clip((striped + _FEW) / (size.shape[1] + 1.0), 1e-6, 0.999)
        mean = (probability * np.square(size)).sum(axis=1, keepdims=True) / (striped + 1e-9)
        power = np.maximum(mean - 1.0, _SMALL)
    several = np.count_nonzero(size > SIGNIFICANT, axis=1, keepdims=True) >= _SEVERAL
    least = np.where(several, SIGNIFICANT, SIGNIFICANT_ALONE)
    return np.where(size > least, own * probability * power / (1.0 + power), 0.0)
