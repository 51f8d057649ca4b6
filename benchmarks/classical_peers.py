"""The restorers without training as methods of the benchmark."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.classical import METHODS, Settings, restore_classically
from napari_hsi_restore.classical.engine import Noise
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Done

Cube = npt.NDArray[np.float32]
Sigma = npt.NDArray[np.float64]


def told(noisy: Cube, sigma: Sigma, *, name: str) -> Cube:
    """The method of a name, told the noise of every band."""
    return _wait(noisy, name, sigma)


def blind(noisy: Cube, sigma: Sigma, *, name: str) -> Cube:
    """The method of a name, which estimates the noise itself."""
    del sigma
    return _wait(noisy, name, "auto")


def methods() -> dict[str, Callable[[Cube, Sigma], Cube]]:
    """Every restorer that needs no training; those that use the noise twice, told and blind."""
    found: dict[str, Callable[[Cube, Sigma], Cube]] = {}
    for method in METHODS:
        if method.needs_noise:
            found[f"{method.name} (told)"] = partial(told, name=method.name)
        found[method.name] = partial(blind, name=method.name)
    return found


def _wait(noisy: Cube, name: str, noise: Noise) -> Cube:
    cube = HyperCube(noisy, name="benchmark", white_level=1.0)
    for event in restore_classically(cube, name, Settings(noise)):
        if isinstance(event, Done):
            return np.asarray(event.result.data)
    raise AssertionError("a restoration ends with Done or raises")
