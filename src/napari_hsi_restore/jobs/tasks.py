"""What the child does for each kind of request: generators of events.

They read their input from the folder of the request and leave arrays there; the
`Done` event names no array. torch is imported when a task needs it.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Done, Event, Progress
from napari_hsi_restore.jobs import transfer
from napari_hsi_restore.jobs.protocol import Message
from napari_hsi_restore.noise import NoiseReport, analyse
from napari_hsi_restore.noise.portion import told

if TYPE_CHECKING:
    from napari_hsi_restore.restore.request import Region
    from napari_hsi_restore.restore.statistics import Measured
    from napari_hsi_restore.restore.superres_check import Known


def run(message: Message) -> Generator[Event, None, None]:
    """Do what a message asks for.

    Yields
    ------
    Event
        The last one is `Done`; its result is the name of the output in the folder
        of the request, or for ``"devices"`` a JSON list.

    Raises
    ------
    UserError
        For whatever the user can put right.
    """
    folder = Path(message.folder)
    if message.kind == "denoise":
        yield from _denoise(message, folder)
    elif message.kind == "superres":
        yield from _superres(message, folder)
    elif message.kind == "estimate_noise":
        yield from _estimate_noise(folder)
    elif message.kind == "devices":
        yield from _devices()


def warm_up() -> None:
    """Denoise next to nothing: what is imported and compiled for it is needed later."""
    from napari_hsi_restore.restore import restore
    from napari_hsi_restore.restore.recipe import DenoiseRecipe

    values = np.random.default_rng(0).random((8, 16, 16), dtype=np.float32)
    # A request that meets the same trouble reports it.
    with contextlib.suppress(Exception):
        for model in ("auto", "stas_c"):
            for _ in restore(HyperCube(values), DenoiseRecipe(model=model)):
                pass


def _denoise(message: Message, folder: Path) -> Generator[Event, None, None]:
    from napari_hsi_restore.restore import restore
    from napari_hsi_restore.restore.recipe import DenoiseRecipe

    cube = transfer.read_cube(folder, transfer.INPUT)
    region = _region(message) or (slice(0, cube.shape[1]), slice(0, cube.shape[2]))
    part = cube.crop(*region)
    out = transfer.new_array(folder / f"{transfer.OUTPUT}.npy", part.shape, np.dtype(np.float32))
    recipe = DenoiseRecipe.model_validate(message.recipe)
    measured = _measured(transfer.fingerprint(folder, transfer.INPUT))
    hidden = transfer.read_array(folder / transfer.MASK) if message.masked else None
    events = restore(cube, recipe, region=region, out=out, measured=measured, hidden=hidden)
    result = yield from _result(events, folder)
    covered = None if hidden is None else hidden[region]
    yield from _look(part, result, covered, folder / transfer.REMOVED)
    if message.residual:
        yield Progress(1.0, "input minus output")
        residual = _residual(part, result, folder / f"{transfer.RESIDUAL}.npy")
        transfer.write_cube(residual, folder, transfer.RESIDUAL)
    yield Done(transfer.OUTPUT)


def _superres(message: Message, folder: Path) -> Generator[Event, None, None]:
    from napari_hsi_restore.restore import SuperresRecipe, superres
    from napari_hsi_restore.restore.superres_size import must_map, result_shape

    cube = transfer.read_cube(folder, transfer.INPUT)
    recipe = SuperresRecipe.model_validate(message.recipe)
    region = _region(message)
    large = must_map(cube, recipe, region, mapped=True)
    shape = result_shape(cube, recipe.scale, region)
    out = transfer.new_array(folder / f"{transfer.OUTPUT}.npy", shape, np.dtype(np.float32))
    known = _known(transfer.fingerprint(folder, transfer.INPUT))
    where = folder if large else None
    steps = superres(cube, recipe, region=region, out=out, known=known, folder=where)
    yield from _result(steps, folder)
    yield Done(transfer.OUTPUT)


def _region(message: Message) -> Region | None:
    """Rows and columns of a message as slices; None for all."""
    if message.region is None:
        return None
    top, bottom, left, right = message.region
    return slice(top, bottom), slice(left, right)


def _result(events: Iterator[Event], folder: Path) -> Generator[Event, None, HyperCube]:
    """Hand on the progress of a restoration and leave its result in the folder."""
    for event in events:
        if isinstance(event, Done):
            result: HyperCube = event.result
            transfer.write_cube(result, folder, transfer.OUTPUT)
            return result
        yield event
    raise RuntimeError("restoring ended without a result")


def _residual(cube: HyperCube, result: HyperCube, path: Path) -> HyperCube:
    """Input minus output, float32 (bands, y, x); NaN where the input has no data."""
    values = transfer.new_array(path, cube.shape, np.dtype(np.float32))
    for band in range(cube.n_bands):
        stored = np.asarray(cube.data[band])
        difference = stored.astype(np.float32) - np.asarray(result.data[band], dtype=np.float32)
        values[band] = np.where(cube.valid(stored), difference, np.float32(np.nan))
    return result.replace(
        data=values, nodata=None, history=(*result.history, "residual: input minus output")
    )


def _look(
    part: HyperCube, result: HyperCube, hidden: npt.NDArray[np.bool_] | None, path: Path
) -> Generator[Event, None, None]:
    """Leave a closer look at what was removed in the folder, where there is something to see."""
    from napari_hsi_restore.restore.outcome import residual_of
    from napari_hsi_restore.restore.removed import look_closer

    residual = residual_of(result)
    if residual is None:
        return
    steps = look_closer(part, result, residual.points, hidden)
    for event in told(steps, "looking at what was removed"):
        if not isinstance(event, Done):
            yield Progress(1.0, "looking at what was removed")
        elif event.result is not None:
            event.result.save(path)


def _estimate_noise(folder: Path) -> Generator[Event, None, None]:
    cube = transfer.read_cube(folder, transfer.INPUT)
    yield Progress(0.0, "looking at the noise")
    known = _measured(transfer.fingerprint(folder, transfer.INPUT)).classical
    for event in told(analyse(cube, known), "looking at the noise"):
        if isinstance(event, Done):
            report: NoiseReport = event.result
            (folder / transfer.NOISE).write_text(report.model_dump_json(), encoding="utf-8")
            yield Done(transfer.NOISE)
        else:
            yield event


@functools.lru_cache(maxsize=4)
def _measured(fingerprint: str) -> Measured:
    """What is known of the cube with this fingerprint from earlier requests."""
    from napari_hsi_restore.restore.statistics import Measured

    return Measured()


@functools.lru_cache(maxsize=4)
def _known(fingerprint: str) -> Known:
    """What is known of the cube with this fingerprint from enlarging it earlier."""
    from napari_hsi_restore.restore.superres_check import Known

    return Known()


def _devices() -> Generator[Event, None, None]:
    from napari_hsi_restore.restore import devices

    yield Done(
        json.dumps(
            [
                [device.name, device.label, device.free_bytes, device.total_bytes]
                for device in devices.available()
            ]
        )
    )
