"""The one door through which a cube is enlarged."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Generator, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.events import Done, Event, Progress
from napari_hsi_restore.restore import devices
from napari_hsi_restore.restore.bad_bands import bad_bands
from napari_hsi_restore.restore.consistency import Consistency, measured
from napari_hsi_restore.restore.fill import RINGS
from napari_hsi_restore.restore.fine import FineReport, refine
from napari_hsi_restore.restore.phase import finished, phase
from napari_hsi_restore.restore.request import Region, check_bands, measure_spectra, whole_region
from napari_hsi_restore.restore.room import Room
from napari_hsi_restore.restore.superres_check import Choice, Known, choose, known_of
from napari_hsi_restore.restore.superres_recipe import (
    CLASSICAL,
    TURNS,
    SuperresRecipe,
    half_model,
    model_for,
    settled,
)
from napari_hsi_restore.restore.superres_size import (
    check_memory,
    check_planes,
    check_smallest_tile,
    result_shape,
)
from napari_hsi_restore.restore.superres_source import Source, filled_region
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
from napari_hsi_restore.zoo.records import ModelRecord

Block = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Result = TypeVar("Result")

SPECTRA, CHECKED, READ, HALF, WHOLE, FINE = 0.05, 0.15, 0.17, 0.25, 0.5, 0.95
"""Where in the progress measuring, checking, reading, both networks and the correction end."""

MARGIN = 4
"""Pixels of the input beyond a region that the resampling of the corrections looks at."""


def enlarge(cube: HyperCube, recipe: SuperresRecipe, folder: Path | None = None) -> HyperCube:
    """Enlarge a cube and wait for it; see `superres`."""
    return finished(superres(cube, recipe, folder=folder))


def superres(
    cube: HyperCube,
    recipe: SuperresRecipe,
    *,
    region: Region | None = None,
    out: Block | None = None,
    known: Known | None = None,
    folder: Path | None = None,
) -> Iterator[Event]:
    """Enlarge a cube in tiles, and correct the result.

    Gaps are filled from their rims for the network and are no-data in the result. Bands
    without two different valid values, and those that the file marks as bad, are
    enlarged by bicubic resampling, and no other band sees them. Nothing is clipped.
    The model ``"auto"`` is checked on the cube first
    (`napari_hsi_restore.restore.superres_check`), and where it does not help a classical
    method takes its place.

    Parameters
    ----------
    cube : HyperCube
    recipe : SuperresRecipe
    region : pair of slice, optional
        Rows and columns of the input to enlarge, for a preview. Everything is measured
        on the whole cube but the one weight of FineSR, which is that of the region.
    out : float32 ndarray, (bands, scale rows, scale columns), optional
        Where the result goes, for example a memory map.
    known : Known, optional
        What earlier runs found out about this very cube; gets what is found out now.
    folder : Path, optional
        Where everything as large as the cube lies in files for as long as it is needed,
        with `out` (else the result lies there, too): the memory then holds a tile and a few
        enlarged bands, and the values are the same. None for memory.

    Yields
    ------
    Progress
        Several a tile. Closing the generator cancels.
    Done
        With the enlarged `HyperCube`: float32, in the units of the source, with its
        wavelengths and no-data value; its pixels are smaller and the outer corner of
        the first one stays. The line of history that is added says which method was
        taken and why, what FineSR did, and how the result, shrunk again, meets the input
        (`Consistency`); `napari_hsi_restore.restore.superres_outcome` puts it in words.

    Raises
    ------
    UserError
        For a model that is missing or of another scale, an unknown device, a cube with
        nothing to enlarge, or too little memory for the result or the smallest tile.
    """
    yield Progress(0.0, "measuring the spectra")
    whole = whole_region(cube, region)
    record = model_for(recipe, cube.shape)
    if record is not None:
        check_bands(cube, record)
    recipe = settled(recipe, record, cube.shape)
    device = devices.choose(recipe.device)
    room = Room(folder)
    if folder is None:
        check_memory(cube, recipe, region, mapped=out is not None)
    else:
        check_planes(cube, recipe, region)
    # What auto finds unfit falls back to a method that needs no tiles.
    if record is not None and recipe.model != "auto":
        available = budget(recipe.memory_limit_gib, device)
        check_smallest_tile(cube, recipe, record, available, MIRRORED)
    result = room.array(result_shape(cube, recipe.scale, whole)) if out is None else out
    known = known or known_of(cube)
    statistics = yield from measure_spectra(cube, SPECTRA, known.spectra)
    active = np.flatnonzero(statistics.active)
    choice = None
    if recipe.model == "auto" and record is not None:
        choice = yield from checked(cube, recipe, record, active, known)
        record = None if choice.method in CLASSICAL else record
    if record is None:
        recipe = recipe.classical(recipe.model if choice is None else choice.method)
    halo = 0 if record is None else record.halo
    read = whole if region is None else _wider(whole, cube, halo + _margin(recipe) + RINGS)
    steps = filled_region(cube, statistics, read, room)
    low, valid = yield from phase(steps, (CHECKED, READ), "reading the cube")
    source = Source(cube, recipe, device, active, statistics, low, room)
    half = None if record is None else (yield from _half(source, record))
    # Without margins and passive bands the network can write into the result itself.
    direct = read == whole and len(active) == cube.n_bands
    enlarged = result if direct else room.array(larger(low.shape, recipe.scale))
    if record is None:
        yield from phase(resampled(low, enlarged), (READ, WHOLE), "enlarging by bicubic")
    else:
        yield from through(source, record, enlarged, (HALF, WHOLE))
    report = yield from phase(
        refine(enlarged, half, low, recipe.fine, np.all(valid, axis=0), room=room),
        (WHOLE, FINE),
        "correcting by the input",
    )
    consistency = yield from phase(
        measured(enlarged, low, valid, room=room), (FINE, 1.0), "comparing with the input"
    )
    if not direct:
        result[active] = enlarged[:, *inner(read, whole, recipe.scale)]
        pass_through(cube, np.setdiff1d(np.arange(cube.n_bands), active), read, whole, result)
    put_back_gaps(cube, whole, recipe.scale, result)
    entry = history_entry(cube, recipe, record, choice, device)
    entry |= _said(report, half is not None, consistency)
    part = cube.crop(*whole)
    place = None if part.georeference is None else finer(part.georeference, recipe.scale)
    history = (*cube.history, json.dumps(entry))
    yield Done(part.replace(data=result, georeference=place, history=history))


def finer(georeference: Georeference, scale: int) -> Georeference:
    """The georeference of pixels that are smaller by a factor; the outer corner stays."""
    a, b, c, d, e, f = georeference.transform
    smaller = (a / scale, b / scale, c, d / scale, e / scale, f)
    return dataclasses.replace(georeference, transform=smaller)


def _wider(region: Region, cube: HyperCube, by: int) -> Region:
    rows, columns = (
        slice(max(0, span.start - by), min(length, span.stop + by))
        for span, length in zip(region, cube.shape[1:], strict=True)
    )
    return rows, columns


def checked(
    cube: HyperCube,
    recipe: SuperresRecipe,
    record: ModelRecord,
    active: npt.NDArray[np.intp],
    known: Known,
) -> Generator[Event, None, Choice]:
    """What ``auto`` means for a cube.

    Parameters
    ----------
    cube : HyperCube
    recipe : SuperresRecipe
    record : ModelRecord
        The model that fits scale and bands.
    active : intp ndarray, (n,)
        Bands to look at.
    known : Known
        Earlier checks; gets the new one.
    """
    check = choose(cube, recipe, record, active, superres, checks=known.checks)
    message = f"checking {record.name} on the cube shrunk by {recipe.scale}"
    return (yield from phase(check, (SPECTRA, CHECKED), message))


def _margin(recipe: SuperresRecipe) -> int:
    """Pixels of the input that the corrections look beyond a region."""
    return MARGIN * max(1, recipe.fine.consistency_steps)


def _half(source: Source, record: ModelRecord) -> Generator[Event, None, Block | None]:
    """The cube at half the scale, which FineSR compares with; None where that cannot be."""
    scale = source.recipe.scale
    if source.recipe.fine.half_step == "none" or scale % 2:
        return None
    if scale == 2:
        return source.low
    smaller = half_model(record)
    if smaller is None:
        return None
    half = source.room.array(larger(source.low.shape, scale // 2))
    yield from through(source, smaller, half, (READ, HALF))
    return half


def _spared(cube: HyperCube) -> dict[str, Any]:
    """What the history says of bands that are marked as bad, if there are any."""
    bad = [int(band) for band in bad_bands(cube)]
    return {"bad_bands": {"done": "resampled", "bands": bad}} if bad else {}


def _said(report: FineReport, compared: bool, consistency: Consistency) -> dict[str, Any]:
    """What the history says of the corrections."""
    fine = {
        "done": report.accepted,
        "refused": report.refused,
        "half_scale": compared,
        "angle_to_input_deg": [round(report.angle_before, 4), round(report.angle_after, 4)],
    }
    return {"fine": fine, "consistency": dataclasses.asdict(consistency)}


def history_entry(
    cube: HyperCube,
    recipe: SuperresRecipe,
    record: ModelRecord | None,
    choice: Choice | None,
    device: devices.DeviceInfo,
) -> dict[str, Any]:
    """What the history says of a run, but for the corrections.

    Parameters
    ----------
    cube : HyperCube
    recipe : SuperresRecipe
        Of what was done in the end.
    record : ModelRecord or None
        None for a classical method.
    choice : Choice or None
        What became of ``"auto"``.
    device : DeviceInfo
    """
    return {
        "step": "superres",
        "source": cube.source,
        "scale": recipe.scale,
        "model": recipe.model if record is None else record.name,
        "weights_sha256": None if record is None else record.sha256,
        "turns_averaged": TURNS if record is not None and recipe.ensemble else 1,
        "chosen": None if choice is None else dataclasses.asdict(choice),
        "fine": None,
        "consistency": None,
        **_spared(cube),
        "device": device.label,
        "version": version("napari-hsi-restore"),
    }
