"""Similar patches of an image.

All channels of an image share their groups: a patch is a square of pixels with all its
channels, and one search serves every filter that works on groups.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

# Reference patches a side that are searched together: their windows overlap, so that
# one matrix product finds all distances.
_TILE = 8


@dataclasses.dataclass(frozen=True)
class Search:
    """How groups are formed.

    Attributes
    ----------
    side : int
        Side of a patch in pixels.
    step : int
        Distance of the reference patches in pixels.
    radius : int
        How far from its reference a similar patch is looked for, in pixels; a few
        pixels more where references are searched together.
    count : int
        Patches of a group.
    """

    side: int
    step: int
    radius: int
    count: int

    def fitted(self, height: int, width: int) -> Search:
        """The same search made small enough for a small image."""
        side = max(1, min(self.side, height // 2, width // 2))
        places = (height - side + 1) * (width - side + 1)
        # In a corner of the image a patch has neighbours on two sides only.
        window = (min(self.radius, height - side) + 1) * (min(self.radius, width - side) + 1)
        count = self.count
        while count > min(places, window):
            count //= 2
        return dataclasses.replace(self, side=side, step=min(self.step, side), count=max(1, count))


@dataclasses.dataclass(frozen=True, eq=False)
class Window:
    """The groups of some neighbouring reference patches.

    Attributes
    ----------
    rows, columns : slice
        Upper left corners of the patches in which was searched.
    members : intp ndarray, (groups, count)
        The patches of every group, the reference first, as flat indices of the
        corners in `rows` and `columns`.
    compared : float32 ndarray, (corners, channels * side * side)
        The patches that were compared.
    """

    rows: slice
    columns: slice
    members: Indices
    compared: Image

    @property
    def shape(self) -> tuple[int, int]:
        """Number of corners (y, x)."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def patches(self, image: Image, side: int) -> Image:
        """All patches of the window.

        Parameters
        ----------
        image : float32 ndarray, (channels, y, x)
        side : int

        Returns
        -------
        float32 ndarray, (corners, channels * side * side)
        """
        part = image[
            :,
            self.rows.start : self.rows.stop + side - 1,
            self.columns.start : self.columns.stop + side - 1,
        ]
        views = np.lib.stride_tricks.sliding_window_view(part, (side, side), axis=(1, 2))
        ordered = views.transpose(1, 2, 0, 3, 4)
        return np.ascontiguousarray(ordered).reshape(self.shape[0] * self.shape[1], -1)


def references(shape: tuple[int, ...], search: Search) -> list[tuple[Indices, Indices]]:
    """Corners of the reference patches that are searched together, as rows and columns.

    Parameters
    ----------
    shape : tuple of int
        Of the image, (..., y, x).
    search : Search
        Fitted to the image.

    Returns
    -------
    list of pair of intp ndarray
        In the order of the rows; every pixel lies in a reference patch.
    """
    rows, columns = (_references(size - search.side + 1, search.step) for size in shape[-2:])
    return [
        (rows[top : top + _TILE], columns[left : left + _TILE])
        for top in range(0, len(rows), _TILE)
        for left in range(0, len(columns), _TILE)
    ]


def _references(places: int, step: int) -> Indices:
    """Every step-th corner and the last one."""
    regular = np.arange(0, places, step)
    return regular if regular[-1] == places - 1 else np.append(regular, places - 1)


def find_groups(match: Image, rows: Indices, columns: Indices, search: Search) -> Window:
    """Find the groups of some reference patches.

    Parameters
    ----------
    match : float32 ndarray, (channels, y, x)
        What patches are compared by: the sum of squared differences.
    rows, columns : intp ndarray
        Corners of the reference patches; see `references`.
    search : Search
        Fitted to the image.
    """
    _, height, width = match.shape
    within = []
    for places, last in ((rows, height - search.side), (columns, width - search.side)):
        first = max(0, int(places[0]) - search.radius)
        within.append(slice(first, min(last, int(places[-1]) + search.radius) + 1))
    window = Window(within[0], within[1], np.empty((0, 0), np.intp), match[:0, 0])
    patches = window.patches(match, search.side)
    own = (
        (rows - within[0].start)[:, None] * window.shape[1] + (columns - within[1].start)
    ).ravel()
    distance = patches[own] @ patches.T
    distance *= -2.0
    distance += np.einsum("ij,ij->i", patches, patches)
    distance[np.arange(len(own)), own] = -np.inf
    count = search.count
    if count < distance.shape[1]:
        members = np.argpartition(distance, count - 1, axis=1)[:, :count]
    else:
        members = np.broadcast_to(np.arange(count), (len(own), count))
    order = np.argsort(np.take_along_axis(distance, members, axis=1), axis=1, kind="stable")
    return dataclasses.replace(
        window, members=np.take_along_axis(members, order, axis=1), compared=patches
    )
