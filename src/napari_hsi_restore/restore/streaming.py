"""Denoising cubes that fit into no memory: pieces that are computed when they are written.

Noise and spectra are measured first, block by block. The result is a lazy cube, a chunk a
piece of the image with all bands; whoever writes it (`napari_hsi_restore.io.write`) has the
chunks computed one after the other, or by the workers of a Dask cluster where this process
is its client. A worker needs the file of the cube under the same name, this package and the
model. A piece that is lost with a worker is computed again by another.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import numpy as np
import numpy.typing as npt
import psutil

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Progress
from napari_hsi_restore.models.basis import Basis
from napari_hsi_restore.restore import devices
from napari_hsi_restore.restore.bad_bands import Filling, bad_bands, learn_filling, noted
from napari_hsi_restore.restore.choices import check_name, is_method
from napari_hsi_restore.restore.cluster import check_sendable, most_threads, share, values_of
from napari_hsi_restore.restore.engine import basis_of, denoiser, history_entry, sigma_of
from napari_hsi_restore.restore.phase import phase
from napari_hsi_restore.restore.recipe import DenoiseRecipe, automatic_model
from napari_hsi_restore.restore.request import check_bands, measure_spectra, whole_region
from napari_hsi_restore.restore.statistics import Measured
from napari_hsi_restore.restore.tile_loop import budget
from napari_hsi_restore.restore.tile_run import TileRun, check_memory
from napari_hsi_restore.restore.tiling import Tile, plan

if TYPE_CHECKING:
    from napari_hsi_restore.models.catalog import Denoiser
    from napari_hsi_restore.models.spec import DenoiserSpec

SIDE = 256
"""Pixels along each side of a piece, unless the recipe says otherwise."""

_MEASURED_END = 0.9
_FREE_SHARE = 0.5
_FILLING = "looking at the bad bands"


def is_large(cube: HyperCube, memory_limit_gib: float | None = None) -> bool:
    """Whether the result of a cube is too large to be held in memory.

    Parameters
    ----------
    cube : HyperCube
    memory_limit_gib : float or None
        What may be taken; None for half of what is free.
    """
    allowed = _FREE_SHARE * float(psutil.virtual_memory().available)
    if memory_limit_gib is not None:
        allowed = min(allowed, memory_limit_gib * 2**30)
    return 4.0 * math.prod(cube.shape) > allowed


def must_stream(cube: HyperCube, recipe: DenoiseRecipe) -> bool:
    """Whether a recipe should restore a cube in pieces: its result is large, and it can."""
    if not is_large(cube, recipe.memory_limit_gib):
        return False
    return recipe.model == "auto" or not is_method(recipe.model)


def check_mask(hidden: npt.NDArray[np.bool_] | None) -> None:
    """Refuse a mask, which no network takes.

    Raises
    ------
    UserError
    """
    if hidden is not None:
        raise UserError(
            "setting 'mask': this cube is restored in pieces by a network, and those take no mask; "
            "leave it out, or restore a part of the image."
        )


def denoise_in_pieces(
    cube: HyperCube, recipe: DenoiseRecipe, *, elsewhere: bool = False
) -> Iterator[Event]:
    """Prepare the denoising of a cube by a network, to be computed when it is written.

    The values are those of `napari_hsi_restore.restore.restore`, within 1e-4 of the value
    range. What was removed is not looked at.

    Parameters
    ----------
    cube : HyperCube
        Lazy or mapped where it is large.
    recipe : DenoiseRecipe
        ``"auto"`` takes the network for the number of bands; `tile` is the side of a piece.
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
        As `napari_hsi_restore.restore.restore` does; for a method that needs the whole
        image at once; or if other processes cannot open the cube.
    """
    yield Progress(0.0, "measuring the spectra")
    name, reason = recipe.model, None
    if name == "auto":
        name = automatic_model(cube.n_bands)
        reason = "The cube is restored in pieces, which a network can do."
    if is_method(name):
        raise UserError(
            f"model '{name}' works on the whole image at once, and this cube is restored in "
            "pieces; choose a network."
        )
    check_name(name)
    if elsewhere:
        check_sendable(cube)
    device = devices.choose(recipe.device)
    network, record, spec = denoiser(name, device)
    del network
    check_bands(cube, record)
    check_memory(cube, spec, budget(recipe.memory_limit_gib, device), most_threads())
    known = Measured()
    statistics = yield from measure_spectra(cube, _MEASURED_END, known)
    yield Progress(_MEASURED_END, "estimating the noise")
    sigma = sigma_of(cube, recipe, known)
    entry = history_entry(cube, recipe, record, sigma, device)
    if reason is not None:
        entry["chosen"] = reason
    values: Any = cube.data
    if recipe.strength > 0.0:
        basis = basis_of(statistics, sigma * recipe.strength, spec)
        work = _Work(recipe, name, record.sha256, basis, statistics.active)
        values = _lazy(cube, work, spec.halo, spec.multiple)
    else:
        values = da.asarray(values).astype(np.float32)  # type: ignore[no-untyped-call]
    if recipe.bad_bands == "restore" and bad_bands(cube).size:
        filling = yield from phase(learn_filling(cube, known), (_MEASURED_END, 1.0), _FILLING)
        values = values.rechunk({0: -1}).map_blocks(_filled, filling, cube.nodata, dtype=np.float32)
    restored = cube.replace(data=values, history=(*cube.history, json.dumps(entry)))
    yield Done(noted(restored, bad_bands(cube), recipe.bad_bands))


@dataclasses.dataclass(frozen=True, eq=False)
class _Work:
    """What is done to every piece."""

    recipe: DenoiseRecipe
    model: str
    sha256: str
    basis: Basis
    active: npt.NDArray[np.bool_]


def _lazy(cube: HyperCube, work: _Work, halo: int, multiple: int) -> da.Array:
    """The restored values, a chunk a piece."""
    shape = cube.shape[1:]
    side = work.recipe.tile or SIDE
    tiles = plan(whole_region(cube, None), shape, side, halo, multiple)
    # Not pure: for names that follow from the values dask would read the whole file now.
    common = dask.delayed(work, pure=False)  # type: ignore[attr-defined]
    restored = dask.delayed(_restored, pure=False)  # type: ignore[attr-defined]
    rows: list[Any] = []
    for _, row in itertools.groupby(tiles, key=lambda tile: tile.rows.start):
        pieces = [
            da.from_delayed(  # type: ignore[no-untyped-call]
                restored(cube.crop(tile.read_rows, tile.read_columns), tile.inside, common),
                (cube.n_bands, tile.rows_count, tile.columns_count),
                np.float32,
            )
            for tile in row
        ]
        rows.append(da.concatenate(pieces, axis=2))  # type: ignore[no-untyped-call]
    found: da.Array = da.concatenate(rows, axis=1)  # type: ignore[no-untyped-call]
    return found


def _filled(
    block: npt.NDArray[np.float32], filling: Filling, nodata: float | None
) -> npt.NDArray[np.float32]:
    """A restored piece with its bad bands filled."""
    values = np.array(block)
    filling.fill(HyperCube(values, nodata=nodata), values)
    return values


def _restored(
    piece: HyperCube, inside: tuple[slice, slice], work: _Work
) -> npt.NDArray[np.float32]:
    """The restored inside of a piece that was cut out with what its inside depends on."""
    device = devices.choose(work.recipe.device)
    with share(work.recipe.memory_limit_gib, device) as available:
        values = values_of(piece)
        network, spec = _network(work.model, device, work.sha256)
        cube = piece.replace(data=values)
        rows, columns = inside
        tile = Tile(rows, columns, slice(0, values.shape[1]), slice(0, values.shape[2]))
        shape = (cube.n_bands, tile.rows_count, tile.columns_count)
        result = np.empty(shape, np.float32)
        run = TileRun(cube, inside, result, network, spec, work.basis, work.active)
        for _ in run.tiles(None, available):
            pass
    return result


_networks: dict[tuple[str, str], tuple[Denoiser, DenoiserSpec, str]] = {}


def _network(name: str, device: devices.DeviceInfo, sha256: str) -> tuple[Denoiser, DenoiserSpec]:
    """The network of a process that computes pieces, which is loaded once."""
    known = _networks.get((name, device.name))
    if known is not None and known[2] == sha256:
        return known[:2]
    network, record, spec = denoiser(name, device)
    if record.sha256 != sha256:
        raise UserError(
            f"model '{name}' is another one where a piece was to be computed; install the same "
            "models everywhere."
        )
    _networks[name, device.name] = network, spec, sha256
    return network, spec
