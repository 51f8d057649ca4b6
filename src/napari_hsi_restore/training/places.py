"""Where in a scene patches are cut: more often where shrinking loses much."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.degradations import resize_bicubic

SPACING = 4
"""Pixels between the places that are told apart; between them a place is drawn at random."""


@dataclasses.dataclass(frozen=True, eq=False)
class Places:
    """Places of a patch in a scene, each with a chance.

    Attributes
    ----------
    cumulative : float64 ndarray, (rows columns,)
        Of the chances of the places, row by row, up to 1.
    columns : int
        Places in a row.
    last : tuple of int
        Highest row and column, in pixels, at which a patch fits.
    """

    cumulative: npt.NDArray[np.float64]
    columns: int
    last: tuple[int, int]

    def draw(self, rng: np.random.Generator) -> tuple[int, int]:
        """Row and column of the first pixel of a patch with its margin."""
        place = int(np.searchsorted(self.cumulative, rng.random(), side="right"))
        place = min(place, len(self.cumulative) - 1)
        row, column = (
            int(SPACING * index + rng.integers(SPACING)) for index in divmod(place, self.columns)
        )
        return min(row, self.last[0]), min(column, self.last[1])


def lost(cube: npt.NDArray[np.float32], scale: int) -> npt.NDArray[np.float64]:
    """What a cube loses when it is shrunk and enlarged again by bicubic resampling.

    Parameters
    ----------
    cube : float32 ndarray, (bands, y, x)
    scale : int

    Returns
    -------
    float64 ndarray, (y, x)
        Mean over the bands of the squared difference, without the last rows and columns of a
        cube whose sides are no multiples of `scale`.
    """
    height, width = (length // scale * scale for length in cube.shape[1:])
    whole = cube[:, :height, :width]
    again = resize_bicubic(resize_bicubic(whole, scale=1 / scale), scale=scale)
    energy: npt.NDArray[np.float64] = np.square(whole - again).mean(axis=0, dtype=np.float64)
    return energy


def places_of(energy: npt.NDArray[np.float64], border: int, side: int) -> Places:
    """Places with chances in proportion to the root mean square of what a patch loses.

    Parameters
    ----------
    energy : float64 ndarray, (y, x)
        Of the scene with its border; see `lost`.
    border : int
        Margin of a patch in pixels, which does not count.
    side : int
        Of a patch without its margin, in pixels.
    """
    inner = energy[border : energy.shape[0] - border, border : energy.shape[1] - border]
    sums = np.pad(inner.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    windows = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    last = (windows.shape[0] - 1, windows.shape[1] - 1)
    # The floor keeps a scene without detail, and rounding below zero, from harm.
    chances = np.sqrt(np.maximum(windows[::SPACING, ::SPACING], 0.0)) + 1e-9
    cumulative = chances.ravel().cumsum()
    return Places(cumulative / cumulative[-1], chances.shape[1], last)
