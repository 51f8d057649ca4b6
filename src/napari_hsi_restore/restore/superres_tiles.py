"""The enlargement itself: bands and tiles of a cube into a larger array."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.events import Event
from napari_hsi_restore.restore.fill import grown
from napari_hsi_restore.restore.phase import phase
from napari_hsi_restore.restore.request import Region
from napari_hsi_restore.restore.statistics import BLOCK_VALUES
from napari_hsi_restore.restore.superres_source import Source
from napari_hsi_restore.restore.tile_loop import budget, largest_side, run_tiles
from napari_hsi_restore.restore.tiling import Tile, plan
from napari_hsi_restore.zoo.records import ModelRecord

Block = npt.NDArray[np.float32]

CPU_SIDE = 192
"""Side of the largest tile on a CPU, in pixels of the input: cancelling waits for a part of it."""

MIRRORED = 8
"""Pixels that the networks see mirrored beyond the edges, as resampling does [ours]."""


def larger(shape: tuple[int, ...], scale: int) -> tuple[int, int, int]:
    """Shape of a cube of a shape, (bands, y, x), when it is enlarged."""
    return shape[0], scale * shape[1], scale * shape[2]


def resampled(low: Block, enlarged: Block) -> Generator[float, None, None]:
    """Enlarge every band by bicubic resampling."""
    for band in range(len(low)):
        enlarged[band] = resize_bicubic(low[band : band + 1], size=enlarged.shape[1:])[0]
        yield (band + 1) / len(low)


def through(
    source: Source,
    record: ModelRecord,
    enlarged: Block,
    span: tuple[float, float],
    available: float | None = None,
) -> Generator[Event, None, None]:
    """Send the cube through a network, tile by tile.

    Parameters
    ----------
    source : Source
    record : ModelRecord
    enlarged : float32 ndarray, (active bands, scale y, scale x)
        Gets the result.
    span : pair of float
        Where in the progress of the whole this begins and ends.
    available : float, optional
        Bytes that a tile may take; None for what the recipe allows.
    """
    enlarger = source.enlarger(record)
    shape = source.low.shape[1:]
    if available is None:
        available = budget(source.recipe.memory_limit_gib, source.device)

    def bytes_of(side: int) -> float:
        height, width = (min(side + 2 * enlarger.halo, length + 2 * MIRRORED) for length in shape)
        return enlarger.bytes(height * width)

    begun: list[Tile] = []

    def work(tile: Tile) -> Iterator[float]:
        begun.append(tile)
        block = source.low[:, tile.read_rows, tile.read_columns]
        edges = [
            (MIRRORED * (read.start == 0), MIRRORED * (read.stop == length))
            for read, length in zip((tile.read_rows, tile.read_columns), shape, strict=True)
        ]
        block = np.ascontiguousarray(np.pad(block, ((0, 0), *edges), mode="symmetric"))
        rows, columns = (scaled(part, record.scale) for part in (tile.rows, tile.columns))
        inside = tuple(
            scaled(slice(part.start + before, part.stop + before), record.scale)
            for part, (before, _) in zip(tile.inside, edges, strict=True)
        )
        for fraction, ready in enlarger.enlarge(block, available):
            if ready is not None:
                enlarged[ready.bands, rows, columns] = ready.values[:, *inside]
            yield fraction

    most = largest_side(bytes_of, available, source.cube.name)
    if source.device.name == "cpu":
        most = min(most, CPU_SIDE)
    side = source.recipe.tile or most
    region = slice(0, shape[0]), slice(0, shape[1])
    tiles = run_tiles(region, shape, side, work, halo=enlarger.halo, name=source.cube.name)
    count = len(plan(region, shape, side, enlarger.halo))

    def message() -> str:
        # Tiles that are halved when memory runs out were not counted.
        of = f" of {count}" if len(begun) <= count else ""
        return f"enlarging with {record.name}, tile {len(begun)}{of}"

    yield from phase(tiles, span, message)


def scaled(span: slice, scale: int) -> slice:
    """Rows or columns of the result that those of the input become."""
    return slice(scale * span.start, scale * span.stop)


def inner(read: Region, whole: Region, scale: int) -> tuple[slice, ...]:
    """A region within what was read, in pixels of the result."""
    return tuple(
        scaled(slice(inner.start - outer.start, inner.stop - outer.start), scale)
        for outer, inner in zip(read, whole, strict=True)
    )


def pass_through(
    cube: HyperCube, bands: npt.NDArray[np.intp], read: Region, whole: Region, result: Block
) -> None:
    """Enlarge bands by bicubic resampling alone.

    Parameters
    ----------
    cube : HyperCube
    bands : intp ndarray, (n,)
    read : pair of slice
        Rows and columns of the cube that are looked at: those of `whole` and beyond.
    whole : pair of slice
        Rows and columns that are enlarged.
    result : float32 ndarray, (bands, scale rows, scale columns)
        Gets these bands.
    """
    rows, _ = whole
    scale = result.shape[1] // (rows.stop - rows.start)
    size = larger((1, *(span.stop - span.start for span in read)), scale)[1:]
    cut = inner(read, whole, scale)
    for band in bands:
        stored = np.asarray(cube.data[band, *read])
        plane = grown(stored.astype(np.float32), cube.valid(stored))
        result[band] = resize_bicubic(plane[None], size=size)[0][cut]


def put_back_gaps(cube: HyperCube, whole: Region, scale: int, result: Block) -> None:
    """Mark what comes from pixels without a measurement as no-data, in place."""
    missing = np.float32(np.nan if cube.nodata is None else cube.nodata)
    rows, columns = whole
    step = max(1, BLOCK_VALUES // (cube.n_bands * (columns.stop - columns.start)))
    for start in range(rows.start, rows.stop, step):
        part = slice(start, min(start + step, rows.stop))
        valid = cube.valid(np.asarray(cube.data[:, part, columns]))
        if valid.all():
            continue
        place = scaled(slice(part.start - rows.start, part.stop - rows.start), scale)
        for band in np.flatnonzero(~valid.all(axis=(1, 2))):
            gaps = np.kron(~valid[band], np.ones((scale, scale), dtype=bool))
            result[band, place][gaps] = missing
