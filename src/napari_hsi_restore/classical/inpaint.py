"""Missing values filled from the spectral subspace, and from similar patches around.

After FastHyIn of Zhuang and Bioucas-Dias (IEEE JSTARS 11(3), 2018): bands that are missing
at a pixel follow from those that are not, because spectra lie in a subspace. Ours: a
Gaussian prior keeps pixels with few bands bounded (see `Subspace.project`), and pixels
without any band are interpolated from the rim of their gap, each component by itself; and
the estimate gives the missing values of the next one, three times. The plug-in filter of
the last round is that of NGmeet where the whole cube is denoised, also ours.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_hsi_restore.classical.collaborative import Filtering
from napari_hsi_restore.classical.fasthyde import EXTRA, fasthyde
from napari_hsi_restore.classical.low_rank import (
    FILTERED_END,
    Filter,
    Restoring,
    expand,
    find_components,
)
from napari_hsi_restore.classical.refined import RESERVOIR, refined
from napari_hsi_restore.classical.subspace import Components
from napari_hsi_restore.noise.measured import Float, Measured
from napari_hsi_restore.noise.portion import portion

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

    rounds = 1 if complete else _ROUNDS
    each = FILTERED_END / rounds
    clean: Components | None = None
    for number in range(rounds):
        # What is only filled is smooth enough already, and the better filter takes longer.
        last = written == "all" and number == rounds - 1
        filtering, extra = (refined, RESERVOIR) if last else (fasthyde, EXTRA)
        if clean is None and gaps.any():
            filtering = partial(_over_gaps, filtering=filtering, gaps=gaps)
        steps = find_components(measured, sigma, filtering, extra, clean)
        clean = yield from portion(steps, number * each, (number + 1) * each)
    assert clean is not None, "there is at least one round"
    return (yield from portion(expand(measured, clean, written), FILTERED_END, 1.0))


def _over_gaps(
    components: Image, strong: int, *, filtering: Filter, gaps: npt.NDArray[np.bool_]
) -> Filtering:
    """Filter components whose gaps are bridged first."""
    yield from _bridge(components, gaps)
    return (yield from filtering(components, strong))


def _bridge(components: Image, gaps: npt.NDArray[np.bool_]) -> Generator[float, None, None]:
    """Smooth the inside of gaps, in place, towards what lies around them."""
    if not gaps.any():
        return
    for width in _WIDTHS:
        for component in components:
            component[gaps] = ndimage.gaussian_filter(component, width, mode="nearest")[gaps]
            yield 0.0
