"""The one door through which a cube is denoised, by a network or a method."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.classical import Settings, restore_classically
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Progress
from napari_hsi_restore.models.basis import Basis, band_basis, eigenbasis
from napari_hsi_restore.models.spec import DenoiserSpec
from napari_hsi_restore.restore import devices
from napari_hsi_restore.restore.automatic import resolved
from napari_hsi_restore.restore.bad_bands import with_bad_bands
from napari_hsi_restore.restore.choices import check_name, filling, is_method
from napari_hsi_restore.restore.outcome import with_residual
from napari_hsi_restore.restore.phase import finished
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.request import (
    Region,
    check_bands,
    measure_spectra,
    whole_region,
)
from napari_hsi_restore.restore.statistics import Measured, SpectralStatistics
from napari_hsi_restore.restore.tile_loop import budget
from napari_hsi_restore.restore.tile_run import TileRun, check_memory
from napari_hsi_restore.zoo.loading import load
from napari_hsi_restore.zoo.records import ModelRecord

if TYPE_CHECKING:
    from napari_hsi_restore.models.catalog import Denoiser

Float = npt.NDArray[np.float64]
Block = npt.NDArray[np.float32]

STATISTICS_SHARE, NETWORK_SHARE = 0.1, 0.9
_ALWAYS_THERE = ("auto", "cpu")


def denoise(cube: HyperCube, recipe: DenoiseRecipe | None = None) -> HyperCube:
    """Denoise a cube and wait for it; see `restore`."""
    return finished(restore(cube, recipe or DenoiseRecipe()))


def restore(
    cube: HyperCube,
    recipe: DenoiseRecipe,
    *,
    region: Region | None = None,
    out: Block | None = None,
    measured: Measured | None = None,
    hidden: npt.NDArray[np.bool_] | None = None,
) -> Iterator[Event]:
    """Denoise a cube with a network in tiles, or by a method.

    A method (`napari_hsi_restore.classical.METHODS`) sees the whole image at once.
    For a network the noise of every band is estimated (or told), the cube is projected on its basis
    (`napari_hsi_restore.models.basis`) tile by tile, the network restores the
    components, and the bands are put together again. Bands without valid or varying
    values are passed through, bands that are marked as bad have no part in restoring the others
    (`napari_hsi_restore.restore.bad_bands`), no-data stays no-data, and nothing is clipped.

    Parameters
    ----------
    cube : HyperCube
    recipe : DenoiseRecipe
    region : pair of slice, optional
        Rows and columns to restore, for a preview. Noise and basis are those of the
        whole cube, so the result of a network is a cut-out of the whole result; that
        of a method compares patches nearby only and comes very close to it.
    out : float32 ndarray, (bands, rows, columns), optional
        Where the result goes, for example a memory map.
    measured : Measured, optional
        What is known of this very cube from an earlier run, which makes this one
        begin sooner and changes nothing; gets what is measured here.
    hidden : bool ndarray, (y, x), optional
        True for pixels that are to count as missing (clouds, saturation); only for
        methods, some of which fill them.

    Yields
    ------
    Progress
        Several a second. Closing the generator cancels.
    Done
        With the restored `HyperCube`: float32, in the units of the source, with its
        wavelengths, georeference and no-data value, and one line more of history, which
        `napari_hsi_restore.restore.outcome` puts in words.

    Raises
    ------
    UserError
        For an unknown model or device, a cube with nothing to restore, a wrong number
        of noise levels, a mask that does not fit, or memory that does not suffice.
    """
    yield Progress(0.0, "measuring the spectra")
    whole = whole_region(cube, region)
    if recipe.device not in _ALWAYS_THERE:
        devices.choose(recipe.device)
    known = measured or Measured()
    recipe, reason = yield from resolved(cube, recipe, whole, known, filled=hidden is not None)
    events: Iterator[Event]
    if is_method(recipe.model):
        told = Settings(recipe.noise, recipe.strength, hidden, recipe.memory_limit_gib)
        events = restore_classically(
            cube, recipe.model, told, region=whole, out=out, known=known.classical, chosen=reason
        )
    elif hidden is not None:
        raise UserError(
            f"model '{recipe.model}' takes no mask; choose one of {', '.join(filling())}."
        )
    else:
        events = _by_network(cube, recipe, whole, _Extra(out, known, reason))
    for event in events:
        if isinstance(event, Done):
            covered = None if hidden is None else hidden[whole]
            result = yield from with_bad_bands(cube, event.result, recipe.bad_bands, known)
            yield Done((yield from with_residual(cube.crop(*whole), result, covered)))
        else:
            yield event


@dataclasses.dataclass(frozen=True, eq=False)
class _Extra:
    """Where the result goes, what is known of the cube, and why the model was taken."""

    out: Block | None
    known: Measured
    reason: str | None


def _by_network(
    cube: HyperCube, recipe: DenoiseRecipe, whole: Region, extra: _Extra
) -> Iterator[Event]:
    """Denoise a region with the network that the recipe names."""
    known, out = extra.known, extra.out
    device = devices.choose(recipe.device)
    check_name(recipe.model)
    network, record, spec = denoiser(recipe.model, device)
    check_bands(cube, record)
    available = budget(recipe.memory_limit_gib, device)
    if recipe.tile is None and recipe.strength > 0.0:
        check_memory(cube, spec, available)
    statistics = yield from measure_spectra(cube, STATISTICS_SHARE / 2, known)
    yield Progress(STATISTICS_SHARE / 2, "estimating the noise")
    sigma = sigma_of(cube, recipe, known)
    shape = (cube.n_bands, whole[0].stop - whole[0].start, whole[1].stop - whole[1].start)
    result = np.empty(shape, np.float32) if out is None else out
    if recipe.strength == 0.0:
        result[...] = cube.data[:, whole[0], whole[1]]
    else:
        basis = basis_of(statistics, sigma * recipe.strength, spec)
        run = TileRun(cube, whole, result, network, spec, basis, statistics.active)
        begin = time.monotonic()
        for fraction in run.tiles(recipe.tile, available):
            left = (time.monotonic() - begin) * (1.0 - fraction) / fraction
            done = STATISTICS_SHARE + NETWORK_SHARE * fraction
            yield Progress(done, f"denoising with {record.name}", left)
    entry = history_entry(cube, recipe, record, sigma, device)
    if extra.reason is not None:
        entry["chosen"] = extra.reason
    restored = cube.crop(*whole).replace(data=result, history=(*cube.history, json.dumps(entry)))
    yield Done(restored)


def denoiser(name: str, device: devices.DeviceInfo) -> tuple[Denoiser, ModelRecord, DenoiserSpec]:
    """A network that denoises, its record and its spec."""
    from napari_hsi_restore.models.catalog import Denoiser

    network, record = load(name, device.name)
    if not isinstance(network, Denoiser) or not isinstance(record.spec, DenoiserSpec):
        raise UserError(f"model '{name}' is not for denoising; choose auto or another model.")
    return network, record, record.spec


def sigma_of(cube: HyperCube, recipe: DenoiseRecipe, measured: Measured) -> Float:
    """Noise of the active bands in stored units, positive."""
    if recipe.noise == "auto":
        return measured.noise(cube)[1]
    active = measured.active(cube)
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


def basis_of(statistics: SpectralStatistics, sigma: Float, spec: DenoiserSpec) -> Basis:
    """The basis that a network is to see a cube in; `sigma` is the noise of the active bands."""
    if spec.domain == "bands":
        return band_basis(statistics.mean, statistics.covariance, sigma)
    return eigenbasis(
        statistics.mean,
        statistics.covariance,
        sigma,
        statistics.pixels,
        spec.most_components,
    )


def history_entry(
    cube: HyperCube,
    recipe: DenoiseRecipe,
    record: ModelRecord,
    sigma: Float,
    device: devices.DeviceInfo,
) -> dict[str, Any]:
    """The line of the history of a cube that a network denoised."""
    return {
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
