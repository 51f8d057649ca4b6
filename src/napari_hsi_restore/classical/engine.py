"""The one door to the restorers that look at one cube as a whole."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Generator, Iterator, Sequence
from importlib.metadata import version
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import psutil

from napari_hsi_restore.classical.catalog import Method, find_method
from napari_hsi_restore.classical.part import MARGIN, Part, Region, cut_part
from napari_hsi_restore.classical.refined import PART_PIXELS
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Progress
from napari_hsi_restore.noise.known import Known
from napari_hsi_restore.noise.measured import Block, Float, Mask, Measured, told_noise
from napari_hsi_restore.zoo.records import record

_PLANES = 100
"""Images of components, noisy, filtered and weights, that are in memory at once."""

_NETWORK_PLANES = 160
"""Such images more while a network looks over an estimate, and after it (measured)."""

_NETWORK_BYTES = 300.0
"""Bytes that the network itself takes for every pixel of the part that it looks at."""

_MEASURED_END = 0.1

Noise = Literal["auto"] | float | Sequence[float] | npt.NDArray[np.float64]
Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True, eq=False)
class Settings:
    """What a method is told.

    Attributes
    ----------
    noise : 'auto', float, or sequence of float
        ``"auto"`` estimates the noise of every band; a number is one standard
        deviation for all bands where white is 255; a sequence, (bands,), has
        one for each band in the cube's stored units.
    strength : float
        Factor on the noise: 0 changes nothing, 1 is the best estimate.
    hidden : bool ndarray, (y, x), or None
        True for pixels that are to count as missing (clouds, saturation).
    memory_limit_gib : float or None
        Memory beside the cube that may be used, in GiB; None for what is free.
    """

    noise: Noise = "auto"
    strength: float = 1.0
    hidden: Mask | None = None
    memory_limit_gib: float | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class _Place:
    """What is asked for, and where it goes."""

    region: Region | None
    out: Block | None


def restore_classically(
    cube: HyperCube,
    name: str,
    settings: Settings | None = None,
    *,
    region: Region | None = None,
    out: Block | None = None,
    known: Known | None = None,
    chosen: str | None = None,
) -> Iterator[Event]:
    """Restore a cube by a method of `METHODS`.

    Parameters
    ----------
    cube : HyperCube
        Any real type, any number of bands, lazy or not.
    name : str
        A name of `napari_hsi_restore.classical.catalog.METHODS`.
    settings : Settings, optional
    region : pair of slice, optional
        Rows and columns to restore, for a preview, with explicit start and stop. Noise,
        spectral subspace, stripes and defects are those of the whole cube; patches are
        compared within a margin, so the values may differ from those of the whole
        result by a small part of what is removed.
    out : float32 ndarray, (bands, rows, columns), optional
        Where the result goes, for example a memory map.
    known : Known, optional
        What is known of this very cube, which makes this run begin sooner and changes
        nothing; gets what is found here. Not used where pixels are hidden.
    chosen : str, optional
        Why this method was taken, for the history.

    Yields
    ------
    Progress
        Several a second. Closing the generator cancels.
    Done
        With the restored `HyperCube`: float32, in the units of the source, not clipped,
        with everything that the source said of itself and one line more of history.

    Raises
    ------
    UserError
        For an unknown method, a cube with nothing to restore, a noise, strength or mask
        that does not fit, or too little memory.
    """
    yield Progress(0.0, "measuring the spectra")
    method, told = find_method(name), settings or Settings()
    if not 0.0 <= told.strength <= 5.0:
        raise UserError(f"setting 'strength' is {told.strength}; give a number from 0 to 5.")
    _check_memory(cube, method, region, told.memory_limit_gib)
    hidden = _fitting(told.hidden, cube)
    known = known if known is not None and hidden is None else Known()
    what = "looking for dead lines and stuck pixels" if method.mends else "measuring the spectra"
    steps = known.measured(cube, hidden, mends=method.mends)
    measured = yield from _told(steps, 0.0, _MEASURED_END, what)
    sigma = _sigma(measured, method, told.noise, known)
    if told.strength == 0.0:
        result = _unchanged(cube, region, out)
    else:
        place = _Place(region, out)
        result = yield from _restored(measured, method, sigma * told.strength, place, known)
    entry = _history(measured, method, told, sigma, chosen)
    restored = cube if region is None else cube.crop(*region)
    yield Done(restored.replace(data=result, history=(*cube.history, entry)))


def _restored(
    measured: Measured,
    method: Method,
    sigma: Float,
    place: _Place,
    known: Known,
) -> Generator[Event, None, Block]:
    """The restored values of the whole cube or of a region."""
    begin, region, out = _MEASURED_END, place.region, place.out
    if region is None or _is_whole(region, measured.cube):
        part = Part(dataclasses.replace(measured, out=out), (slice(None), slice(None)))
    else:
        begin *= 2
        steps = cut_part(measured, method, sigma, region, known)
        part = yield from _told(steps, _MEASURED_END, begin, "measuring the spectra")
    filtering = method.run(part.measured, sigma)
    result = yield from _told(filtering, begin, 1.0, f"restoring with {method.name}")
    if part.measured.out is not None:
        return result
    result = result[:, *part.inside]
    if out is None:
        return result
    out[...] = result
    return out


def _is_whole(region: Region, cube: HyperCube) -> bool:
    return all(
        place.start == 0 and place.stop == length
        for place, length in zip(region, cube.shape[1:], strict=True)
    )


def _told(
    steps: Generator[float, None, Result], begin: float, end: float, message: str
) -> Generator[Event, None, Result]:
    """A part of the work as progress, with the time left for all that follows."""
    started = time.monotonic()
    while True:
        try:
            fraction = next(steps)
        except StopIteration as stop:
            result: Result = stop.value
            return result
        done = begin + (end - begin) * fraction
        left = None
        if fraction > 0.0 and end == 1.0:
            left = (time.monotonic() - started) * (1.0 - fraction) / fraction
        yield Progress(done, message, left)


def _unchanged(cube: HyperCube, region: Region | None, out: Block | None) -> Block:
    rows, columns = region or (slice(None), slice(None))
    values = cube.data[:, rows, columns]
    if out is None:
        return np.asarray(values).astype(np.float32)
    out[...] = values
    return out


def memory_needed(shape: tuple[int, int, int], name: str, region: Region | None = None) -> float:
    """Bytes beside the cube that a method needs.

    Parameters
    ----------
    shape : tuple of int
        Of the cube, (bands, y, x).
    name : str
        Of the method.
    region : pair of slice, optional
        What is restored of it, with explicit start and stop.
    """
    bands, height, width = shape
    if region is not None:
        height, width = (
            min(length, place.stop - place.start + 2 * MARGIN)
            for length, place in zip((height, width), region, strict=True)
        )
    method, pixels = find_method(name), height * width
    planes, network = method.copies * bands + _PLANES, 0.0
    if method.networks:
        planes += _NETWORK_PLANES
        network = _NETWORK_BYTES * min(pixels, PART_PIXELS)
    return 4.0 * pixels * planes + network


def memory_allowed(limit_gib: float | None) -> float:
    """Bytes that a method may take: what is free, and no more than the limit."""
    free = float(psutil.virtual_memory().available)
    return free if limit_gib is None else min(free, limit_gib * 2**30)


def _check_memory(
    cube: HyperCube, method: Method, region: Region | None, limit_gib: float | None
) -> None:
    needed, allowed = memory_needed(cube.shape, method.name, region), memory_allowed(limit_gib)
    if needed > allowed:
        raise UserError(
            f"{cube.source or cube.name}: '{method.name}' needs about {needed / 2**30:.2g} GiB of "
            f"memory and {allowed / 2**30:.2g} GiB are free or allowed; restore a part of the "
            "image, or take a network, which works in tiles."
        )


def _fitting(hidden: Mask | None, cube: HyperCube) -> Mask | None:
    if hidden is None:
        return None
    mask = np.asarray(hidden, dtype=bool)
    if mask.shape != cube.shape[1:]:
        raise UserError(
            f"The mask has {mask.shape} pixels, {cube.source or cube.name} has {cube.shape[1:]}; "
            "paint it on this cube."
        )
    if mask.all():
        raise UserError("The mask covers the whole image; leave some pixels to restore from.")
    return mask


def _sigma(measured: Measured, method: Method, noise: Noise, known: Known) -> Float:
    """Noise of the active bands; 1 where the method does not need it."""
    if not method.needs_noise:
        return np.ones(len(measured.active))
    if isinstance(noise, str):
        if noise != "auto":
            raise UserError(f"setting 'noise' is {noise!r}; give 'auto' or a standard deviation.")
        return known.noise(measured, mends=method.mends)
    return told_noise(measured.cube, measured.active, noise)


def _history(
    measured: Measured, method: Method, told: Settings, sigma: Float, chosen: str | None
) -> str:
    entry: dict[str, Any] = {
        "step": "denoise",
        "source": measured.cube.source,
        "model": method.name,
        "chosen": chosen,
    }
    if method.networks:
        entry["networks"] = {name: record(name).sha256 for name in method.networks}
    if method.needs_noise:
        entry["noise"] = "estimated" if isinstance(told.noise, str) else "told"
        entry["sigma"] = [float(f"{value:.5g}") for value in sigma]
        entry["strength"] = told.strength
    entry["hidden_pixels"] = 0 if measured.hidden is None else int(measured.hidden.sum())
    entry["version"] = version("napari-hsi-restore")
    return json.dumps(entry)
