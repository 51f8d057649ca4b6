"""What is known of the noise of a cube: one frozen value."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pydantic

from napari_hsi_restore.noise.bad_bands import Reason
from napari_hsi_restore.noise.stripes import Direction

StripeKind = Literal["shift", "gain", "shift and gain"]


class NoiseReport(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The noise and the defects of a cube.

    Bands, rows and columns are counted from 0.

    Attributes
    ----------
    shape : tuple of 3 int
        (bands, y, x).
    sigma : tuple of float or None, (bands,)
        Standard deviation of the noise in stored units; None for bands without
        measurements that vary.
    sigma_255 : tuple of float or None, (bands,)
        The same where the white level is 255; None for all where no white is known.
    snr_db : tuple of float or None, (bands,)
        Mean square of the signal over that of the noise.
    shot_share : float or None
        Part of the noise variance that grows with the signal, 0..1; None where that
        cannot be told (few bands or pixels).
    shot_part : tuple of float or None, (bands,)
        The same of every band, None where it cannot be told; empty without shot noise.
    photons_at_white : float or None
        What a detector with so much shot noise would count at white; None without
        shot noise.
    impulse_fraction : float
        Part of the valid values that are stuck at one value or jump out alone, 0..1.
    lone_fraction : float
        Part of the valid values that jump out alone, 0..1.
    impulse_bands : tuple of int
    stripes : tuple of int
        Bands with stripes: lines that are shifted or have another gain.
    stripe_direction : {'columns', 'rows'} or None
        What these lines are.
    stripe_strength : float
        Root mean square shift of these lines at the mean signal, in units of the noise of their
        band.
    stripe_kinds : dict of int to {'shift', 'gain', 'shift and gain'}
        What the lines of each band in `stripes` differ by from the others.
    stripe_gain : float
        Root mean square difference from 1 of the gains of lines that have their own; 0 without.
    dead_lines : dict of int to tuple of int
        Lines without any variation, by band.
    dead_line_direction : {'columns', 'rows'} or None
        What they are.
    bad_bands : dict of int to str
        Bands that are not worth using, with the reason.
    subspace_dimension : int
        Directions of the spectra with more signal than noise.
    missing_fraction : float
        Part of the values that are no-data or not finite, 0..1.
    """

    shape: tuple[int, int, int]
    sigma: tuple[float | None, ...]
    sigma_255: tuple[float | None, ...]
    snr_db: tuple[float | None, ...]
    shot_share: float | None
    photons_at_white: float | None
    impulse_fraction: float
    lone_fraction: float
    impulse_bands: tuple[int, ...]
    stripes: tuple[int, ...]
    stripe_direction: Direction | None
    stripe_strength: float
    dead_lines: dict[int, tuple[int, ...]]
    dead_line_direction: Direction | None
    bad_bands: dict[int, Reason]
    subspace_dimension: int
    missing_fraction: float
    shot_part: tuple[float | None, ...] = ()
    stripe_kinds: dict[int, StripeKind] = {}
    stripe_gain: float = 0.0

    def striped_by(self, what: Literal["shift", "gain"]) -> tuple[int, ...]:
        """Bands of `stripes` whose lines are shifted, or have gains of their own, or both."""
        kinds = {band: self.stripe_kinds.get(band, "shift") for band in self.stripes}
        return tuple(band for band, kind in kinds.items() if what in kind.split(" and "))

    @property
    def typical_sigma_255(self) -> float | None:
        """Median noise of the bands where white is 255; None where it is not known."""
        known = [value for value in self.sigma_255 if value is not None]
        return float(np.median(known)) if known else None

    def sigmas(self) -> npt.NDArray[np.float64]:
        """`sigma` as an array, (bands,), NaN where it is None."""
        return np.array([np.nan if value is None else value for value in self.sigma])

    def defects_of(self, band: int) -> tuple[str, ...]:
        """What was found in one band beside noise, in a few words each."""
        found = []
        if band in self.stripes:
            found.append(f"stripes ({self.stripe_kinds.get(band, 'shift')})")
        if band in self.dead_lines:
            found.append(_dead(len(self.dead_lines[band]), self.dead_line_direction))
        if band in self.impulse_bands:
            found.append("impulses")
        if band in self.bad_bands:
            found.append(self.bad_bands[band])
        return tuple(found)

    @property
    def findings(self) -> tuple[str, ...]:
        """What was found, one plain sentence each; the noise comes first."""
        return tuple(_findings(self))


def _findings(report: NoiseReport) -> list[str]:
    found = [_noise(report)]
    if report.shot_share:
        photons = report.photons_at_white
        count = f", as if white were {photons:.3g} photons" if photons else ""
        found.append(f"{report.shot_share:.0%} of the noise variance grows with the signal{count}.")
    if report.stripes:
        found += _stripes(report)
    if report.dead_lines:
        lines = sum(len(places) for places in report.dead_lines.values())
        dead = _dead(lines, report.dead_line_direction)
        found.append(f"{dead} in {_bands(tuple(report.dead_lines))}.")
    if report.impulse_fraction:
        found.append(
            f"Impulses: {_percent(report.impulse_fraction)} of all values, in "
            f"{_bands(report.impulse_bands)}."
        )
    for reason in dict.fromkeys(report.bad_bands.values()):
        chosen = tuple(band for band, why in report.bad_bands.items() if why == reason)
        found.append(f"Not worth using ({reason}): {_bands(chosen)}.")
    if report.missing_fraction:
        found.append(f"{_percent(report.missing_fraction)} of the values are missing.")
    return found


def _dead(count: int, direction: Direction | None) -> str:
    """A number of dead lines, such as ``"1 dead column"``."""
    lines = direction or "lines"
    return f"{count} dead {lines if count != 1 else lines.removesuffix('s')}"


def _stripes(report: NoiseReport) -> list[str]:
    """One sentence for every kind of stripes."""
    lines, found = report.stripe_direction, []
    kinds = [report.stripe_kinds.get(band, "shift") for band in report.stripes]
    # The size is that of all stripes.
    size = f", typically by {report.stripe_strength:.2g} times the noise"
    size = size if set(kinds) == {"shift"} else ""
    for kind in dict.fromkeys(kinds):
        bands = _bands(
            tuple(band for band, own in zip(report.stripes, kinds, strict=True) if own == kind)
        )
        gain = f"typically {_percent(report.stripe_gain)} from the others"
        if kind == "shift":
            found.append(f"Stripes: shifted {lines} in {bands}{size}.")
        elif kind == "gain":
            found.append(f"Stripes: {lines} of another gain in {bands}, {gain}.")
        else:
            found.append(f"Stripes: {lines} shifted and of another gain in {bands}, {gain}.")
    return found


def _noise(report: NoiseReport) -> str:
    known = [value for value in report.sigma_255 if value is not None]
    scale = "where white is 255"
    if not known:
        known = [value for value in report.sigma if value is not None]
        scale = "in the units of the file"
    if not known:
        return "No band holds values that vary."
    each = f"{min(known):.3g}"
    if f"{max(known):.3g}" != each:
        each += f" to {max(known):.3g}, median {float(np.median(known)):.3g},"
    return f"Noise of standard deviation {each} {scale}."


def _bands(bands: tuple[int, ...], most: int = 12) -> str:
    named = ", ".join(map(str, bands[:most])) + (", ..." if len(bands) > most else "")
    return f"band {named}" if len(bands) == 1 else f"{len(bands)} bands ({named})"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g} %"
