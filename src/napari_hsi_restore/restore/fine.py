"""FineSR, the second stage of DualSR: back-projection under a spectral-angle constraint.

Li, Yuan, Jia, Wang, IEEE TIP 31, 2022. With U the cube enlarged by s, V the one
enlarged by s / 2 (the input itself at s = 2) and R(r, .) antialiased bicubic resizing:

    Z = V - R(1/2, U);  w = min(1, mean spectral angle of R(1/2, U) and V in degrees)
    result = U + R(2, w Z)

It needs neither a ground truth nor a number of steps.

This project adds a guard, and variants: the weight may be that of every pixel, and
steps of plain back-projection (Irani and Peleg, CVGIP 53(3), 1991) over the whole scale
may follow, ``U <- U + R(s, I - R(1/s, U))`` with I the input. A step after which the
result, shrunk to the input's size, is at a larger spectral angle to the input than
before is refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.metrics import sam_degrees, spectral_angle_map
from napari_hsi_restore.restore.room import Room
from napari_hsi_restore.restore.superres_recipe import FineOptions

_MEMORY = Room()

Block = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Correction = Callable[[int], Block]
Result = TypeVar("Result")


@dataclasses.dataclass(frozen=True)
class FineReport:
    """What the corrections did.

    Attributes
    ----------
    accepted, refused : tuple of str
        Steps that were done, and those that the guard refused.
    angle_before, angle_after : float
        Mean spectral angle of the shrunk result to the input, in degrees.
    """

    accepted: tuple[str, ...]
    refused: tuple[str, ...]
    angle_before: float
    angle_after: float


class _Corrected:
    """An enlarged cube, its shrunk form, and the guard.

    Parameters
    ----------
    enlarged : float32 ndarray, (bands, s y, s x)
        Changed in place.
    low : float32 ndarray, (bands, y, x)
    valid : bool ndarray, (y, x)
    room : Room
        For arrays as large as `low`.
    """

    def __init__(self, enlarged: Block, low: Block, valid: Mask, room: Room) -> None:
        self.enlarged, self.low, self.valid, self.room = enlarged, low, valid, room
        self.shape = low.shape[1:]
        self.shrunk: Block = room.array(low.shape)
        self.angle = 0.0

    def shrink(self) -> Generator[float, None, None]:
        for band in range(len(self.low)):
            self.shrunk[band] = _resized(self.enlarged[band], self.shape)
            yield (band + 1) / len(self.low)
        self.angle = self._angle(self.shrunk)

    def _angle(self, shrunk: Block) -> float:
        return sam_degrees(self.low, shrunk, valid=self.valid)

    def step(self, correction: Correction) -> Generator[float, None, bool]:
        """Add a correction, given band by band, unless it turns the spectra away."""
        bands = len(self.low)
        shrunk: Block = self.room.array(self.shrunk.shape)
        for band in range(bands):
            shrunk[band] = self.shrunk[band] + _resized(correction(band), self.shape)
            yield 0.5 * (band + 1) / bands
        angle = self._angle(shrunk)
        if angle > self.angle:
            return False
        for band in range(bands):
            # Once more rather than kept: the whole correction would double the memory.
            self.enlarged[band] += correction(band)
            yield 0.5 + 0.5 * (band + 1) / bands
        self.shrunk, self.angle = shrunk, angle
        return True


def refine(
    enlarged: Block,
    half: Block | None,
    low: Block,
    options: FineOptions,
    valid: Mask | None = None,
    *,
    room: Room = _MEMORY,
) -> Generator[float, None, FineReport]:
    """Correct an enlarged cube in place.

    Parameters
    ----------
    enlarged : float32 ndarray, (bands, s y, s x)
        U, in any unit.
    half : float32 ndarray, (bands, s y / 2, s x / 2), or None
        V; None where no model for half the scale is there, which leaves the half
        step out.
    low : float32 ndarray, (bands, y, x)
        The input, without gaps, in the same unit.
    options : FineOptions
    valid : bool ndarray, (y, x), optional
        Pixels of the input that count for the angles.
    room : Room
        Where copies of the input and of V go.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    FineReport
    """
    counted = np.ones(low.shape[1:], bool) if valid is None else valid
    cube = _Corrected(enlarged, low, counted, room)
    steps: list[tuple[str, Callable[[], Correction]]] = []
    if options.half_step != "none" and half is not None:
        name = f"half step, weight of the {options.half_step}"
        steps.append((name, lambda: _half(cube, half, options)))
    steps += [
        (f"consistency step {number}", lambda: _whole(cube))
        for number in range(1, options.consistency_steps + 1)
    ]
    accepted: list[str] = []
    refused: list[str] = []
    yield from _share(cube.shrink(), 0, len(steps) + 1)
    before = cube.angle
    for index, (name, correction) in enumerate(steps, start=1):
        if (yield from _share(cube.step(correction()), index, len(steps) + 1)):
            accepted.append(name)
        else:
            refused.append(name)
            if name.startswith("consistency"):
                break  # the next one would be the same
    return FineReport(tuple(accepted), tuple(refused), before, cube.angle)


def _share(
    task: Generator[float, None, Result], index: int, count: int
) -> Generator[float, None, Result]:
    """Run one of several tasks; its fractions become those of the whole."""
    while True:
        try:
            part = next(task)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield (index + part) / count


def _half(cube: _Corrected, half: Block, options: FineOptions) -> Correction:
    """FineSR's correction over half the scale."""
    small, large = half.shape[1:], cube.enlarged.shape[1:]
    shrunk: Block = cube.room.array(half.shape)
    for band, large_band in enumerate(cube.enlarged):
        shrunk[band] = _resized(large_band, small)
    repeated = cube.valid.repeat(small[0] // cube.shape[0], 0).repeat(small[1] // cube.shape[1], 1)
    angles = spectral_angle_map(half, shrunk, valid=repeated)
    seen = angles[~np.isnan(angles)]
    mean = float(seen.mean()) if seen.size else 0.0
    weight: float | npt.NDArray[np.float64] = min(1.0, mean)
    if options.half_step == "pixel":
        weight = np.minimum(1.0, np.nan_to_num(angles, nan=mean))
    for band in range(len(half)):
        shrunk[band] = (half[band] - shrunk[band]) * weight
    return lambda band: _resized(shrunk[band], large)


def _whole(cube: _Corrected) -> Correction:
    """Back-projection's correction over the whole scale."""
    low, shrunk, large = cube.low, cube.shrunk, cube.enlarged.shape[1:]
    return lambda band: _resized(low[band] - shrunk[band], large)


def back_project(low: Block, scale: int, steps: int) -> Block:
    """Plain iterative back-projection from bicubic: the classical method, and a peer.

    Parameters
    ----------
    low : float32 ndarray, (bands, y, x)
    scale, steps : int

    Returns
    -------
    float32 ndarray, (bands, scale y, scale x)
    """
    enlarged = np.asarray(resize_bicubic(low, scale=scale), dtype=np.float32)
    for _ in range(steps):
        enlarged += resize_bicubic(low - resize_bicubic(enlarged, scale=1 / scale), scale=scale)
    return enlarged


def _resized(band: Block, size: tuple[int, ...]) -> Block:
    """One band (y, x) at another size, antialiased bicubic."""
    return np.asarray(resize_bicubic(band[None], size=(size[0], size[1]))[0], dtype=np.float32)
