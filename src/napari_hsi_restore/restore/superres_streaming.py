"""Enlarging cubes by the workers of a Dask cluster: pieces that are computed when they are written.

Spectra are measured, and ``"auto"`` is checked, first and in this process. The result is a lazy
cube, a chunk a piece of the image with all bands, as that of
`napari_hsi_restore.restore.streaming`. What FineSR and back-projection do depends on the
whole image, for a step is refused by the mean angle over all of it; pieces have no correction.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Generator, Iterator
from typing import Any, TypeVar

import dask
import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Progress
from napari_hsi_restore.restore import devices
from napari_hsi_restore.restore.cluster import check_sendable, most_threads, share, values_of
from napari_hsi_restore.restore.fill import RINGS
from napari_hsi_restore.restore.request import Region, check_bands, measure_spectra, whole_region
from napari_hsi_restore.restore.room import Room
from napari_hsi_restore.restore.statistics import SpectralStatistics
from napari_hsi_restore.restore.superres import (
    MARGIN,
    SPECTRA,
    checked,
    finer,
    history_entry,
)
from napari_hsi_restore.restore.superres_check import Choice, known_of
from napari_hsi_restore.restore.superres_recipe import (
    BACK_PROJECTION,
    BICUBIC,
    CLASSICAL,
    CORRECTIONS,
    SuperresRecipe,
    model_for,
    settled,
)
from napari_hsi_restore.restore.superres_size import VALUE_BYTES, check_smallest_tile
from napari_hsi_restore.restore.superres_source import Source, filled_region, sees_white, white_of
from napari_hsi_restore.restore.superres_tiles import (
    MIRRORED,
    inner,
    larger,
    pass_through,
    put_back_gaps,
    resampled,
    through,
)
from napari_hsi_restore.restore.tile_loop import budget
from napari_hsi_restore.restore.tiling import Tile, plan
from napari_hsi_restore.zoo.records import ModelRecord, find

SIDES = (256, 192, 128, 96, 64, 48, 32)
"""Of a piece, in pixels of the input, to choose from unless the recipe says otherwise [ours]."""

_HELD = 2
"""Copies of an enlarged piece that its worker holds."""

Block = npt.NDArray[np.float32]
Result = TypeVar("Result")


def superres_in_pieces(
    cube: HyperCube, recipe: SuperresRecipe, *, elsewhere: bool = False
) -> Iterator[Event]:
    """Prepare the enlarging of a cube, to be computed when it is written.

    The values are those of `napari_hsi_restore.restore.superres` without correction, within
    1e-4 of the value range.

    Parameters
    ----------
    cube : HyperCube
        Lazy or mapped where it is large.
    recipe : SuperresRecipe
        Without correction (`fine`); `tile` is the side of a piece in pixels of the input.
        Where ``"auto"`` would take back-projection it takes bicubic resampling.
    elsewhere : bool
        Whether other processes are to compute, which open the file of the cube themselves.

    Yields
    ------
    Progress
    Done
        With the lazy `HyperCube`, float32, in the units of the source.

    Raises
    ------
    UserError
        As `napari_hsi_restore.restore.superres` does; for a correction or a method that
        needs the whole image at once; or if other processes cannot open the cube.
    """
    yield Progress(0.0, "measuring the spectra")
    _check(recipe)
    record = model_for(recipe, cube.shape)
    if elsewhere:
        check_sendable(cube)
    device = devices.choose(recipe.device)
    available = budget(recipe.memory_limit_gib, device) / most_threads()
    if record is not None:
        check_bands(cube, record)
    recipe = settled(recipe, record, cube.shape)
    # What auto finds unfit falls back to a method that needs no tiles.
    if record is not None and recipe.model != "auto":
        check_smallest_tile(cube, recipe, record, available, MIRRORED)
    known = known_of(cube)
    statistics = yield from measure_spectra(cube, SPECTRA, known.spectra)
    choice = None
    if recipe.model == "auto" and record is not None:
        steps = checked(cube, recipe, record, np.flatnonzero(statistics.active), known)
        choice = _local((yield from steps))
        record = None if choice.method in CLASSICAL else record
    if record is None:
        recipe = recipe.classical(BICUBIC)
    white = None
    if record is not None and sees_white(record):
        white = white_of(cube, np.flatnonzero(statistics.active))
    work = _Work(recipe, record, statistics, white)
    values = _lazy(cube, work, available)
    entry = history_entry(cube, recipe, record, choice, device)
    place = None if cube.georeference is None else finer(cube.georeference, recipe.scale)
    history = (*cube.history, json.dumps(entry))
    yield Done(cube.replace(data=values, georeference=place, history=history))


def _check(recipe: SuperresRecipe) -> None:
    """Refuse what needs the whole image."""
    if recipe.model == BACK_PROJECTION:
        raise UserError(
            "model 'back-projection' works on the whole image at once, and this cube is enlarged "
            "in pieces; choose another model, or leave out --scheduler."
        )
    if recipe.model != BICUBIC and recipe.fine != CORRECTIONS["none"]:
        raise UserError(
            "setting 'fine': whether a correction is taken depends on the whole image, and this "
            "cube is enlarged in pieces; give none, or leave out --scheduler."
        )


def _local(choice: Choice) -> Choice:
    """The choice of ``"auto"`` where only what needs a part of the image can be done."""
    if choice.method != BACK_PROJECTION:
        return choice
    reason = f"{choice.reason}; bicubic in its place, for it needs the whole image at once"
    return dataclasses.replace(choice, method=BICUBIC, reason=reason)


@dataclasses.dataclass(frozen=True, eq=False)
class _Work:
    """What is done to every piece.

    Attributes
    ----------
    recipe : SuperresRecipe
    record : ModelRecord or None
        None for bicubic resampling alone.
    statistics : SpectralStatistics
        Of the whole cube.
    white : float or None
        Value of the whole cube that the network sees as 1, where it sees one.
    """

    recipe: SuperresRecipe
    record: ModelRecord | None
    statistics: SpectralStatistics
    white: float | None


def _lazy(cube: HyperCube, work: _Work, available: float) -> da.Array:
    """The enlarged values, a chunk a piece."""
    scale = work.recipe.scale
    halo = RINGS + max(MARGIN, 0 if work.record is None else work.record.halo)
    side = work.recipe.tile or _side(cube, scale, halo, available)
    # Not pure: for names that follow from the values dask would read the whole file now.
    common = dask.delayed(work, pure=False)  # type: ignore[attr-defined]
    piece = dask.delayed(_enlarged, pure=False)  # type: ignore[attr-defined]
    rows: list[Any] = []
    tiles = plan(whole_region(cube, None), cube.shape[1:], side, halo)
    for _, row in itertools.groupby(tiles, key=lambda tile: tile.rows.start):
        pieces = [
            da.from_delayed(  # type: ignore[no-untyped-call]
                piece(cube.crop(tile.read_rows, tile.read_columns), tile.inside, common),
                _shape(cube.n_bands, tile, scale),
                np.float32,
            )
            for tile in row
        ]
        rows.append(da.concatenate(pieces, axis=2))  # type: ignore[no-untyped-call]
    found: da.Array = da.concatenate(rows, axis=1)  # type: ignore[no-untyped-call]
    return found


def _shape(bands: int, tile: Tile, scale: int) -> tuple[int, int, int]:
    return larger((bands, tile.rows_count, tile.columns_count), scale)


def _side(cube: HyperCube, scale: int, halo: int, available: float) -> int:
    """Side of a piece of which a thread may hold the enlarged values."""
    for side in SIDES[:-1]:
        pixels = float(scale * (side + 2 * halo)) ** 2
        if _HELD * VALUE_BYTES * cube.n_bands * pixels <= available:
            return side
    return SIDES[-1]


def _enlarged(piece: HyperCube, inside: Region, work: _Work) -> Block:
    """The enlarged inside of a piece that was cut out with what its inside depends on."""
    scale = work.recipe.scale
    device = devices.choose(work.recipe.device)
    with share(work.recipe.memory_limit_gib, device) as available:
        cube = piece.replace(data=values_of(piece), white_level=work.white)
        rows, columns = inside
        shape = cube.n_bands, rows.stop - rows.start, columns.stop - columns.start
        result = np.empty(larger(shape, scale), np.float32)
        read = whole_region(cube, None)
        active = np.flatnonzero(work.statistics.active)
        room = Room()
        low, _ = _returned(filled_region(cube, work.statistics, read, room))
        enlarged = room.array(larger(low.shape, scale))
        if work.record is None:
            _returned(resampled(low, enlarged))
        else:
            _check_weights(work.record)
            source = Source(cube, work.recipe, device, active, work.statistics, low, room)
            _returned(through(source, work.record, enlarged, (0.0, 1.0), available))
        result[active] = enlarged[:, *inner(read, inside, scale)]
        pass_through(cube, np.setdiff1d(np.arange(cube.n_bands), active), read, inside, result)
        put_back_gaps(cube, inside, scale, result)
    return result


def _check_weights(record: ModelRecord) -> None:
    """Refuse to compute a piece with another model than the other pieces."""
    if find(record.name)[0].sha256 != record.sha256:
        raise UserError(
            f"model '{record.name}' is another one where a piece was to be computed; install the "
            "same models everywhere."
        )


def _returned(task: Generator[Any, None, Result]) -> Result:
    """Run a task to its end."""
    while True:
        try:
            next(task)
        except StopIteration as end:
            result: Result = end.value
            return result
