"""Pieces of a cube that were read, kept in memory up to a size."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

Box = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""First and last-plus-one band, row and column of a level."""


class HeldPieces:
    """The pieces that were used last; whoever shares it between threads has a lock.

    Parameters
    ----------
    most_bytes : int
        At most so much is held, but for a single piece.
    most_single : int
        Pieces of at most so many bands are kept band by band.

    Attributes
    ----------
    most_bytes : int
    """

    def __init__(self, most_bytes: int, most_single: int) -> None:
        self.most_bytes = most_bytes
        self._most_single = most_single
        self._pieces: OrderedDict[tuple[int, Box], npt.NDArray[Any]] = OrderedDict()
        self._held = 0

    def keep(self, level: int, box: Box, values: npt.NDArray[Any]) -> None:
        """Keep a piece, in place of the ones that were used longest ago.

        Parameters
        ----------
        level : int
        box : Box
            Of that level.
        values : ndarray
            Of the shape of `box`.
        """
        (first, last), rows, columns = box
        for band in range(first, last) if last - first <= self._most_single else ():
            one = np.ascontiguousarray(values[band - first : band - first + 1])
            self._put((level, ((band, band + 1), rows, columns)), one)
        if last - first > self._most_single:
            self._put((level, box), values)
        while self._held > self.most_bytes and len(self._pieces) > 1:
            _, old = self._pieces.popitem(last=False)
            self._held -= old.nbytes

    def find(self, level: int, box: Box) -> npt.NDArray[Any] | None:
        """The values of a box of a level, if a piece holds them."""
        for key in reversed(self._pieces):
            if key[0] == level and _inside(box, key[1]):
                self._pieces.move_to_end(key)
                place = tuple(
                    slice(a - c, b - c) for (a, b), (c, _) in zip(box, key[1], strict=True)
                )
                return self._pieces[key][place]
        return None

    def _put(self, key: tuple[int, Box], values: npt.NDArray[Any]) -> None:
        before = self._pieces.pop(key, None)
        self._held += values.nbytes - (0 if before is None else before.nbytes)
        self._pieces[key] = values


def _inside(box: Box, held: Box) -> bool:
    return all(c <= a and b <= d for (a, b), (c, d) in zip(box, held, strict=True))
