"""Cutting an image into tiles whose joined results equal the whole."""

from __future__ import annotations

import dataclasses
import itertools


@dataclasses.dataclass(frozen=True)
class Tile:
    """One tile and what has to be read for it, in rows and columns of the image.

    Attributes
    ----------
    rows, columns : slice
        What the tile gives.
    read_rows, read_columns : slice
        The same with the halo, cut off at the border of the image.
    """

    rows: slice
    columns: slice
    read_rows: slice
    read_columns: slice

    @property
    def rows_count(self) -> int:
        """Rows that the tile gives."""
        return int(self.rows.stop - self.rows.start)

    @property
    def columns_count(self) -> int:
        """Columns that the tile gives."""
        return int(self.columns.stop - self.columns.start)

    @property
    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of the tile within what was read."""
        return (
            slice(self.rows.start - self.read_rows.start, self.rows.stop - self.read_rows.start),
            slice(
                self.columns.start - self.read_columns.start,
                self.columns.stop - self.read_columns.start,
            ),
        )


def plan(
    region: tuple[slice, slice], shape: tuple[int, int], side: int, halo: int, multiple: int = 1
) -> list[Tile]:
    """Tiles that cover a region once, row by row.

    Parameters
    ----------
    region : pair of slice
        Rows and columns to cover, with explicit start and stop.
    shape : pair of int
        Rows and columns of the image.
    side : int
        Side of a tile; tiles of a row or column are made about equally large.
    halo : int
        Pixels to read beyond a tile. With a halo of the network's reach, the zeros
        that convolutions assume beyond the read part never touch the tile, except at
        the border of the image, where the whole image has them too.
    multiple : int
        What is read begins at a multiple of this.

    Returns
    -------
    list of Tile
    """
    return [
        Tile(
            rows,
            columns,
            _wider(rows, shape[0], halo, multiple),
            _wider(columns, shape[1], halo, multiple),
        )
        for rows in _cuts(region[0], side)
        for columns in _cuts(region[1], side)
    ]


def _cuts(span: slice, side: int) -> list[slice]:
    length = span.stop - span.start
    count = -(-length // side)
    edges = [span.start + length * index // count for index in range(count + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(edges)]


def _wider(span: slice, length: int, halo: int, multiple: int) -> slice:
    start = max(0, span.start - halo)
    return slice(start - start % multiple, min(length, span.stop + halo))
