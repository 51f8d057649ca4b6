"""The published noise presets by name, and `degrade`, the door to them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations.deadline import add_dead_lines
from napari_hsi_restore.degradations.gaussian import (
    Floats,
    add_gaussian,
    add_non_iid,
    blind_sigma,
    correlated_sigmas,
    uniform_sigmas,
)
from napari_hsi_restore.degradations.impulse import add_impulses
from napari_hsi_restore.degradations.poisson import add_poisson
from napari_hsi_restore.degradations.stripe import add_stripes
from napari_hsi_restore.degradations.white import reference_white
from napari_hsi_restore.errors import UserError

Values = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Preset:
    """One kind of noise.

    Attributes
    ----------
    name : str
        What the user types. A trailing ``-S`` or ``-N`` stands for a number.
    example : str
        A name that can be typed as it is.
    description : str
        One line for a list of choices.
    apply : callable
        ``apply(array, number, rng) -> array`` on (bands, y, x) where white is 1;
        `number` is what was typed for the placeholder, 0 where there is none.
    """

    name: str
    example: str
    description: str
    apply: Callable[[Values, float, np.random.Generator], Floats]

    @property
    def prefix(self) -> str | None:
        """The name up to its number (``"gaussian-"``), None where it has none."""
        return self.name[:-1] if self.name.endswith(("-S", "-N")) else None


def _third(bands: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    return rng.permutation(bands)[: max(1, round(bands / 3))]


def _gaussian(array: Values, number: float, rng: np.random.Generator) -> Floats:
    return add_gaussian(array, number, rng)


def _blind(array: Values, number: float, rng: np.random.Generator) -> Floats:
    return add_gaussian(array, blind_sigma(rng), rng)


def _non_iid(array: Values, number: float, rng: np.random.Generator) -> Floats:
    return add_non_iid(array, rng)


def _non_iid_55(array: Values, number: float, rng: np.random.Generator) -> Floats:
    return add_gaussian(array, uniform_sigmas(array.shape[0], 55.0, rng), rng)


def _non_iid_95(array: Values, number: float, rng: np.random.Generator) -> Floats:
    return add_gaussian(array, uniform_sigmas(array.shape[0], 95.0, rng), rng)


def _correlated(array: Values, number: float, rng: np.random.Generator) -> Floats:
    return add_gaussian(array, correlated_sigmas(array.shape[0]), rng)


def _stripe(array: Values, number: float, rng: np.random.Generator) -> Floats:
    return add_stripes(add_non_iid(array, rng), _third(array.shape[0], rng), rng)


def _deadline(array: Values, number: float, rng: np.random.Generator) -> Floats:
    return add_dead_lines(add_non_iid(array, rng), _third(array.shape[0], rng), rng)


def _impulse(array: Values, number: float, rng: np.random.Generator) -> Floats:
    return add_impulses(add_non_iid(array, rng), _third(array.shape[0], rng), rng)


def _mixture(array: Values, number: float, rng: np.random.Generator) -> Floats:
    noisy = add_non_iid(array, rng)
    thirds = np.array_split(rng.permutation(array.shape[0]), 3)
    noisy = add_stripes(noisy, thirds[0], rng)
    noisy = add_dead_lines(noisy, thirds[1], rng)
    return add_impulses(noisy, thirds[2], rng)


def _poisson(array: Values, number: float, rng: np.random.Generator) -> Floats:
    return add_poisson(array, number, rng)


PRESETS: tuple[Preset, ...] = (
    Preset(
        "gaussian-S",
        "gaussian-50",
        "Gaussian noise of standard deviation S/255 of white in every band, unclipped",
        _gaussian,
    ),
    Preset(
        "blind",
        "blind",
        "Gaussian noise of one standard deviation, uniform in 10..70 of 255, for the whole cube",
        _blind,
    ),
    Preset(
        "non-iid",
        "non-iid",
        "Gaussian noise, every band draws its standard deviation from 10, 30, 50, 70 of 255",
        _non_iid,
    ),
    Preset(
        "non-iid-55",
        "non-iid-55",
        "Gaussian noise, every band draws its standard deviation uniformly in 0..55 of 255",
        _non_iid_55,
    ),
    Preset(
        "non-iid-95",
        "non-iid-95",
        "Gaussian noise, every band draws its standard deviation uniformly in 0..95 of 255",
        _non_iid_95,
    ),
    Preset(
        "correlated",
        "correlated",
        "Gaussian noise whose standard deviation is a bell curve over the bands, 23 of 255 at most",
        _correlated,
    ),
    Preset(
        "stripe",
        "stripe",
        "non-iid, then 5..15 % of the columns of a third of the bands are shifted by up to 0.25",
        _stripe,
    ),
    Preset(
        "deadline",
        "deadline",
        "non-iid, then 5..15 % of the columns of a third of the bands become 0",
        _deadline,
    ),
    Preset(
        "impulse",
        "impulse",
        "non-iid, then 10..70 % of the pixels of a third of the bands become 0 or white",
        _impulse,
    ),
    Preset(
        "mixture",
        "mixture",
        "non-iid, then stripes, dead lines and impulses, each on its own third of the bands",
        _mixture,
    ),
    Preset(
        "poisson-N",
        "poisson-100",
        "photon noise of a detector that counts N photons at white",
        _poisson,
    ),
)


def find_preset(name: str) -> tuple[Preset, float]:
    """Find the preset that a user typed, and the number in it (0 if none).

    Raises
    ------
    UserError
        If there is no such preset; the sentence lists the choices.
    """
    for preset in PRESETS:
        if preset.prefix is None:
            if name == preset.name:
                return preset, 0.0
        elif name.startswith(preset.prefix):
            number = _number(name.removeprefix(preset.prefix))
            if number is not None:
                return preset, number
    choices = ", ".join(preset.name for preset in PRESETS)
    raise UserError(
        f"There is no degradation preset {name!r}; choose one of {choices}, where S is a "
        "standard deviation on the 0..255 scale of white and N a number of photons, both above 0."
    )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 < number <= 1e12 else None


def degrade(cube: HyperCube, preset: str, seed: int = 0) -> HyperCube:
    """Add the noise of a published preset to a cube.

    Parameters
    ----------
    cube : HyperCube
        The clean cube.
    preset : str
        A name of `PRESETS`, such as ``"gaussian-50"`` or ``"mixture"``.
    seed : int
        The same seed gives the same noise. Not negative.

    Returns
    -------
    HyperCube
        float32, in the stored units of `cube`, not clipped. No-data stays no-data.
        `white_level` is the level that the noise is relative to, and the preset
        and seed stand in its history.

    Raises
    ------
    UserError
        For an unknown preset, a negative seed, or a cube without positive values
        or a white level.
    """
    spec, number = find_preset(preset)
    if seed < 0:
        raise UserError(f"The seed is {seed}; give a whole number that is not negative.")
    white = reference_white(cube)
    stored = cube.array()
    valid = cube.valid(stored)
    scaled = np.divide(stored, white, dtype=np.float32)
    scaled[~valid] = 0.0
    noisy = spec.apply(scaled, number, np.random.default_rng(seed))
    noisy *= np.float32(white)
    if cube.nodata is not None and np.isfinite(cube.nodata):
        # A measurement may not turn into no-data because the noise hit that very value.
        missing = np.float32(cube.nodata)
        noisy[noisy == missing] = np.nextafter(missing, np.float32(np.inf))
    np.copyto(noisy, stored, where=~valid, casting="unsafe")
    return cube.replace(
        data=noisy,
        white_level=white,
        history=(
            *cube.history,
            f"Degraded with preset {preset}, seed {seed}, relative to a white level of {white:g}.",
        ),
    )
