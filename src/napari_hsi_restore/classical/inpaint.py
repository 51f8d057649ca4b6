"""Missing values filled from the spectral subspace, and from similar patches around.

After FastHyIn of Zhuang and Bioucas-Dias (IEEE JSTARS 11(3), 2018): bands that are missing
at a pixel follow from those that are not, because spectra lie in a subspace. Ours: a
Gaussian prior keeps pixels with few bands bounded (see `Subspace.project`), and pixels
without any band are interpolated from the rim of their gap, each component by itself; and
the estimate gives the missing values of the next one, three times.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_hsi_restore.classical.collaborative import Filtering
from napari_hsi_restore.classical.fasthyde import EXTRA, fasthyde
from napari_hsi_restore.classical.low_rank import (
    FILTERED_END,
    Restoring,
    expand,
    find_components,
)
from napari_hsi_restore.classical.measured import Float, Measured
from napari_hsi_restore.classical.portion import portion

Image = npt.NDArray[np.float32]

# Coarse to fine, in pixels: wide gaps are bridged first, then their rim is matched.
_WIDTHS = (16.0, 8.0, 4.0, 2.0, 1.0, 1.0, 1.0)
_ROUNDS = 3


def inpaint(
    measured: Measured, sigma: Float, *, written: Literal["missing", "all"] = "missing"
) -> Restoring:
    """Fill what is missing.

    Parameters
    ----------
    measured : Measured
    sigma : float64 ndarray, (active,)
        Noise in stored units.
    written : str
        ``"missing"`` leaves what was measured as it is; ``"all"`` also denoises it.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (bands, y, x)
    """
    gaps = np.empty(measured.cube.shape[1:], dtype=bool)
    complete = True
    for rows in measured.row_blocks():
        valid = measured.block(rows)[1]
        gaps[rows] = ~valid.any(axis=0)
        complete = complete and bool(valid.all())
        yield 0.0

    def filtering(components: Image, strong: int) -> Filtering:
        yield from _bridge(components, gaps)
        return (yield from fasthyde(components, strong))

    rounds = 1 if complete else _ROUNDS
    each = FILTERED_END / rounds
    clean = yield from portion(find_components(measured, sigma, filtering, EXTRA), 0.0, each)
    for number in range(1, rounds):
        again = find_components(measured, sigma, fasthyde, EXTRA, clean)
        clean = yield from portion(again, number * each, (number + 1) * each)
    return (yield from portion(expand(measured, clean, written), FILTERED_END, 1.0))


def _bridge(components: Image, gaps: npt.NDArray[np.bool_]) -> Generator[float, None, None]:
    """Smooth the inside of gaps, in place, towards what lies around them."""
    if not gaps.any():
        return
    for width in _WIDTHS:
        for component in components:
            component[gaps] = ndimage.gaussian_filter(component, width, mode="nearest")[gaps]
            yield 0.0
