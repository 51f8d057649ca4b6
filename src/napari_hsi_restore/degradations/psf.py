"""A Gaussian point spread function, sampled on the coarse grid."""

from __future__ import annotations

import math

import numpy as np

from napari_hsi_restore.degradations.resize import Kernel, Offsets

# Ours: the response of a coarse pixel falls to half at its own border.
_FWHM_TO_SIGMA = 1.0 / (2.0 * math.sqrt(2.0 * math.log(2.0)))
_REACH_IN_SIGMAS = 4.0


def gaussian_psf(factor: int, sigma: float | None = None) -> Kernel:
    """Return the kernel of a Gaussian point spread function.

    Parameters
    ----------
    factor : int
        By how much the image shrinks.
    sigma : float, optional
        Standard deviation in pixels of the fine image. By default the full width
        at half maximum is one coarse pixel (our choice).

    Returns
    -------
    Kernel
        Cut off at 4 sigma.

    Raises
    ------
    ValueError
        If sigma is not above 0.
    """
    width = factor * _FWHM_TO_SIGMA if sigma is None else float(sigma)
    if not width > 0:
        raise ValueError("the sigma of a point spread function must be above 0")

    def weight(distance: Offsets) -> Offsets:
        inside = np.abs(distance) <= _REACH_IN_SIGMAS * width
        return np.where(inside, np.exp(-0.5 * (distance / width) ** 2), 0.0)

    return Kernel(weight, 2 * _REACH_IN_SIGMAS * width)
