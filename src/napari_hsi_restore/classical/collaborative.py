"""Collaborative filtering: similar patches are transformed together and shrunk.

The idea is that of Dabov, Foi, Katkovnik and Egiazarian, "Image denoising by sparse 3-D
transform-domain collaborative filtering", IEEE TIP 16(8), 2007: groups of similar patches,
a separable transform, a first estimate by hard thresholding, and a Wiener filter whose
gains come from that estimate. The transform of a group may be fitted to the estimate of
that very group, as in the higher-order SVD filter of Rajwade, Rangarajan and Banerjee,
IEEE TPAMI 35(4), 2013.

Ours: all channels share the groups, which are found by the distance over all channels in
units of the noise; channels are rotated group by group; sizes and thresholds are from
the training and validation cubes.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

import numpy as np
import numpy.typing as npt
from scipy.fft import dct

from napari_hsi_restore.classical.canvas import Canvas, Piece, gathered
from napari_hsi_restore.classical.grouping import (
    Indices,
    Search,
    Window,
    find_groups,
    references,
)
from napari_hsi_restore.classical.haar import haar, inverse_haar
from napari_hsi_restore.classical.side_by_side import in_order

Image = npt.NDArray[np.float32]
Filtering = Generator[float, None, Image]
"""Yields the fraction done, several times a second, and returns the filtered image."""

_KAISER = 2.0
_LEAST_ENERGY = 1e-3
_AT_ONCE = 8


def threshold(
    noisy: Image, match: Image, search: Search, limits: npt.NDArray[np.float32]
) -> Filtering:
    """A first estimate: small coefficients of every group are set to zero.

    Parameters
    ----------
    noisy : float32 ndarray, (channels, y, x)
        Finite; white noise of standard deviation 1 in every channel.
    match : float32 ndarray, (any channels, y, x)
        What patches are compared by.
    search : Search
        Its `count` must be a power of two.
    limits : float32 ndarray, (channels,)
        Coefficients up to this size are noise.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (channels, y, x)
    """
    search = search.fitted(*noisy.shape[1:])
    patch = cosine(search.side)

    def filtered(window: Window) -> tuple[Image, Image]:
        patches = window.patches(noisy, search.side)
        back, weights = _room(window, noisy, search)
        for some in _few(window):
            groups = _grouped(patches, window.members[some], len(noisy))
            coefficients = _forward(groups, patch.T)
            kept = (np.abs(coefficients) > limits[:, None]).astype(np.float32)
            coefficients *= kept
            weights[some] = 1.0 / np.maximum(np.einsum("gmcs->gc", kept), 1.0)
            back[some] = _backward(coefficients, patch.T)
        return back, weights

    return (yield from _everywhere(noisy.shape, match, search, filtered))


def wiener(noisy: Image, guide: Image, search: Search, *, fit_patches: bool) -> Filtering:
    """A better estimate: coefficients are scaled by what an estimate says of their size.

    The channels of a group are rotated to the principal axes that they have in the
    estimate of that group, so that few of them carry its signal.

    Parameters
    ----------
    noisy : float32 ndarray, (channels, y, x)
        Finite; white noise of standard deviation 1 in every channel.
    guide : float32 ndarray, (channels, y, x)
        An estimate of the clean image; patches are also compared by it.
    search : Search
        Its `count` must be a power of two.
    fit_patches : bool
        Also replace the cosine transform of the patches by their principal axes. Pays
        when the estimate is already good.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (channels, y, x)
    """
    search = search.fitted(*noisy.shape[1:])
    patch = cosine(search.side)

    def filtered(window: Window) -> tuple[Image, Image]:
        patches = window.patches(noisy, search.side)
        back, weights = _room(window, noisy, search)
        for some in _few(window):
            members = window.members[some]
            expected = _grouped(window.compared, members, len(guide))
            turn = _channel_axes(expected)
            across = _patch_axes(expected) if fit_patches else patch.T
            gain: Image = np.square(_turned(_forward(expected, across), turn))
            gain /= gain + np.float32(1.0)
            coefficients = _forward(_grouped(patches, members, len(noisy)), across)
            coefficients = _turned(coefficients, turn)
            coefficients *= gain
            back[some] = _backward(_turned(coefficients, turn.transpose(0, 2, 1)), across)
            # The noise that is left in a channel is the mean of that along the axes.
            energy = np.einsum("gmrs,gmrs->gr", gain, gain)
            energy = np.einsum("gcr,gr->gc", np.square(turn), energy)
            weights[some] = 1.0 / np.maximum(energy, _LEAST_ENERGY)
        return back, weights

    return (yield from _everywhere(noisy.shape, guide, search, filtered))


def _everywhere(
    shape: tuple[int, ...],
    match: Image,
    search: Search,
    filtered: Callable[[Window], tuple[Image, Image]],
) -> Filtering:
    """Find all groups of an image, filter them, and put the patches together again.

    Parameters
    ----------
    shape : tuple of int
        Of the image, (channels, y, x).
    match : float32 ndarray, (any channels, y, x)
        What patches are compared by.
    search : Search
        Fitted to the image.
    filtered : callable
        The filtered patches of the groups of a window, and the trust in each group.
    """
    profile = _profile(search.side)
    canvas = Canvas(shape)
    parts = references(shape, search)

    def piece(corners: tuple[Indices, Indices]) -> Piece:
        window = find_groups(match, *corners, search)
        return gathered(window, *filtered(window), profile)

    for number, found in enumerate(in_order(piece, parts)):
        canvas.add(found)
        yield (number + 1) / len(parts)
    return canvas.mean()


def _room(window: Window, noisy: Image, search: Search) -> tuple[Image, Image]:
    """Arrays for the filtered patches of the groups of a window, and for their weights."""
    count, channels = len(window.members), len(noisy)
    return (
        np.empty((*window.members.shape, channels, search.side**2), np.float32),
        np.empty((count, channels), np.float32),
    )


def cosine(side: int) -> Image:
    """The orthonormal cosine transform of flattened patches, (side * side, side * side)."""
    line = dct(np.eye(side), axis=0, norm="ortho")
    return np.kron(line, line).astype(np.float32)


def _profile(side: int) -> Image:
    """Trust in the pixels of a line of a patch, (side,): less at its ends."""
    return np.kaiser(side, _KAISER).astype(np.float32)


def _few(window: Window) -> Iterator[slice]:
    """Some groups of a window at a time: as many as the cache of a processor holds."""
    for start in range(0, len(window.members), _AT_ONCE):
        yield slice(start, min(start + _AT_ONCE, len(window.members)))


def _grouped(patches: Image, members: Indices, channels: int) -> Image:
    """Patches of groups, (groups, count, channels, side * side)."""
    return patches[members].reshape(*members.shape, channels, -1)


def _channel_axes(groups: Image) -> Image:
    """Principal axes of the channels of every group, (groups, channels, axes)."""
    count, channels = groups.shape[0], groups.shape[2]
    flat = np.ascontiguousarray(groups.transpose(0, 2, 1, 3)).reshape(count, channels, -1)
    return np.linalg.eigh(flat @ flat.transpose(0, 2, 1))[1]


def _patch_axes(groups: Image) -> Image:
    """Principal axes of the patches of every group, (groups, side * side, axes)."""
    flat = groups.reshape(len(groups), -1, groups.shape[3])
    return np.linalg.eigh(flat.transpose(0, 2, 1) @ flat)[1]


def _forward(groups: Image, across: Image) -> Image:
    """Groups transformed over the pixels of the patches, and over the patches."""
    flat = haar(_across(groups, across).reshape(*groups.shape[:2], -1))
    return flat.reshape(groups.shape)


def _backward(coefficients: Image, across: Image) -> Image:
    """The inverse of `_forward`."""
    groups = inverse_haar(coefficients.reshape(*coefficients.shape[:2], -1))
    return _across(groups.reshape(coefficients.shape), across.swapaxes(-2, -1))


def _across(groups: Image, matrix: Image) -> Image:
    """The pixels of the patches, as rows, times a matrix, or one of each group."""
    # As few and large products as there can be: one for all groups, or one a group.
    flat = groups.reshape(*matrix.shape[:-2], -1, groups.shape[-1])
    return np.asarray(flat @ matrix).reshape(groups.shape)


def _turned(groups: Image, turn: Image) -> Image:
    """The channels of each group turned to its axes, (groups, channels, axes)."""
    return np.asarray(turn.transpose(0, 2, 1)[:, None] @ groups)
