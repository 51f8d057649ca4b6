"""`ngmeet`, trained networks that give back what it removed too much, and what it left out [ours].

The networks are `napari_hsi_restore.models.architectures.refiner.Refiner`. They see the components
in the principal axes of the estimate, where the strongest ones show what the scene is like. The
first looks over the draft that guides the last round of `ngmeet`, the second over its end. Then
comes what pixels share outside of the subspace (`napari_hsi_restore.classical.ferns`).
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.classical.collaborative import Filtering
from napari_hsi_restore.classical.ferns import regained
from napari_hsi_restore.classical.ngmeet import RESERVOIR as NGMEET_RESERVOIR
from napari_hsi_restore.classical.ngmeet import axes_of, ngmeet, row_blocks, turned
from napari_hsi_restore.noise.portion import portion

Image = npt.NDArray[np.float32]

DRAFT_NETWORK = "refiner_draft"
"""Name of the bundled network that looks over the draft."""

LAST_NETWORK = "refiner"
"""Name of the bundled network that has the last word."""

NETWORKS = (DRAFT_NETWORK, LAST_NETWORK)
"""What a method needs whose last filter is `refined`."""

RESERVOIR = 40
"""Components beyond those that stand out of the noise, in which the rest of the scene is sought."""

PART_PIXELS = 2**20
"""Pixels, at most, of the part of an image that the network looks at in one go."""

_ESTIMATED, _LOOKED_OVER = 0.77, 0.96
_MOMENT_S = 0.02

Correction = Callable[[Image, Image], Filtering]
"""`napari_hsi_restore.classical.correction.correction` with its network."""


def refined(components: Image, strong: int) -> Filtering:
    """Denoise the components of a whitened cube.

    Parameters and result are those of `napari_hsi_restore.classical.ngmeet.ngmeet`, but for the
    number of components: `strong` + `RESERVOIR` where there are so many bands.
    """
    # torch alone takes seconds to load, and whoever only looks at cubes never needs it.
    pool = ThreadPoolExecutor(1, thread_name_prefix="refiner")
    first = pool.submit(load_correction, DRAFT_NETWORK, 1)
    last = pool.submit(load_correction, LAST_NETWORK, 2)
    pool.shutdown(wait=False)

    def improve(noisy: Image, draft: Image) -> Filtering:
        correction = yield from _waited(first)
        return (yield from looked_over(correction, noisy, draft, strong))

    leading = components[: strong + NGMEET_RESERVOIR]
    estimate = yield from portion(ngmeet(leading, strong, improve), 0.0, _ESTIMATED)
    correction = yield from portion(_waited(last), _ESTIMATED, _ESTIMATED)
    over = looked_over(correction, leading, estimate, strong)
    estimate = yield from portion(over, _ESTIMATED, _LOOKED_OVER)
    return (yield from portion(regained(components, estimate, strong), _LOOKED_OVER, 1.0))


def looked_over(
    correction: Correction, components: Image, estimate: Image, strong: int
) -> Filtering:
    """An estimate with what a network adds to it.

    Parameters
    ----------
    correction : callable
    components : float32 ndarray, (components, y, x)
        White noise of standard deviation 1 in each.
    estimate : float32 ndarray, (components, y, x)
        Is changed.
    strong : int
        How many stand out of the noise.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (components, y, x)
    """
    axes = axes_of(estimate, strong)
    inside = turned(axes.T, estimate)
    removed = turned(axes.T, components) - inside
    found = yield from correction(removed, inside)
    for rows in row_blocks(estimate):
        estimate[:, rows] += turned(axes, found[:, rows])
    return estimate


def load_correction(name: str, views: int) -> Correction:
    """The correction by a bundled network, the mean of so many views.

    Raises
    ------
    UserError
        As `napari_hsi_restore.zoo.loading.load`.
    """
    from napari_hsi_restore.classical.correction import correction
    from napari_hsi_restore.models.architectures.refiner import Refiner
    from napari_hsi_restore.zoo.loading import load

    network, record = load(name)
    assert isinstance(network, Refiner)
    return functools.partial(correction, network, record.halo, views=views)


def _waited(loading: Future[Correction]) -> Generator[float, None, Correction]:
    while not loading.done():
        yield 0.0
        time.sleep(_MOMENT_S)
    return loading.result()
