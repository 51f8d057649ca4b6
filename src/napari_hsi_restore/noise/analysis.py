"""Everything that is found of the noise and the defects of a cube, in one go."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import reference_white
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.noise.bad_bands import Reason, in_water, is_saturated, only_noise
from napari_hsi_restore.noise.defects import dead_lines
from napari_hsi_restore.noise.known import Known
from napari_hsi_restore.noise.measured import (
    Block,
    Float,
    Mask,
    Measured,
    Moments,
    Stripes,
    Whole,
)
from napari_hsi_restore.noise.outliers import jumps, lone_outliers
from napari_hsi_restore.noise.portion import portion
from napari_hsi_restore.noise.report import NoiseReport, StripeKind
from napari_hsi_restore.noise.shot import shot_of
from napari_hsi_restore.noise.signal_dependence import SignalDependence
from napari_hsi_restore.noise.stripes import (
    Direction,
    Lines,
    line_shifts,
    plain_stripes,
    split_stripes,
)

# Nothing smaller than this part of the spread of a band is called an impulse.
_IMPULSE_OF_SPREAD = 1.0
_TIMES_SIGMA = 8.0
_LEAST_IMPULSES, _IMPULSE_SHARE = 8, 2e-4
_NEAR = 4
# HySime keeps a direction of the spectra whose power is more than twice its noise.
_TIMES_THE_NOISE = 2.0


@dataclasses.dataclass(frozen=True, eq=False)
class _Bands:
    """What one look at every active band found, in their order.

    Attributes
    ----------
    power : float64 ndarray, (active,)
        Mean square of the sound values.
    saturated : bool ndarray, (active,)
    stuck : float64 ndarray, (active,)
        Part of the valid values that is repeated too often.
    lone : float64 ndarray, (active,)
        Part of the valid values that jumps out alone.
    dead : dict of int to (columns, rows)
        By index among the active bands; tuples of int.
    valid : int
        Valid values of the active bands.
    """

    power: Float
    saturated: Mask
    stuck: Float
    lone: Float
    dead: dict[int, tuple[tuple[int, ...], tuple[int, ...]]]
    valid: int


@dataclasses.dataclass(frozen=True, eq=False)
class _Striped:
    """Bands with stripes, by index among the active ones.

    Attributes
    ----------
    bands : intp ndarray, (striped,)
    axis : {'columns', 'rows'} or None
    strength : float
        Root mean square shift of their lines at the mean signal, in units of the noise.
    kinds : tuple of str, (striped,)
    gain : float
        Root mean square difference from 1 of the gains of lines that have their own.
    """

    bands: npt.NDArray[np.intp]
    axis: Direction | None
    strength: float
    kinds: tuple[StripeKind, ...] = ()
    gain: float = 0.0


@dataclasses.dataclass(frozen=True, eq=False)
class _Fits:
    """Stripes, growth of the noise with the signal, and moments."""

    striped: _Striped
    shot: SignalDependence | None
    moments: Moments


def analyse(cube: HyperCube, known: Known | None = None) -> Generator[float, None, NoiseReport]:
    """Find the noise and the defects of a cube.

    Parameters
    ----------
    cube : HyperCube
        Any real type and units, lazy or not.
    known : Known, optional
        What is known of this very cube; gets what is found here.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    NoiseReport

    Raises
    ------
    UserError
        If no band has two different valid values.
    """
    known = known or Known()
    if known.report is not None:
        return known.report
    measured = yield from portion(known.measured(cube, None, mends=True), 0.0, 0.4)
    sigma = known.noise(measured, mends=True)
    yield 0.5
    found = yield from portion(known.moments(measured, mends=True), 0.5, 0.55)
    shot = shot_of(measured)
    most = _largest(sigma, shot)
    spread = np.sqrt(np.diag(found.covariance))
    bands = yield from portion(_look(measured, most, spread), 0.6, 0.8)
    looked = dataclasses.replace(measured, whole=Whole(found))
    lines = yield from portion(line_shifts(looked, sigma), 0.8, 0.9)
    striped = _striped(sigma, lines, most, spread)
    if striped.axis is not None and lines is not None:
        steps = split_stripes(looked, sigma, found, lines[striped.axis], striped.axis)
        striped = _of_kinds(striped, (yield from portion(steps, 0.9, 1.0)))
    known.report = _report(measured, sigma, bands, _Fits(striped, shot, found))
    return known.report


@dataclasses.dataclass(frozen=True, eq=False)
class _Band:
    """One band: which values are valid, dead and sound, and how they jump, (y, x) each."""

    numbers: Block
    valid: Mask
    lines: Mask
    sound: Mask
    jump: Block
    saturated: bool


def _look(measured: Measured, sigma: Float, spread: Float) -> Generator[float, None, _Bands]:
    """Dead lines, impulses, saturation and power of every active band."""
    count = len(measured.active)
    power, stuck, lone = np.zeros(count), np.zeros(count), np.zeros(count)
    saturated = np.zeros(count, dtype=bool)
    dead: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {}
    total = 0
    least = np.maximum(_TIMES_SIGMA * sigma, _IMPULSE_OF_SPREAD * spread)
    # Of noise alone nothing is known about the scene.
    contrast = np.sqrt(np.maximum(np.square(spread) - np.square(sigma), 1e-6 * np.square(sigma)))
    bands = _Window(measured)
    for index in range(count):
        band = bands[index]
        if band.lines.any():
            dead[index] = _places(band.lines, band.valid)
        beside = [
            np.where(bands[other].sound, bands[other].jump, np.float32(np.inf))
            * np.float32(contrast[index] / contrast[other])
            for other in _beside(index, sigma / contrast)
        ]
        jumping = lone_outliers(band.jump, beside, band.sound, float(least[index]))
        valid = int(band.valid.sum())
        stuck[index] = np.count_nonzero(band.valid & ~band.sound & ~band.lines) / max(valid, 1)
        jumps_of = int(np.count_nonzero(jumping))
        if jumps_of >= max(_LEAST_IMPULSES, _IMPULSE_SHARE * valid):
            lone[index] = jumps_of / valid
        saturated[index] = band.saturated
        chosen = band.numbers[band.sound & ~jumping]
        power[index] = float(np.mean(np.square(chosen, dtype=np.float64))) if chosen.size else 0.0
        total += valid
        yield (index + 1) / count
    return _Bands(power, saturated, stuck, lone, dead, total)


class _Window:
    """The bands around the one that is looked at, each read and filtered once."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._bands: dict[int, _Band] = {}

    def __getitem__(self, index: int) -> _Band:
        if index not in self._bands:
            while len(self._bands) > 2 * _NEAR:
                del self._bands[min(self._bands)]
            self._bands[index] = _band(self._measured, index)
        return self._bands[index]


def _beside(index: int, noisiness: Float) -> list[int]:
    """The two bands near to one that hold most of the scene."""
    near = range(max(0, index - _NEAR), min(len(noisiness), index + _NEAR + 1))
    return sorted((other for other in near if other != index), key=lambda n: noisiness[n])[:2]


def _band(measured: Measured, index: int) -> _Band:
    cube = measured.cube
    values = np.asarray(cube.data[int(measured.active[index])])
    valid = cube.valid(values)
    lines = dead_lines(values, valid)
    sound = valid & ~lines
    if measured.outliers is not None:
        sound &= ~measured.outliers[index]
    numbers = values.astype(np.float32)
    return _Band(numbers, valid, lines, sound, jumps(numbers, sound), is_saturated(values, valid))


def _places(lines: Mask, valid: Mask) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Columns and rows that are dead throughout."""
    found = []
    for axis in (0, 1):
        whole = (lines | ~valid).all(axis=axis) & lines.any(axis=axis)
        found.append(tuple(int(place) for place in np.flatnonzero(whole)))
    return found[0], found[1]


def _largest(sigma: Float, shot: SignalDependence | None) -> Float:
    """Noise of every band where its signal is largest, (active,)."""
    return sigma if shot is None or not shot.share else np.fmax(sigma, shot.at_most)


def _report(
    measured: Measured,
    sigma: Float,
    bands: _Bands,
    fits: _Fits,
) -> NoiseReport:
    cube, active = measured.cube, measured.active
    shot, found = fits.shot, fits.moments
    white = _white(cube)
    snr = np.full(cube.n_bands, np.nan)
    noise = np.square(sigma)
    snr[active] = 10.0 * np.log10(np.maximum(bands.power - noise, 1e-6 * noise) / noise)
    sigmas = np.full(cube.n_bands, np.nan)
    sigmas[active] = sigma
    striped = fits.striped.bands
    dead, dead_direction = _dead(bands)
    # The rim of a stripe jumps out, too.
    lone = bands.lone.copy()
    lone[striped] = 0.0
    impulses = bands.stuck + lone
    has_impulses = np.flatnonzero(impulses > 0)
    eigenvalues = np.linalg.eigvalsh(found.covariance / np.outer(sigma, sigma))
    values = int(np.prod(cube.shape))
    valid = bands.valid / (values * len(active) / cube.n_bands)
    return NoiseReport(
        shape=cube.shape,
        sigma=_plain(sigmas),
        sigma_255=_plain(sigmas * 255.0 / white if white else np.full(len(sigmas), np.nan)),
        snr_db=_plain(snr),
        shot_share=None if shot is None else shot.share,
        shot_part=_shot_part(cube.n_bands, active, shot, found),
        photons_at_white=_photons(shot, white),
        impulse_fraction=float(impulses.mean()),
        lone_fraction=float(lone.mean()),
        impulse_bands=_numbers(active[has_impulses]),
        stripes=_numbers(active[striped]),
        stripe_direction=fits.striped.axis,
        stripe_strength=fits.striped.strength,
        stripe_kinds=dict(zip(_numbers(active[striped]), fits.striped.kinds, strict=True)),
        stripe_gain=fits.striped.gain,
        dead_lines={int(active[index]): places for index, places in dead.items()},
        dead_line_direction=dead_direction,
        bad_bands=_bad_bands(measured, sigma, bands, found, snr),
        subspace_dimension=int(np.count_nonzero(eigenvalues > _TIMES_THE_NOISE)),
        missing_fraction=float(1.0 - valid),
    )


def _striped(
    sigma: Float, found: dict[Direction, Lines] | None, most: Float, spread: Float
) -> _Striped:
    """Bands with stripes, along the axis that has more of them; all shifts so far."""
    by_axis: dict[Direction, tuple[npt.NDArray[np.intp], Float]] = {}
    for axis, lines in (found or {}).items():
        by_axis[axis] = plain_stripes(lines, sigma, spread, np.maximum(most / sigma, 1.0))
    if not any(bands.size for bands, _ in by_axis.values()):
        return _Striped(np.array([], dtype=np.intp), None, 0.0)
    axis = max(by_axis, key=lambda name: float(by_axis[name][1].sum()))
    bands, size = by_axis[axis]
    kinds: list[StripeKind] = ["shift"] * len(bands)
    return _Striped(bands, axis, float(np.sqrt(size.mean())), tuple(kinds))


def _of_kinds(striped: _Striped, stripes: Stripes) -> _Striped:
    """The same bands with what their stripes are."""
    if stripes.gain is None:
        return striped
    count = len(stripes.shift)
    more = stripes.gain.reshape(count, -1)[striped.bands] - 1.0
    shifted = stripes.shift.reshape(count, -1)[striped.bands] != 0.0
    kinds: list[StripeKind] = []
    for own, moved in zip(more != 0.0, shifted, strict=True):
        if not own.any():
            kinds.append("shift")
        else:
            kinds.append("shift and gain" if moved[own].any() else "gain")
    own = more[more != 0.0]
    gain = float(np.sqrt(np.mean(np.square(own)))) if own.size else 0.0
    return dataclasses.replace(striped, kinds=tuple(kinds), gain=gain)


def _dead(bands: _Bands) -> tuple[dict[int, tuple[int, ...]], Direction | None]:
    """Dead lines along the axis that has more of them."""
    counts = [sum(len(pair[axis]) for pair in bands.dead.values()) for axis in (0, 1)]
    if not any(counts):
        return {}, None
    axis = 0 if counts[0] >= counts[1] else 1
    dead = {index: pair[axis] for index, pair in bands.dead.items() if pair[axis]}
    return dead, "columns" if axis == 0 else "rows"


def _bad_bands(
    measured: Measured, sigma: Float, bands: _Bands, found: Moments, snr: Float
) -> dict[int, Reason]:
    """Bands that are not worth using; of several reasons the first that is found."""
    cube, active = measured.cube, measured.active
    bad: dict[int, Reason] = {}
    for band in np.setdiff1d(np.flatnonzero(cube.usable_bands()), active):
        stored = np.asarray(cube.data[int(band)])
        bad[int(band)] = "constant" if cube.valid(stored).any() else "no values"
    reasons: tuple[tuple[Reason, npt.NDArray[np.intp]], ...] = (
        ("saturated", active[bands.saturated]),
        ("water", np.flatnonzero(in_water(cube.wavelengths_nm, snr))),
        ("noise only", active[only_noise(np.diag(found.covariance), sigma)]),
    )
    for reason, indices in reasons:
        for index in indices:
            bad.setdefault(int(index), reason)
    if cube.good_bands is not None:
        for index in np.flatnonzero(~cube.good_bands):
            bad.setdefault(int(index), "marked in the file")
    return dict(sorted(bad.items()))


def _shot_part(
    bands: int, active: npt.NDArray[np.intp], shot: SignalDependence | None, found: Moments
) -> tuple[float | None, ...]:
    """Part of the variance of every band that grows with the signal, at its mean."""
    if shot is None or not shot.share:
        return ()
    part = np.full(bands, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        part[active] = np.clip(shot.gain * found.mean / np.square(shot.at_mean), 0.0, 1.0)
    return _plain(part)


def _photons(shot: SignalDependence | None, white: float | None) -> float | None:
    if shot is None or not shot.share or white is None:
        return None
    gains = shot.gain[shot.gain > 0]
    return float(white / np.median(gains)) if gains.size else None


def _white(cube: HyperCube) -> float | None:
    try:
        return reference_white(cube)
    except UserError:
        return None


def _numbers(indices: npt.NDArray[np.intp]) -> tuple[int, ...]:
    return tuple(int(index) for index in indices)


def _plain(values: Float) -> tuple[float | None, ...]:
    return tuple(float(f"{v:.6g}") if np.isfinite(v) else None for v in values)
