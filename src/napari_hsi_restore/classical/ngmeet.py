"""NGmeet: a global spectral subspace and non-local spatial filtering improve each other.

After He, Yao, Li, Yokoya, Zhao and Zhang, "Non-local meets global: an iterative paradigm
for hyperspectral image restoration", IEEE TPAMI 44(4), 2022 (first CVPR 2019): the
reduced image is filtered in groups of similar patches of low rank, a part of the removed
noise is given back, the spectral subspace is estimated anew from that, and so on.

Ours: it works on the whitened cube, so that every band may have its own noise. Groups are
filtered by `napari_hsi_restore.classical.collaborative.wiener`, whose axes are fitted to
the group, in place of a shrinkage of singular values. As its gains come from the last
estimate, each filter runs on the noisy components, whose noise is known, and only the
subspace is estimated with a part of the noise given back. The subspace has its full size
from the beginning, with a higher threshold for its weak part. Whoever has a way to improve
the estimate of the second round may do so before the last round goes by it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.classical.collaborative import Filtering, threshold, wiener
from napari_hsi_restore.classical.fasthyde import limits
from napari_hsi_restore.classical.grouping import Search
from napari_hsi_restore.noise.portion import portion

Image = npt.NDArray[np.float32]

EXTRA = 8
"""Components beyond those that stand out of the noise."""

RESERVOIR = 20
"""Components beyond those that stand out, which the subspace is chosen from."""

GIVEN_BACK = 0.3
"""Part of the removed noise that is given back before the subspace is estimated."""

Improving = Callable[[Image, Image], Filtering]
"""From noisy components and their estimate, float32 (components, y, x), to a better estimate."""

_AT_ONCE = 2**18
_FIRST = Search(side=8, step=4, radius=16, count=64)
_SECOND = Search(side=6, step=6, radius=16, count=32)
_THIRD = Search(side=6, step=4, radius=16, count=64)


@dataclasses.dataclass(frozen=True, eq=False)
class _State:
    """Axes in the reservoir (reservoir, used), noisy components and their estimate."""

    axes: npt.NDArray[np.float64]
    noisy: Image
    estimate: Image


def ngmeet(components: Image, strong: int, improve: Improving | None = None) -> Filtering:
    """Denoise the components of a whitened cube.

    Parameters
    ----------
    components : float32 ndarray, (components, y, x)
        Projections on orthonormal axes of whitened spectra, the strongest first:
        white noise of standard deviation 1 in each. At least `strong` + `RESERVOIR`
        where there are so many bands.
    strong : int
        How many stand out of the noise.
    improve : callable, optional
        Improves the draft, the estimate that guides the last round; may change it.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (components, y, x)
    """
    state = yield from portion(_drafted(components, strong), 0.0, 0.45)
    if improve is not None:
        estimate = yield from portion(improve(state.noisy, state.estimate), 0.45, 0.55)
        state = dataclasses.replace(state, estimate=estimate)
    state = yield from _round(components, state, _THIRD, True, (0.55, 1.0))
    return turned(state.axes, state.estimate)


def draft(components: Image, strong: int) -> Filtering:
    """The estimate that guides the last round, before anything improved it.

    Parameters, what is yielded and the result are those of `ngmeet`.
    """
    state = yield from _drafted(components, strong)
    return turned(state.axes, state.estimate)


def _drafted(components: Image, strong: int) -> Generator[float, None, _State]:
    """The rounds before the last one."""
    used = min(strong + EXTRA, len(components))
    noisy = components[:used]
    match = noisy[: max(strong, 1)]
    estimate = yield from portion(threshold(noisy, match, _FIRST, limits(used, strong)), 0.0, 0.45)
    state = _State(np.eye(len(components), used), noisy, estimate)
    return (yield from _round(components, state, _SECOND, False, (0.45, 1.0)))


def _round(
    components: Image,
    state: _State,
    search: Search,
    fit_patches: bool,
    part: tuple[float, float],
) -> Generator[float, None, _State]:
    """A new subspace, and the noisy components in it filtered by the last estimate."""
    state = _new_axes(components, state)
    filtering = wiener(state.noisy, state.estimate, search, fit_patches=fit_patches)
    estimate = yield from portion(filtering, *part)
    return dataclasses.replace(state, estimate=estimate)


def _new_axes(components: Image, state: _State) -> _State:
    """The strongest axes of the estimate with a part of the noise given back."""
    energy = np.zeros(2 * (len(components),))
    for rows in row_blocks(components):
        part = turned(state.axes, state.estimate[:, rows])
        mixed = part + GIVEN_BACK * (components[:, rows] - part)
        flat = mixed.reshape(len(mixed), -1)
        energy += flat @ flat.T
    axes = np.linalg.eigh(energy)[1][:, ::-1][:, : state.axes.shape[1]]
    return _State(axes, turned(axes.T, components), turned(axes.T @ state.axes, state.estimate))


def axes_of(estimate: Image, strong: int) -> npt.NDArray[np.float64]:
    """Principal axes of denoised components, (components, used), the strongest first.

    Parameters
    ----------
    estimate : float32 ndarray, (components, y, x)
        What a round of `ngmeet` gives.
    strong : int
        As given to it.
    """
    flat = estimate.reshape(len(estimate), -1)
    energy = (flat @ flat.T).astype(np.float64)
    used = min(strong + EXTRA, len(estimate))
    axes: npt.NDArray[np.float64] = np.linalg.eigh(energy)[1][:, ::-1][:, :used]
    return axes


def row_blocks(image: Image) -> Iterator[slice]:
    """Rows of an image, (..., y, x), few enough that a copy of them hardly counts."""
    height, width = image.shape[-2:]
    rows = max(1, _AT_ONCE // max(1, width))
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))


def turned(matrix: npt.NDArray[np.float64], image: Image) -> Image:
    """An image, (channels, y, x), with its channels multiplied by a matrix."""
    flat = matrix.astype(np.float32) @ image.reshape(len(image), -1)
    return flat.reshape(-1, *image.shape[1:])
