"""A robust standard deviation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# 1 / (the 75 % point of the standard normal distribution).
_MAD_TO_SIGMA = 1.4826
_CUT = 2.5
# Standard deviation of a standard normal variable given that it is within +-2.5.
_WITHIN_CUT = 0.9546
_ROUNDS = 3
_FEW_LEVELS, _LEVEL_SAMPLE, _DIGITS = 24, 4096, 4


def median(values: npt.NDArray[Any]) -> float:
    """The median of finite values.

    numpy's own is eight times slower: it looks for NaN by a third partition.

    Parameters
    ----------
    values : ndarray, (samples,)
        At least one, all finite.
    """
    half = values.size // 2
    parted = np.partition(values, half)
    upper = float(parted[half])
    return upper if values.size % 2 else (upper + float(parted[:half].max())) / 2


def robust_sigma(values: npt.NDArray[Any], *, resist: bool) -> float:
    """Estimate the standard deviation of zero-mean Gaussian values among outliers.

    Parameters
    ----------
    values : ndarray, (samples,)
        At least one.
    resist : bool
        True takes the median absolute deviation, which hardly feels any share of
        outliers. False refines it by the standard deviation within 2.5 sigma, which
        needs less than half as many samples for the same accuracy.

    Returns
    -------
    float
        Not negative.
    """
    size = np.abs(values)
    sigma = _MAD_TO_SIGMA * median(size)
    if resist:
        return sigma
    for _ in range(_ROUNDS):
        inside = size[size <= _CUT * sigma]
        sigma = float(np.sqrt(np.mean(np.square(inside, dtype=np.float64)))) / _WITHIN_CUT
    return sigma


def has_few_levels(values: npt.NDArray[Any]) -> bool:
    """Whether values take few different sizes, as differences of small counts do [ours].

    Of those the median says little: of few photons most differences are 0.

    Parameters
    ----------
    values : ndarray, (samples,)
        At least one.
    """
    sample = np.abs(values[:: max(1, values.size // _LEVEL_SAMPLE)])
    largest = float(sample.max())
    return largest == 0.0 or np.unique(np.round(sample / largest, _DIGITS)).size <= _FEW_LEVELS


def plain_sigma(values: npt.NDArray[Any]) -> float:
    """The standard deviation of zero-mean values, (samples,), outliers included."""
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
