"""What the child does for each kind of request: generators of events.

They read their input from the folder of the request and leave arrays there; the
`Done` event names no array. torch is imported when a task needs it.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Done, Event, Progress
from napari_hsi_restore.jobs import transfer
from napari_hsi_restore.jobs.protocol import Message

if TYPE_CHECKING:
    from napari_hsi_restore.restore.statistics import Measured


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
        for _ in restore(HyperCube(values), DenoiseRecipe()):
            pass


def _denoise(message: Message, folder: Path) -> Generator[Event, None, None]:
    from napari_hsi_restore.restore import restore
    from napari_hsi_restore.restore.recipe import DenoiseRecipe

    cube = transfer.read_cube(folder, transfer.INPUT)
    top, bottom, left, right = message.region or (0, cube.shape[1], 0, cube.shape[2])
    region = slice(top, bottom), slice(left, right)
    part = cube.crop(*region)
    out = transfer.new_array(folder / f"{transfer.OUTPUT}.npy", part.shape, np.dtype(np.float32))
    result: HyperCube | None = None
    recipe = DenoiseRecipe.model_validate(message.recipe)
    measured = _measured(transfer.fingerprint(folder, transfer.INPUT))
    for event in restore(cube, recipe, region=region, out=out, measured=measured):
        if isinstance(event, Done):
            result = event.result
        else:
            yield event
    if result is None:
        raise RuntimeError("restoring ended without a result")
    transfer.write_cube(result, folder, transfer.OUTPUT)
    if message.residual:
        yield Progress(1.0, "input minus output")
        residual = _residual(part, result, folder / f"{transfer.RESIDUAL}.npy")
        transfer.write_cube(residual, folder, transfer.RESIDUAL)
    yield Done(transfer.OUTPUT)


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


def _estimate_noise(folder: Path) -> Generator[Event, None, None]:
    from napari_hsi_restore.degradations import reference_white

    cube = transfer.read_cube(folder, transfer.INPUT)
    yield Progress(0.0, "estimating the noise of each band")
    active, noise = _measured(transfer.fingerprint(folder, transfer.INPUT)).noise(cube)
    sigma = np.full(cube.n_bands, np.nan)
    sigma[active] = noise
    scale = 255.0 / reference_white(cube)
    transfer.write_array(np.stack([sigma, sigma * scale]), folder / f"{transfer.NOISE}.npy")
    yield Done(transfer.NOISE)


@functools.lru_cache(maxsize=4)
def _measured(fingerprint: str) -> Measured:
    """What is known of the cube with this fingerprint from earlier requests."""
    from napari_hsi_restore.restore.statistics import Measured

    return Measured()


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
