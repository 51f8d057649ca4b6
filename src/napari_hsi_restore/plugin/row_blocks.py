"""Reading a cube some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

from napari_hsi_restore.cube import HyperCube

_BLOCK_VALUES = 8_000_000


def row_blocks(cube: HyperCube, bands: int) -> Iterator[slice]:
    """Cut the rows of a cube so that a block of so many bands holds at most 8 million values."""
    _, height, width = cube.shape
    step = max(1, _BLOCK_VALUES // (bands * width))
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))
