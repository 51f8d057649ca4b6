"""Whether a model helps a cube: measured on the cube itself, shrunk by the scale.

What a cube would look like at a higher resolution is not known; how it looks at its own
is. Windows of it are shrunk by the scale, enlarged again by the model and by the
classical methods, and compared with what they were: the protocol of Wald, Ranchin and
Mangolini (Photogrammetric Engineering and Remote Sensing 63(6), 1997), who judge fusion
by it. To choose by it is this project's idea, as are the windows, the bands and the rule:
a model is taken if its squared error is below that of bicubic resampling, else back-
projection if its is, else bicubic. That back-projection may come nearer does not count
against a model: it is told the shrinking, antialiased bicubic, which a sensor may not do,
and a model does less well on a cube that has become tiny than on the cube itself.
"""

from __future__ import annotations

import dataclasses
import math
import weakref
from collections.abc import Callable, Generator, Iterator

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import downscale
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Progress
from napari_hsi_restore.metrics import sam_degrees
from napari_hsi_restore.restore.statistics import Measured
from napari_hsi_restore.restore.superres_recipe import (
    BACK_PROJECTION,
    BICUBIC,
    CLASSICAL,
    SuperresRecipe,
)
from napari_hsi_restore.zoo.records import ModelRecord

Indices = npt.NDArray[np.intp]
Run = Callable[[HyperCube, SuperresRecipe], Iterator[Event]]
Key = tuple[str, SuperresRecipe]

WHOLE_SIDE, WINDOW = 256, 128
"""Pixels: of an axis up to the one, all is looked at; of a longer one two windows."""

MOST_BANDS, RUN_BANDS = 32, 8
"""Of more bands, runs of consecutive ones: neighbours stay neighbours."""

FEWEST = 8
"""Pixels that a window must have along each side when it is shrunk."""


@dataclasses.dataclass(frozen=True)
class Check:
    """How well the methods gave a cube back that had been shrunk.

    Attributes
    ----------
    pixels, bands : int
        That were compared, at the resolution of the cube.
    gain_db : dict of str to float
        By method: how much smaller the squared error is than that of bicubic
        resampling, in dB.
    angle_deg : dict of str to float
        By method, bicubic too: mean spectral angle in degrees.
    """

    pixels: int
    bands: int
    gain_db: dict[str, float]
    angle_deg: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Choice:
    """What ``auto`` means for a cube.

    Attributes
    ----------
    method : str
        Name of a model, or one of `CLASSICAL`.
    reason : str
        A sentence for the user.
    check : Check or None
        None where the cube could not be checked.
    """

    method: str
    reason: str
    check: Check | None


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """What earlier runs found out about a cube, so that it is not measured twice.

    The caller sees to it that it is always the same cube.

    Attributes
    ----------
    spectra : Measured
        Of its good bands.
    checks : dict of (model, recipe) to Check or None
        Of models on it.
    """

    spectra: Measured = dataclasses.field(default_factory=Measured)
    checks: dict[Key, Check | None] = dataclasses.field(default_factory=dict)


# A preview follows another with the same cube; a model is checked on it once.
_checks: weakref.WeakKeyDictionary[HyperCube, dict[Key, Check | None]] = weakref.WeakKeyDictionary()


def known_of(cube: HyperCube) -> Known:
    """What this process knows of a cube: the checks, for its values may be edited in place."""
    return Known(checks=_checks.setdefault(cube, {}))


def choose(
    cube: HyperCube,
    recipe: SuperresRecipe,
    record: ModelRecord,
    active: Indices,
    run: Run,
    *,
    checks: dict[Key, Check | None],
) -> Generator[float, None, Choice]:
    """Check a model on a cube and choose by it.

    Parameters
    ----------
    cube : HyperCube
    recipe : SuperresRecipe
    record : ModelRecord
        The model that fits scale and bands.
    active : intp ndarray, (n,)
        Bands to look at.
    run : callable
        `napari_hsi_restore.restore.superres.superres`.
    checks : dict
        Earlier checks on this cube; gets the new one.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    Choice
    """
    named = recipe.model_copy(update={"model": record.name, "tile": None})
    key = record.sha256, named
    if key not in checks:
        checks[key] = yield from _check(cube, named, active, run)
    return decide(record.name, recipe.scale, checks[key])


def decide(model: str, scale: int, check: Check | None) -> Choice:
    """Choose between a model and the classical methods.

    Parameters
    ----------
    model : str
    scale : int
    check : Check or None
    """
    if check is None:
        reason = (
            f"{model} could not be checked on this cube: too few valid pixels are left when it is "
            f"shrunk by {scale}"
        )
        return Choice(model, reason, None)
    ours, theirs = check.gain_db[model], check.gain_db[BACK_PROJECTION]
    where = f"on this cube shrunk by {scale}"
    if ours > 0:
        reason = (
            f"{model} beats bicubic by {ours:.2f} dB {where} (back-projection: {theirs:.2f} dB)"
        )
        return Choice(model, reason, check)
    if theirs > 0:
        reason = (
            f"back-projection instead of {model}, which does not beat bicubic {where} "
            f"({ours:.2f} dB; back-projection: {theirs:.2f} dB)"
        )
        return Choice(BACK_PROJECTION, reason, check)
    reason = (
        f"bicubic instead of {model}, which does not beat it {where} "
        f"({ours:.2f} dB; back-projection: {theirs:.2f} dB)"
    )
    return Choice(BICUBIC, reason, check)


def _check(
    cube: HyperCube, named: SuperresRecipe, active: Indices, run: Run
) -> Generator[float, None, Check | None]:
    bands = sample_bands(active)
    places = windows(cube.shape[1:], named.scale)
    methods = (named, *(named.classical(name) for name in CLASSICAL))
    squares = dict.fromkeys((method.model for method in methods), 0.0)
    angles = dict.fromkeys(squares, 0.0)
    pixels = 0
    for index, place in enumerate(places):
        window = cube.crop(*place).select_bands(bands)
        # Read once: every method looks at it.
        truth = window.replace(data=np.asarray(window.data), history=())
        try:
            low = downscale(truth, named.scale)
            results = []
            for number, method in enumerate(methods):
                begin = index + number / len(methods)
                result = yield from _run(low, method, run, (begin, len(methods), len(places)))
                results.append(result)
        except UserError:
            continue  # nothing to see in this window
        valid = _both_valid(truth, results[0])
        count = int(valid.any(axis=0).sum())
        if count < FEWEST**2:
            continue
        pixels += count
        for method, result in zip(methods, results, strict=True):
            square, angle = _error(truth, result, valid)
            squares[method.model] += square
            angles[method.model] += count * angle
    base = squares.pop(BICUBIC)
    if not pixels or not base > 0:
        return None
    return Check(
        pixels,
        len(bands),
        {name: _decibel(base, square) for name, square in squares.items()},
        {name: angle / pixels for name, angle in angles.items()},
    )


def _run(
    low: HyperCube, method: SuperresRecipe, run: Run, place: tuple[float, int, int]
) -> Generator[float, None, HyperCube]:
    """Enlarge a window, with the fractions of the whole check."""
    begin, methods, count = place
    for event in run(low, method):
        if isinstance(event, Progress):
            yield (begin + event.fraction / methods) / count
        elif isinstance(event, Done):
            result: HyperCube = event.result
            return result
    raise AssertionError("a restoration ends with Done or raises")


def sample_bands(active: Indices) -> Indices:
    """At most `MOST_BANDS` of some bands, in runs of consecutive ones spread over all."""
    if len(active) <= MOST_BANDS:
        return active
    starts = np.linspace(0, len(active) - RUN_BANDS, MOST_BANDS // RUN_BANDS).round().astype(int)
    return active[(starts[:, None] + np.arange(RUN_BANDS)).ravel()]


def windows(shape: tuple[int, int], scale: int) -> list[tuple[slice, slice]]:
    """Up to four windows, rows and columns, of a multiple of a scale; none if too small.

    Parameters
    ----------
    shape : tuple of int
        (y, x).
    scale : int
    """
    rows, columns = (_spans(length, scale) for length in shape)
    return [(row, column) for row in rows for column in columns]


def _spans(length: int, scale: int) -> list[slice]:
    if length < FEWEST * scale:
        return []
    if length <= WHOLE_SIDE:
        side = length // scale * scale
        return [slice((length - side) // 2, (length - side) // 2 + side)]
    side = WINDOW // scale * scale
    middles = (length // 4, length - length // 4)
    return [slice(middle - side // 2, middle - side // 2 + side) for middle in middles]


def _both_valid(truth: HyperCube, result: HyperCube) -> npt.NDArray[np.bool_]:
    return truth.valid(truth.array()) & result.valid(result.array())


def _error(
    truth: HyperCube, result: HyperCube, valid: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Sum of squared differences in stored units, and mean spectral angle in degrees."""
    expected = truth.array().astype(np.float64)
    difference = (result.array() - expected)[valid]
    return float(np.sum(difference**2)), sam_degrees(expected, result.array(), valid=valid)


def _decibel(base: float, square: float) -> float:
    return 10.0 * math.log10(base / max(square, 1e-12 * base))
