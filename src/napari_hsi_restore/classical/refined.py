"""`ngmeet`, and a trained network that gives back what it removed too much [ours].

The network is `napari_hsi_restore.models.architectures.refiner.Refiner`. It sees the components
in the principal axes of the estimate, where the strongest ones show what the scene is like.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.classical.collaborative import Filtering
from napari_hsi_restore.classical.ngmeet import EXTRA, ngmeet, row_blocks, turned
from napari_hsi_restore.noise.portion import portion

Image = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]

MODEL = "refiner"
"""Name of the bundled weights."""

PART_PIXELS = 2**20
"""Pixels, at most, of the part of an image that the network looks at in one go."""

_ESTIMATED = 0.8
_MOMENT_S = 0.02

Correction = Callable[[Image, Image], Filtering]
"""`napari_hsi_restore.classical.correction.correction` with its network."""


def refined(components: Image, strong: int) -> Filtering:
    """Denoise the components of a whitened cube.

    Parameters and result are those of `napari_hsi_restore.classical.ngmeet.ngmeet`.
    """
    # torch alone takes seconds to load, and whoever only looks at cubes never needs it.
    pool = ThreadPoolExecutor(1, thread_name_prefix="refiner")
    loading = pool.submit(_load_correction)
    pool.shutdown(wait=False)
    estimate = yield from portion(ngmeet(components, strong), 0.0, _ESTIMATED)
    while not loading.done():
        yield _ESTIMATED
        time.sleep(_MOMENT_S)
    correction = loading.result()
    axes = axes_of(estimate, strong)
    inside = turned(axes.T, estimate)
    removed = turned(axes.T, components) - inside
    found = yield from portion(correction(removed, inside), _ESTIMATED, 1.0)
    for rows in row_blocks(estimate):
        estimate[:, rows] += turned(axes, found[:, rows])
    return estimate


def _load_correction() -> Correction:
    from napari_hsi_restore.classical.correction import correction
    from napari_hsi_restore.models.architectures.refiner import Refiner
    from napari_hsi_restore.zoo.loading import load

    network, record = load(MODEL)
    assert isinstance(network, Refiner)
    return functools.partial(correction, network, record.halo)


def axes_of(estimate: Image, strong: int) -> Float:
    """Principal axes of denoised components, (components, used), the strongest first.

    Parameters
    ----------
    estimate : float32 ndarray, (components, y, x)
        What `ngmeet` gives.
    strong : int
        As given to it.
    """
    flat = estimate.reshape(len(estimate), -1)
    energy = (flat @ flat.T).astype(np.float64)
    used = min(strong + EXTRA, len(estimate))
    axes: Float = np.linalg.eigh(energy)[1][:, ::-1][:, :used]
    return axes
