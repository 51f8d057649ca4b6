"""Did it delete my signal? What is left of the scene in what was removed.

The residual, input minus output, of a good restoration is noise: its pixels know nothing of
their neighbours, in whatever mixture of the bands. The mixture is looked for in which they
share most: the one whose means over some pixels vary most for what the single pixels vary.
What they share was part of the scene, or noise that is correlated itself. That bands share
something is no sign of it: a restoration that keeps a spectral subspace removes the noise
outside of it alone. The measures and limits are ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
import numpy.typing as npt
import pydantic
from scipy import ndimage

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.noise.scale import robust_sigma

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_MOST_VALUES = 16_000_000
_LEAST_BANDS, _MOST_BANDS = 4, 64
_LEAST_PIXELS = 400
_SAMPLE = 65536
# What was mended (impulses, dead lines) is larger than that, in units of the noise.
_MENDED = 4.0
_OWN_SLOPE = 2.0
"""A line goes with the scene by itself where that stands out so far [ours]."""
AROUND = 5
"""Side of the squares of pixels that are looked at together."""

_POINTS, _APART = 5, 8
_STANDS_OUT = 30.0
_LEAST_SHARE = 1e-3

SOME, MUCH = 0.005, 0.05
"""Structured share of a residual that is mentioned, and that is too much [ours]."""


class Residual(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What the residual of a restoration has in it beside noise.

    Attributes
    ----------
    structured : float
        Part of its variance that neighbouring pixels share, 0..1.
    removed_of_noise : float or None
        Its standard deviation over that of the estimated noise, median over the bands.
    points : tuple of (row, column)
        Pixels around which most structure was removed, the most striking first; only
        those that stand out.
    """

    structured: float
    removed_of_noise: float | None
    points: tuple[tuple[int, int], ...]

    @property
    def sentence(self) -> str:
        """What that means, for a person."""
        places = ", ".join(f"({row}, {column})" for row, column in self.points)
        there = f" Look at the residual around (row, column) {places}." if places else ""
        if self.structured >= MUCH:
            return (
                f"{self.structured:.0%} of what was removed is structure, not noise: parts of the "
                f"scene may be gone; try less strength or another model.{there}"
            )
        if self.structured >= SOME:
            share = f"{100 * self.structured:.2g} %"
            return (
                f"What was removed looks like noise but for {share} of it, in which neighbouring "
                f"pixels agree.{there}"
            )
        if places:
            return f"What was removed looks like noise but for small places.{there}"
        return "What was removed looks like noise: no part of the scene is seen in it."


@dataclasses.dataclass(frozen=True, eq=False)
class _Looked:
    """What was looked at, of the bands from which something was removed.

    Attributes
    ----------
    single : list of float32 ndarray, (samples,)
        The residual of pixels, in units of its spread.
    means : list of float32 ndarray, (y, x)
        Means over some pixels, scaled so that those of noise have the same spread.
    ratios : list of float
        Spread of the residual over the noise.
    """

    single: list[npt.NDArray[np.float32]]
    means: list[Image]
    ratios: list[float]


def look_at_residual(
    cube: HyperCube,
    result: HyperCube,
    sigma: npt.NDArray[np.float64] | None,
    hidden: Mask | None = None,
) -> Generator[float, None, Residual | None]:
    """Measure what the residual has in it beside noise.

    Parameters
    ----------
    cube : HyperCube
        What was restored.
    result : HyperCube
        Of the same shape.
    sigma : float64 ndarray, (bands,), or None
        Noise that was estimated or told, in stored units, NaN where it is not known.
    hidden : bool ndarray, (y, x), or None
        Pixels that were filled on purpose: what was there is no noise.

    Yields
    ------
    float
        Fraction done, after every band.

    Returns
    -------
    Residual or None
        None where there is too little to look at.
    """
    _, height, width = cube.shape
    if height * width < _LEAST_PIXELS or min(height, width) < AROUND:
        return None
    looked = _Looked([], [], [])
    chosen = bands_to_look_at(cube)
    for number, band in enumerate(chosen):
        white = whitened(*residual_of_band(cube, result, int(band), hidden))
        _add(looked, white, None if sigma is None else float(sigma[band]))
        yield (number + 1) / len(chosen)
    if not looked.means:
        return None
    structured, energy = _structure(looked)
    return Residual(
        structured=_rounded(structured),
        removed_of_noise=_rounded(float(np.median(looked.ratios))) if looked.ratios else None,
        points=_points(energy),
    )


def bands_to_look_at(cube: HyperCube) -> npt.NDArray[np.intp]:
    """Good bands, evenly over the spectrum, that are enough to judge by, (chosen,)."""
    _, height, width = cube.shape
    usable = np.flatnonzero(cube.usable_bands())
    count = int(np.clip(_MOST_VALUES // (height * width), _LEAST_BANDS, _MOST_BANDS))
    places = np.linspace(0, len(usable) - 1, min(count, len(usable))).round().astype(np.intp)
    return usable[np.unique(places)]


def residual_of_band(
    cube: HyperCube, result: HyperCube, band: int, hidden: Mask | None = None
) -> tuple[Image, Image, Mask]:
    """Input minus output of a band, its output, float32 (y, x) each, and where it counts, bool.

    It counts where both are known and nothing was hidden.
    """
    stored = np.asarray(cube.data[band])
    scene = np.asarray(result.data[band], dtype=np.float32)
    left = stored.astype(np.float32) - scene
    valid = cube.valid(stored) & np.isfinite(left)
    return left, scene, valid if hidden is None else valid & ~hidden


@dataclasses.dataclass(frozen=True, eq=False)
class White:
    """The residual of a band in units of its spread, without what was mended.

    Attributes
    ----------
    values : float32 ndarray, (y, x)
        Mean square 1 where it counts, else 0.
    sound : bool ndarray, (y, x)
        Where it counts.
    level : float
        Its spread in stored units.
    """

    values: Image
    sound: Mask
    level: float


def whitened(left: Image, scene: Image, valid: Mask) -> White | None:
    """The residual of a band, made comparable; None if nothing was removed from it.

    Parameters
    ----------
    left, scene : float32 ndarray, (y, x)
        What was removed and what is left, in stored units.
    valid : bool ndarray, (y, x)
    """
    if valid.sum() < _LEAST_PIXELS:
        return None
    level = robust_sigma(left[valid][:: max(1, int(valid.sum()) // _SAMPLE)], resist=True)
    if not level > 0:
        return None
    white = left / np.float32(level)
    sound = valid & (np.abs(white) < _MENDED)
    white = _without_lines(np.where(sound, white, np.float32(0.0)), scene, sound)
    power = float(np.mean(np.square(white[sound], dtype=np.float64)))
    return White(white / np.float32(np.sqrt(power)), sound, level) if power > 0 else None


def _add(looked: _Looked, white: White | None, sigma: float | None) -> None:
    """Take one band into account, if something was removed from it."""
    if white is None:
        return
    if sigma is not None and np.isfinite(sigma) and sigma > 0:
        looked.ratios.append(white.level / sigma)
    mean = ndimage.uniform_filter(white.values, size=AROUND, mode="constant")
    looked.means.append(mean * np.float32(AROUND))
    looked.single.append(white.values.ravel()[:: max(1, white.values.size // _SAMPLE)])


def _without_lines(white: Image, scene: Image, sound: Mask) -> Image:
    """Without what single rows and columns share: stripes are taken off on purpose.

    Of shifts that is the mean of a line, of gains what goes with the scene there more, or less,
    than in most lines: what goes with it everywhere was no stripe.
    """
    for axis in (0, 1):
        count = np.maximum(sound.sum(axis=axis, keepdims=True), 1)
        white = np.where(sound, white - white.sum(axis=axis, keepdims=True) / count, 0.0)
        mean = np.where(sound, scene, 0.0).sum(axis=axis, keepdims=True, dtype=np.float64) / count
        contrast = np.where(sound, scene - mean.astype(np.float32), np.float32(0.0))
        power = np.square(contrast).sum(axis=axis, keepdims=True)
        slope = (white * contrast).sum(axis=axis, keepdims=True) / np.maximum(power, 1e-30)
        usual = np.median(slope[power > 0.0]) if (power > 0.0).any() else 0.0
        # Of white noise such a slope is known to 1 over the root of the power.
        own = np.square(slope - usual) * power > _OWN_SLOPE**2
        white -= np.where(own, slope - usual, np.float32(0.0)) * contrast
    return np.asarray(white, np.float32)


def _structure(looked: _Looked) -> tuple[float, Image]:
    """Part of the variance that pixels share, and where they share most, (y, x).

    The energy is 1 for noise, in units of its own scatter from there.
    """
    single = np.stack(looked.single)
    grid = np.stack([mean[::AROUND, ::AROUND].ravel() for mean in looked.means])
    bands, count = grid.shape
    noise = (single @ single.T).astype(np.float64) / single.shape[1]
    values, vectors = np.linalg.eigh(noise)
    kept = values > _LEAST_SHARE * values[-1]
    whitener = vectors[:, kept] / np.sqrt(values[kept])
    shared, turned = np.linalg.eigh(whitener.T @ (grid @ grid.T / count) @ whitener)
    # The largest that so few means of noise would show (Marchenko and Pastur), and a tenth.
    edge = 1.1 * (1.0 + np.sqrt(len(shared) / count)) ** 2
    beyond = shared > edge
    part = float(np.sum(shared[beyond] - 1.0)) / AROUND**2 / bands
    # Without any such mixture the most suspicious one is looked at.
    chosen = (whitener @ turned)[:, beyond if beyond.any() else [-1]].astype(np.float32)
    energy = np.zeros_like(looked.means[0])
    for mixture in chosen.T:
        energy += np.square(
            sum(weight * mean for weight, mean in zip(mixture, looked.means, strict=True))
        )
    mixtures = chosen.shape[1]
    return min(part, 1.0), (energy / mixtures - 1.0) / np.float32(np.sqrt(2.0 / mixtures))


def _points(striking: Image) -> tuple[tuple[int, int], ...]:
    """Places whose surroundings have more in common than noise, the most striking first."""
    peak = (striking == ndimage.maximum_filter(striking, size=2 * _APART + 1)) & (
        striking > _STANDS_OUT
    )
    places = np.argwhere(peak)
    order = np.argsort(-striking[peak], kind="stable")[:_POINTS]
    return tuple((int(row), int(column)) for row, column in places[order])


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
