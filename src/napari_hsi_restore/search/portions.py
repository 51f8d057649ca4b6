"""Which pixels of the user's cubes serve what; no pixel serves two things."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.search.strategy import Halves
from napari_hsi_restore.training.cubes import Cube

HELD_OUT = 0.2
"""Part of every cube that only scores are taken from."""

SMALLEST = 48
"""Pixels along the longer side of a cube that can be divided; a smaller one serves whole."""

LEAST_SIDE = 16
"""Pixels along the shorter side that can be learned from."""


@dataclasses.dataclass(frozen=True, eq=False)
class Portions:
    """The cubes of a search, divided.

    Attributes
    ----------
    halves : Halves
        For the weights and for the architecture.
    training : list of float32 ndarray, (bands, y, x)
        Both halves in one: for training what was found.
    held_out : list of float32 ndarray, (bands, y, x)
    """

    halves: Halves
    training: list[Cube]
    held_out: list[Cube]


def divide(cubes: Sequence[Cube]) -> Portions:
    """Divide cubes along their longer side: two halves, and a fifth that is held out.

    Which half comes first alternates from cube to cube. Cubes of fewer than `SMALLEST`
    pixels along it serve whole, in turn, the weights, the architecture and the scores.

    Parameters
    ----------
    cubes : sequence of float32 ndarray, (bands, y, x)

    Raises
    ------
    UserError
        If there are too few pixels for the three parts.
    """
    theta: list[Cube] = []
    alpha: list[Cube] = []
    training: list[Cube] = []
    held_out: list[Cube] = []
    whole = 0
    for place, cube in enumerate(cubes):
        if min(cube.shape[1:]) < LEAST_SIDE:
            continue
        length = max(cube.shape[1:])
        if length < SMALLEST:
            (theta, alpha, held_out)[whole % 3].append(cube)
            if whole % 3 < 2:
                training.append(cube)
            whole += 1
            continue
        end = length - max(LEAST_SIDE, round(HELD_OUT * length))
        parts = [_part(cube, slice(0, end // 2)), _part(cube, slice(end // 2, end))]
        theta.append(parts[place % 2])
        alpha.append(parts[1 - place % 2])
        training.append(_part(cube, slice(0, end)))
        held_out.append(_part(cube, slice(end, length)))
    if not (theta and alpha and held_out):
        raise UserError(
            f"setting 'cubes': too few pixels to learn from; give a cube of at least {SMALLEST} x "
            f"{LEAST_SIDE} pixels, or three smaller ones of at least {LEAST_SIDE} x {LEAST_SIDE}."
        )
    return Portions(Halves(theta, alpha), training, held_out)


def _part(cube: Cube, along: slice) -> Cube:
    return cube[:, along] if cube.shape[1] >= cube.shape[2] else cube[:, :, along]
