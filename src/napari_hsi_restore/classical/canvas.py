"""Overlapping patches put back together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from napari_hsi_restore.classical.grouping import Window

Image = npt.NDArray[np.float32]


class Canvas:
    """Weighted mean of overlapping patches.

    Parameters
    ----------
    shape : tuple of int
        (channels, y, x).
    side : int
        Side of the patches.
    """

    def __init__(self, shape: tuple[int, int, int], side: int) -> None:
        self._side = side
        self._total = np.zeros(shape, np.float32)
        self._weight = np.zeros(shape, np.float32)

    def room(self, window: Window) -> tuple[Image, Image]:
        """Arrays for the groups of a window and their weights, to be filled and added."""
        count, channels = len(window.members), len(self._total)
        return (
            np.empty((*window.members.shape, channels, self._side**2), np.float32),
            np.empty((count, channels), np.float32),
        )

    def add(self, window: Window, groups: Image, weights: Image, profile: Image) -> None:
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
        self._fold(window, summed.reshape(corners, channels, -1), trust, profile)

    def _fold(self, window: Window, summed: Image, trust: Image, profile: Image) -> None:
        rows, columns = window.shape
        planes = np.ascontiguousarray(summed.transpose(1, 2, 0))
        planes = planes.reshape(len(planes), -1, rows, columns)
        levels = np.ascontiguousarray(trust.T).reshape(-1, rows, columns)
        wide = np.zeros((len(levels), rows, columns + self._side - 1), np.float32)
        for dx in range(self._side):
            wide[:, :, dx : dx + columns] += levels * profile[dx]
        for dy in range(self._side):
            down = slice(window.rows.start + dy, window.rows.stop + dy)
            along = slice(window.columns.start, window.columns.stop + self._side - 1)
            self._weight[:, down, along] += wide * profile[dy]
            for dx in range(self._side):
                along = slice(window.columns.start + dx, window.columns.stop + dx)
                self._total[:, down, along] += planes[:, dy * self._side + dx]

    def mean(self) -> Image:
        """The weighted mean, float32 (channels, y, x); every pixel must have been covered."""
        return self._total / self._weight
