"""The one door through which a cube is denoised."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Generator, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import psutil

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Progress
from napari_hsi_restore.models.basis import Basis, band_basis, eigenbasis
from napari_hsi_restore.restore import devices
from napari_hsi_restore.restore.recipe import DenoiseRecipe, automatic_model
from napari_hsi_restore.restore.statistics import (
    SpectralStatistics,
    filled,
    gather,
    noise_of,
)
from napari_hsi_restore.restore.tiling import Tile, plan
from napari_hsi_restore.zoo.loading import load
from napari_hsi_restore.zoo.records import ModelRecord

if TYPE_CHECKING:
    from napari_hsi_restore.models.architectures.stas import Stas

Float = npt.NDArray[np.float64]
Block = npt.NDArray[np.float32]
Region = tuple[slice, slice]

TILES = (512, 384, 256, 192, 128, 96, 64, 48, 32, 16)
"""Sides of tiles to choose from; the halo makes small ones slow."""

CPU_MEMORY = 2 * 2**30
"""Bytes that tiles take on a CPU unless the user sets a limit."""

STATISTICS_SHARE, NETWORK_SHARE = 0.1, 0.9
FEATURE_COPIES = 5.0
"""Feature tensors of full width that are alive at once in a network (measured)."""


def denoise(cube: HyperCube, recipe: DenoiseRecipe | None = None) -> HyperCube:
    """Denoise a cube and wait for it; see `restore`."""
    for event in restore(cube, recipe or DenoiseRecipe()):
        if isinstance(event, Done):
            result: HyperCube = event.result
            return result
    raise AssertionError("a restoration ends with Done or raises")


def restore(
    cube: HyperCube,
    recipe: DenoiseRecipe,
    *,
    region: Region | None = None,
    out: Block | None = None,
) -> Iterator[Event]:
    """Denoise a cube in tiles.

    The noise of every band is estimated (or told), the cube is projected on its basis
    (`napari_hsi_restore.models.basis`) tile by tile, the network restores the
    components, and the bands are put together again. Bands without valid or varying
    values are passed through, no-data stays no-data, and nothing is clipped.

    Parameters
    ----------
    cube : HyperCube
    recipe : DenoiseRecipe
    region : pair of slice, optional
        Rows and columns to restore, for a preview. Noise and basis are those of the
        whole cube, so the result is a cut-out of the whole result.
    out : float32 ndarray, (bands, rows, columns), optional
        Where the result goes, for example a memory map.

    Yields
    ------
    Progress
        Several a tile. Closing the generator cancels.
    Done
        With the restored `HyperCube`: float32, in the units of the source, with its
        wavelengths, georeference and no-data value, and one line more of history.

    Raises
    ------
    UserError
        For an unknown model or device, a cube with nothing to restore, a wrong number
        of noise levels, or memory that does not suffice for the smallest tile.
    """
    yield Progress(0.0, "measuring the spectra")
    whole = _whole(cube, region)
    device = devices.choose(recipe.device)
    name = automatic_model(cube.n_bands) if recipe.model == "auto" else recipe.model
    network, record = load(name, device.name)
    _check_bands(cube, record)
    statistics = yield from _statistics(cube)
    yield Progress(STATISTICS_SHARE / 2, "estimating the noise")
    sigma = _sigma(cube, recipe, statistics.active)
    shape = (cube.n_bands, whole[0].stop - whole[0].start, whole[1].stop - whole[1].start)
    result = np.empty(shape, np.float32) if out is None else out
    if recipe.strength == 0.0:
        result[...] = cube.data[:, whole[0], whole[1]]
    else:
        basis = _basis(statistics, sigma * recipe.strength, record)
        budget = _budget(recipe, device)
        yield from _tiles(cube, whole, result, (network, record, basis), statistics, recipe, budget)
    entry = _history(cube, recipe, record, sigma, device)
    restored = cube.crop(*whole).replace(data=result, history=(*cube.history, entry))
    yield Done(restored)


def _whole(cube: HyperCube, region: Region | None) -> Region:
    """A region with explicit start and stop, within the image."""
    rows, columns = region or (slice(None), slice(None))
    top, bottom, _ = rows.indices(cube.shape[1])
    left, right, _ = columns.indices(cube.shape[2])
    if bottom <= top or right <= left:
        raise UserError(f"{cube.name}: the region to restore is empty; choose one in the image.")
    return slice(top, bottom), slice(left, right)


def _check_bands(cube: HyperCube, record: ModelRecord) -> None:
    if cube.n_bands < record.min_bands:
        raise UserError(
            f"{cube.source or cube.name} has {cube.n_bands} bands, model '{record.name}' needs at "
            f"least {record.min_bands}; choose another model."
        )


def _statistics(cube: HyperCube) -> Generator[Event, None, SpectralStatistics]:
    """Moments of the valid spectra, with progress."""
    for part in gather(cube):
        if isinstance(part, SpectralStatistics):
            return part
        yield Progress(part * STATISTICS_SHARE / 2, "measuring the spectra")
    raise AssertionError("the statistics come last")


def _sigma(cube: HyperCube, recipe: DenoiseRecipe, active: npt.NDArray[np.bool_]) -> Float:
    """Noise of the active bands in stored units, positive."""
    if recipe.noise == "auto":
        return noise_of(cube, active)
    if isinstance(recipe.noise, tuple):
        if len(recipe.noise) != cube.n_bands:
            raise UserError(
                f"setting 'noise' has {len(recipe.noise)} values, {cube.source or cube.name} has "
                f"{cube.n_bands} bands; give one value for each band."
            )
        told = np.asarray(recipe.noise, dtype=np.float64)[active]
    else:
        from napari_hsi_restore.degradations import reference_white

        told = np.full(int(active.sum()), recipe.noise / 255.0 * reference_white(cube))
    if not np.all(np.isfinite(told)) or np.any(told < 0):
        raise UserError("setting 'noise': a standard deviation must be a number from 0 upwards.")
    # Whitening divides by the noise; a millionth of the largest stands for none.
    return np.maximum(told, max(float(told.max()), 1e-30) * 1e-6)


def _basis(statistics: SpectralStatistics, sigma: Float, record: ModelRecord) -> Basis:
    if record.spec.domain == "bands":
        return band_basis(statistics.mean, statistics.covariance, sigma)
    return eigenbasis(
        statistics.mean,
        statistics.covariance,
        sigma,
        statistics.pixels,
        record.spec.most_components,
    )


def _budget(recipe: DenoiseRecipe, device: devices.DeviceInfo) -> float:
    """Bytes that tiles may take on their device."""
    if recipe.memory_limit_gib is not None:
        return min(recipe.memory_limit_gib * 2**30, 0.9 * device.free_bytes)
    if device.name == "cpu":
        return min(CPU_MEMORY, 0.5 * float(psutil.virtual_memory().available))
    return 0.5 * device.free_bytes


def _bytes(side: int, cube: HyperCube, record: ModelRecord, basis: Basis) -> float:
    """Memory that a tile of some side takes."""
    pixels = 1.0
    for length in cube.shape[1:]:
        pixels *= min(side + 2 * record.halo, length)
    features = FEATURE_COPIES * 4 * record.spec.width * basis.components
    return pixels * (features + 4 * 4 * cube.n_bands)


def _side(cube: HyperCube, record: ModelRecord, basis: Basis, budget: float) -> int:
    """Side of the largest tile that fits a number of bytes."""
    for side in TILES:
        if _bytes(side, cube, record, basis) <= budget:
            return side
    need = _bytes(TILES[-1], cube, record, basis) / 2**30
    raise UserError(
        f"setting 'memory limit': {budget / 2**30:.2f} GiB is too small for {cube.name}, whose "
        f"smallest tile takes {need:.2f} GiB; raise the limit or close other programs."
    )


def _tiles(
    cube: HyperCube,
    region: Region,
    result: Block,
    model: tuple[Stas, ModelRecord, Basis],
    statistics: SpectralStatistics,
    recipe: DenoiseRecipe,
    budget: float,
) -> Iterator[Event]:
    """Restore every tile; where memory runs out, go on with tiles of half the side."""
    _, record, basis = model
    side = recipe.tile or _side(cube, record, basis, budget)
    todo = plan(region, cube.shape[1:], side, record.halo)
    area = (region[0].stop - region[0].start) * (region[1].stop - region[1].start)
    done, begin = 0.0, time.monotonic()
    while todo:
        tile = todo.pop(0)
        share = (tile.rows.stop - tile.rows.start) * (tile.columns.stop - tile.columns.start) / area
        try:
            for part in _tile(cube, tile, region, result, model, statistics.active):
                fraction = done + part * share
                spent = time.monotonic() - begin
                yield Progress(
                    STATISTICS_SHARE + NETWORK_SHARE * fraction,
                    f"denoising with {record.name}",
                    spent * (1.0 - fraction) / fraction,
                )
        except (RuntimeError, MemoryError) as error:
            side = max(tile.rows.stop - tile.rows.start, tile.columns.stop - tile.columns.start)
            if not _is_out_of_memory(error):
                raise
            if side // 2 < TILES[-1]:
                raise UserError(
                    f"{cube.name}: the memory does not suffice even for tiles of {side} pixels; "
                    "close other programs or choose the device cpu."
                ) from error
            _free_gpu_memory()
            todo = plan((tile.rows, tile.columns), cube.shape[1:], side // 2, record.halo) + todo
        else:
            done += share


def _tile(
    cube: HyperCube,
    tile: Tile,
    region: Region,
    result: Block,
    model: tuple[Stas, ModelRecord, Basis],
    active: npt.NDArray[np.bool_],
) -> Iterator[float]:
    """Restore one tile into the result; yields the fraction that is done."""
    import torch

    network, _, basis = model
    stored = np.asarray(cube.data[:, tile.read_rows, tile.read_columns])
    used = stored[active]
    valid: npt.NDArray[np.bool_] = np.all(cube.valid(used), axis=0)
    noisy = filled(used.astype(np.float32), valid)
    device = next(network.parameters()).device
    with torch.inference_mode():
        components = torch.from_numpy(basis.project(noisy))[None].to(device)
        level = torch.from_numpy(basis.level.astype(np.float32))[None].to(device)
        output = components
        for index, stage in enumerate(network.stages(components, level), start=1):
            output = stage
            yield index / (network.stage_count + 1)
        restored = output[0].float().cpu().numpy()
    inside = tile.inside
    cut = (slice(None), *inside)
    values = stored[cut].astype(np.float32)
    clean = basis.restore(np.ascontiguousarray(restored[cut]), np.ascontiguousarray(noisy[cut]))
    # A pixel that lacks even one band has no trustworthy projection: it stays as it was.
    values[active] = np.where(valid[inside], clean, values[active])
    rows = slice(tile.rows.start - region[0].start, tile.rows.stop - region[0].start)
    columns = slice(tile.columns.start - region[1].start, tile.columns.stop - region[1].start)
    result[:, rows, columns] = values
    yield 1.0


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        "can't allocate memory" in str(error)
    )


def _free_gpu_memory() -> None:
    import torch

    if torch.cuda.is_available():
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()


def _history(
    cube: HyperCube,
    recipe: DenoiseRecipe,
    record: ModelRecord,
    sigma: Float,
    device: devices.DeviceInfo,
) -> str:
    entry: dict[str, Any] = {
        "step": "denoise",
        "source": cube.source,
        "model": record.name,
        "weights_sha256": record.sha256,
        "noise": "estimated" if recipe.noise == "auto" else "told",
        "sigma": [float(f"{value:.5g}") for value in sigma],
        "strength": recipe.strength,
        "device": device.label,
        "version": version("napari-hsi-restore"),
    }
    return json.dumps(entry)
