"""Whether cubes go together in one job; nothing of their values is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError

WAVELENGTH_TOLERANCE_NM = 1.0
"""Bands nearer than that count as the same."""


def check_alike(cubes: Sequence[HyperCube], references: Sequence[HyperCube] | None) -> None:
    """Refuse cubes that do not go together in one job.

    Parameters
    ----------
    cubes : sequence of HyperCube
    references : sequence of HyperCube, optional

    Raises
    ------
    UserError
        If there is none, band counts or wavelengths differ, or a reference does not
        have the shape and wavelengths of its cube.
    """
    if not cubes:
        raise UserError("There is no cube to learn from; give at least one.")
    for other in cubes[1:]:
        check_same_bands(cubes[0], other)
    if references is None:
        return
    if len(references) != len(cubes):
        raise UserError(
            f"setting 'reference': {len(references)} references for {len(cubes)} cubes; give one "
            "for each cube, in the same order."
        )
    for cube, reference in zip(cubes, references, strict=True):
        if cube.shape != reference.shape:
            raise UserError(
                f"{title(reference)}: has shape {reference.shape} (bands, rows, columns) and "
                f"cannot be the reference of {title(cube)} with {cube.shape}; give the clean cube "
                "of the same pixels."
            )
        check_same_bands(cube, reference)


def check_same_bands(one: HyperCube, other: HyperCube) -> None:
    """Refuse two cubes with different numbers of bands or wavelengths.

    Raises
    ------
    UserError
    """
    if one.n_bands != other.n_bands:
        raise UserError(
            f"{title(other)}: has {other.n_bands} bands, {title(one)} has {one.n_bands}; one job "
            "takes cubes of one sensor with the same bands."
        )
    first, second = one.wavelengths_nm, other.wavelengths_nm
    if first is None or second is None:
        return
    apart = np.abs(first - second)
    if not np.all(apart <= WAVELENGTH_TOLERANCE_NM):
        band = int(np.argmax(np.nan_to_num(apart, nan=np.inf)))
        raise UserError(
            f"{title(other)}: band {band} lies at {second[band]:g} nm, that of {title(one)} at "
            f"{first[band]:g} nm; one job takes cubes with the same wavelengths."
        )


def title(cube: HyperCube) -> str:
    """What a message calls a cube."""
    return cube.source or cube.name
