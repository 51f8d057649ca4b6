"""The one door to the restorers that need no training."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Iterator, Sequence
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import psutil

from napari_hsi_restore.classical.catalog import Method, find_method
from napari_hsi_restore.classical.defects import mark_defects
from napari_hsi_restore.classical.measured import (
    Float,
    Measured,
    estimated_noise,
    find_active,
    told_noise,
)
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Progress

_PLANES = 100
"""Images of components, noisy, filtered and weights, that are in memory at once."""

Noise = Literal["auto"] | float | Sequence[float] | npt.NDArray[np.float64]


def restore_classically(
    cube: HyperCube,
    name: str,
    *,
    noise: Noise = "auto",
    strength: float = 1.0,
    hidden: npt.NDArray[np.bool_] | None = None,
) -> Iterator[Event]:
    """Restore a cube by a method that needs no training.

    Parameters
    ----------
    cube : HyperCube
        Any real type, any number of bands, lazy or not.
    name : str
        A name of `napari_hsi_restore.classical.catalog.METHODS`.
    noise : 'auto', float, or sequence of float
        ``"auto"`` estimates the noise of every band; a number is one standard
        deviation for all bands where white is 255; a sequence, (bands,), has
        one for each band in the cube's stored units.
    strength : float
        Factor on the noise: 0 changes nothing, 1 is the best estimate.
    hidden : bool ndarray, (y, x), optional
        True for pixels that are to count as missing (clouds, saturation).

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
    method = find_method(name)
    if not 0.0 <= strength <= 5.0:
        raise UserError(f"setting 'strength' is {strength}; give a number from 0 to 5.")
    _check_memory(cube, method)
    measured = Measured(cube, find_active(cube), _fitting(hidden, cube))
    if method.mends:
        measured = yield from _mended(measured)
    sigma = _sigma(measured, method, noise)
    if strength == 0.0:
        result = np.asarray(cube.data).astype(np.float32)
    else:
        begin = time.monotonic()
        steps = method.run(measured, sigma * strength)
        while True:
            try:
                fraction = next(steps)
            except StopIteration as stop:
                result = stop.value
                break
            left = (time.monotonic() - begin) * (1.0 - fraction) / max(fraction, 1e-3)
            yield Progress(fraction, f"restoring with {method.name}", left)
    entry = _history(measured, method, noise, sigma, strength)
    yield Done(cube.replace(data=result, history=(*cube.history, entry)))


def _mended(measured: Measured) -> Generator[Event, None, Measured]:
    """The same with dead lines and stuck pixels as outliers."""
    steps = mark_defects(measured)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Measured = stop.value
            return result
        yield Progress(0.0, "looking for dead lines and stuck pixels")


def _check_memory(cube: HyperCube, method: Method) -> None:
    bands, height, width = cube.shape
    needed = 4.0 * height * width * (method.copies * bands + _PLANES)
    free = float(psutil.virtual_memory().available)
    if needed > free:
        raise UserError(
            f"{cube.source or cube.name}: '{method.name}' needs about {needed / 2**30:.0f} GiB of "
            f"memory for it and {free / 2**30:.0f} GiB are free; restore a part of the image."
        )


def _fitting(hidden: npt.NDArray[np.bool_] | None, cube: HyperCube) -> npt.NDArray[np.bool_] | None:
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


def _sigma(measured: Measured, method: Method, noise: Noise) -> Float:
    """Noise of the active bands; 1 where the method does not need it."""
    if not method.needs_noise:
        return np.ones(len(measured.active))
    if isinstance(noise, str):
        if noise != "auto":
            raise UserError(f"setting 'noise' is {noise!r}; give 'auto' or a standard deviation.")
        return estimated_noise(measured)
    return told_noise(measured.cube, measured.active, noise)


def _history(
    measured: Measured, method: Method, noise: Noise, sigma: Float, strength: float
) -> str:
    entry: dict[str, Any] = {
        "step": "restore",
        "source": measured.cube.source,
        "method": method.name,
    }
    if method.needs_noise:
        entry["noise"] = "estimated" if isinstance(noise, str) else "told"
        entry["sigma"] = [float(f"{value:.5g}") for value in sigma]
        entry["strength"] = strength
    entry["hidden_pixels"] = 0 if measured.hidden is None else int(measured.hidden.sum())
    entry["version"] = version("napari-hsi-restore")
    return json.dumps(entry)
