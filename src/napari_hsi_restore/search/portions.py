"""Which pixels of the cubes serve what; no pixel serves two things."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.training.cubes import Cube

LEAST_SIDE = 12
"""Pixels along each side of a half that can be learned from [ours]."""


@dataclasses.dataclass(frozen=True, eq=False)
class Halves:
    """Training pixels of the search.

    Attributes
    ----------
    theta, alpha : list of float32 ndarray, (bands, y, x)
        For the weights and for the architecture. Clean, white at 1; no pixel is in both.
    """

    theta: list[Cube]
    alpha: list[Cube]


def halve(cubes: Sequence[Cube]) -> Halves:
    """Divide cubes in two along their longer side.

    Which half comes first alternates from cube to cube.

    Parameters
    ----------
    cubes : sequence of float32 ndarray, (bands, y, x)

    Raises
    ------
    UserError
        If no cube is large enough.
    """
    theta: list[Cube] = []
    alpha: list[Cube] = []
    for cube in cubes:
        length = max(cube.shape[1:])
        if min(length // 2, *cube.shape[1:]) < LEAST_SIDE:
            continue
        parts = [_part(cube, slice(0, length // 2)), _part(cube, slice(length // 2, length))]
        theta.append(parts[len(theta) % 2])
        alpha.append(parts[1 - len(alpha) % 2])
    if not theta:
        raise UserError(
            "setting 'cubes': too few pixels to search with: when some are held out for checking, "
            f"at least {2 * LEAST_SIDE} x {LEAST_SIDE} must be left of a cube; give a larger one."
        )
    return Halves(theta, alpha)


def _part(cube: Cube, along: slice) -> Cube:
    return cube[:, along] if cube.shape[1] >= cube.shape[2] else cube[:, :, along]
