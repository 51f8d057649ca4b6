"""The user's cubes as targets: checked, with white at 1, denoised where they need it."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np

from napari_hsi_restore.classical.engine import restore_classically
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Note, Progress
from napari_hsi_restore.noise import estimate_sigma
from napari_hsi_restore.training.cubes import Cube, normalised

TOO_NOISY = 3.0
"""Noise (square mean of the bands, white at 255) from which a cube is not called clean [ours]."""


def check_alike(cubes: Sequence[HyperCube]) -> None:
    """Refuse cubes that are not of one sensor.

    Raises
    ------
    UserError
        If there is none, or their band counts or wavelengths differ.
    """
    if not cubes:
        raise UserError("setting 'cubes': a search needs at least one cube.")
    first = cubes[0]
    for cube in cubes[1:]:
        if cube.n_bands != first.n_bands:
            raise UserError(
                f"{_name(cube)} has {cube.n_bands} bands and {_name(first)} {first.n_bands}; "
                "search with cubes of one sensor."
            )
        ours, theirs = first.wavelengths_nm, cube.wavelengths_nm
        if ours is not None and theirs is not None and not np.allclose(ours, theirs, atol=1.0):
            raise UserError(
                f"{_name(cube)} has other wavelengths than {_name(first)}; search with cubes of "
                "one sensor."
            )


def targets(cubes: Sequence[HyperCube]) -> Generator[Event, None, list[Cube]]:
    """The cubes as clean ones.

    A cube whose own noise stands out of the noise of the training, so that a network
    would learn to leave it in, is replaced by its restoration with NGmeet [ours].

    Yields
    ------
    Progress, Note

    Returns
    -------
    list of float32 ndarray, (bands, y, x)
        White is 1.

    Raises
    ------
    UserError
        If the cubes are not alike, or one holds no measurements.
    """
    check_alike(cubes)
    found = []
    for cube in cubes:
        yield Progress(0.0, f"reading {cube.name}")
        clean = normalised(_active(cube))
        level = 255.0 * float(np.sqrt(np.mean(np.square(estimate_sigma(clean)))))
        if level > TOO_NOISY:
            yield Note(
                f"{cube.name} is itself noisy (about sigma {level:.1f} where white is 255): its "
                "classical restoration (ngmeet) stands in for a clean cube."
            )
            clean = yield from _denoised(cube.name, clean)
        found.append(clean)
    return found


def _active(cube: HyperCube) -> HyperCube:
    stored = cube.array()
    if not cube.valid(stored).any():
        raise UserError(
            f"{_name(cube)}: all values are NaN or no-data, so there is nothing to learn from."
        )
    return cube


def _denoised(name: str, noisy: Cube) -> Generator[Event, None, Cube]:
    for event in restore_classically(HyperCube(noisy, name=name, white_level=1.0), "ngmeet"):
        if isinstance(event, Progress):
            yield Progress(0.0, f"denoising {name}: {event.fraction:.0%}")
        elif isinstance(event, Done):
            restored: Cube = event.result.array().astype(np.float32)
    return restored


def _name(cube: HyperCube) -> str:
    return cube.source or cube.name
