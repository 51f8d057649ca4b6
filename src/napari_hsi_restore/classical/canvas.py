"""Overlapping patches put back together."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from scipy import sparse

from napari_hsi_restore.classical.grouping import Window

Image = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """The groups of one window, put together.

    Attributes
    ----------
    place : pair of slice
        Rows and columns of the image.
    total, weight : float32 ndarray, (channels, rows, columns)
        Weighted sum, and sum of the weights.
    """

    place: tuple[slice, slice]
    total: Image
    weight: Image


def gathered(window: Window, groups: Image, weights: Image, profile: Image) -> Piece:
    """Put groups of patches where they came from.

    Parameters
    ----------
    window : Window
    groups : float32 ndarray, (groups, count, channels, side * side)
        Scaled in place.
    weights : float32 ndarray, (groups, channels)
        Trust in each group, the same for all its patches.
    profile : float32 ndarray, (side,)
        Trust in each pixel of a line of a patch; that in a pixel is the product.
    """
    members = window.members.ravel()
    corners = window.shape[0] * window.shape[1]
    gather = sparse.csr_array(
        (np.ones(members.size, np.float32), members, np.arange(members.size + 1)),
        shape=(members.size, corners),
    ).T.tocsr()
    channels = groups.shape[2]
    groups *= (weights[..., None] * np.outer(profile, profile).ravel())[:, None]
    summed = gather @ groups.reshape(members.size, -1)
    trust = gather @ np.repeat(weights, window.members.shape[1], axis=0)
    return _folded(window, summed.reshape(corners, channels, -1), trust, profile)


def _folded(window: Window, summed: Image, trust: Image, profile: Image) -> Piece:
    (rows, columns), side = window.shape, len(profile)
    planes = np.ascontiguousarray(summed.transpose(1, 2, 0))
    planes = planes.reshape(len(planes), -1, rows, columns)
    levels = np.ascontiguousarray(trust.T).reshape(-1, rows, columns)
    wide = np.zeros((len(levels), rows, columns + side - 1), np.float32)
    for dx in range(side):
        wide[:, :, dx : dx + columns] += levels * profile[dx]
    total = np.zeros((len(levels), rows + side - 1, columns + side - 1), np.float32)
    weight = np.zeros_like(total)
    for dy in range(side):
        weight[:, dy : dy + rows] += wide * profile[dy]
        for dx in range(side):
            total[:, dy : dy + rows, dx : dx + columns] += planes[:, dy * side + dx]
    place = (
        slice(window.rows.start, window.rows.stop + side - 1),
        slice(window.columns.start, window.columns.stop + side - 1),
    )
    return Piece(place, total, weight)


class Canvas:
    """Weighted mean of overlapping patches.

    Parameters
    ----------
    shape : tuple of int
        (channels, y, x).
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._total = np.zeros(shape, np.float32)
        self._weight = np.zeros(shape, np.float32)

    def add(self, piece: Piece) -> None:
        """Add what `gathered` made of the groups of a window."""
        rows, columns = piece.place
        self._total[:, rows, columns] += piece.total
        self._weight[:, rows, columns] += piece.weight

    def mean(self) -> Image:
        """The weighted mean, float32 (channels, y, x); every pixel must have been covered."""
        return self._total / self._weight
