"""FastHyDe: the eigenimages of a whitened cube are denoised, each by its own noise.

Zhuang and Bioucas-Dias, "Fast hyperspectral image denoising and inpainting based on
low-rank and sparse representations", IEEE JSTARS 11(3), 2018. The plug-in denoiser there
is BM3D, one eigenimage at a time; ours is a collaborative filter of all eigenimages
together (`napari_hsi_restore.classical.collaborative`).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.classical.collaborative import Filtering, threshold, wiener
from napari_hsi_restore.classical.grouping import Search
from napari_hsi_restore.noise.portion import portion

Image = npt.NDArray[np.float32]

EXTRA = 1
"""Components beyond those that stand out of the noise: they hold small objects."""

_FIRST = Search(side=6, step=4, radius=16, count=32)
_SECOND = Search(side=6, step=3, radius=16, count=32)
_FIRST_SHARE = 0.4
STRONG_LIMIT, WEAK_LIMIT = 2.7, 4.0


def fasthyde(components: Image, strong: int) -> Filtering:
    """Denoise the components of a whitened cube.

    Parameters
    ----------
    components : float32 ndarray, (components, y, x)
        Projections on orthonormal axes of whitened spectra, the strongest first:
        white noise of standard deviation 1 in each.
    strong : int
        How many stand out of the noise; the first `strong` + `EXTRA` are used.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (components, y, x)
        Zero in components that are not used.
    """
    used = components[: strong + EXTRA]
    match = used[: max(strong, 1)]
    first = yield from portion(
        threshold(used, match, _FIRST, limits(len(used), strong)), 0.0, _FIRST_SHARE
    )
    second = yield from portion(wiener(used, first, _SECOND, fit_patches=False), _FIRST_SHARE, 1.0)
    result = np.zeros_like(components)
    result[: len(used)] = second
    return result


def limits(components: int, strong: int) -> Image:
    """Thresholds of the first estimate, in units of the noise, (components,).

    Weak components are mostly noise, and what is let through of it does harm (ours).
    """
    return np.where(np.arange(components) < strong, STRONG_LIMIT, WEAK_LIMIT).astype(np.float32)
