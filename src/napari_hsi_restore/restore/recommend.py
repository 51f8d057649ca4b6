"""Which way to denoise a cube, from what is known of its noise."""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from napari_hsi_restore.noise.report import NoiseReport

# Fewer values that jump out alone are not worth a method that takes several times as long [ours].
_LEAST_LONE = 1e-4
# As stripes count what is shifted so far, in units of the noise: more is seen, and less is no
# better known than the scene [ours].
_LEAST_SHIFT = 0.3
# Of so many bands or more, where the noise of the noisiest tenth is above that of the calmest
# by such a factor, the network of `refined` did harm on the airborne validation scene [ours].
_MANY_BANDS, _UNEVEN = 60, 8.0


@dataclasses.dataclass(frozen=True)
class Recommendation:
    """A way to denoise a cube, and why.

    Attributes
    ----------
    method : {'network', 'method'}
        What kind of way it is.
    model : str
        What `DenoiseRecipe.model` is to be.
    strength : float
        What `DenoiseRecipe.strength` is to be.
    reason : str
        One sentence for the user.
    """

    method: Literal["network", "method"]
    model: str
    strength: float
    reason: str


def recommend(report: NoiseReport, *, fill: bool = False) -> Recommendation:
    """Choose a way to denoise a cube.

    The rules are ours, and were measured on the validation scenes with every preset of
    noise (``python -m benchmarks.auto``).

    Parameters
    ----------
    report : NoiseReport
        Of the cube.
    fill : bool
        Whether pixels were hidden that are to be filled.

    Returns
    -------
    Recommendation
    """
    striped = bool(report.stripes) and report.stripe_strength >= _LEAST_SHIFT
    lone = report.lone_fraction >= _LEAST_LONE
    impulses = lone or report.impulse_fraction > report.lone_fraction
    found = [
        *(["stripes"] if striped else []),
        *(["dead lines"] if report.dead_lines else []),
        *(["impulses"] if impulses else []),
    ]
    left = [
        *(["stripes far below the noise"] if report.stripes and not striped else []),
        *(["very few single pixels that jump out"] if report.lone_fraction and not lone else []),
    ]
    chosen = _for_what_is_found(report, found, fill=fill, lone=lone, striped=striped)
    if chosen is None:
        chosen = _for_gaussian(report, plain=not left)
    if left:
        return dataclasses.replace(chosen, reason=f"{chosen.reason} {_joined(left)} are left.")
    return chosen


def _for_gaussian(report: NoiseReport, *, plain: bool) -> Recommendation:
    """A way to treat Gaussian noise; `plain` if nothing else was found at all."""
    known = report.sigmas()[report.sigmas() > 0.0]
    if len(known) >= _MANY_BANDS:
        low, high = np.quantile(known, (0.1, 0.9))
        if high > _UNEVEN * low:
            return _method(
                "ngmeet",
                "The noise of many bands differs strongly, which the network that ends the other "
                "methods has hardly learned from",
            )
    if plain:
        return _method(
            "refined", "Noise without stripes, dead lines or impulses: the best method for that"
        )
    return _method("refined", "The best method for Gaussian noise")


def _for_what_is_found(
    report: NoiseReport, found: list[str], *, fill: bool, lone: bool, striped: bool
) -> Recommendation | None:
    """A way to treat what is no Gaussian noise; None where there is nothing of that kind."""
    removed = "then the Gaussian noise is removed"
    if report.shot_share:
        removed = (
            f"then the noise is removed, {report.shot_share:.0%} of which grows with the signal"
        )
    if lone:
        return _method(
            "sparse",
            f"{_joined(found)} found: they are mended first, then the Gaussian noise is removed",
        )
    if striped or (report.shot_share and (found or fill)):
        what = f"{_joined(found)} found: they are mended" if found else "Hidden pixels are filled"
        return _method("mended", f"{what} first, {removed}")
    if found:
        return _method(
            "fasthyin", f"{_joined(found)} found: they are filled from the other bands, {removed}"
        )
    if fill:
        return _method("fasthyin", "Hidden pixels are filled, and the Gaussian noise is removed")
    if report.shot_share:
        return _method(
            "photon",
            f"{report.shot_share:.0%} of the noise grows with the signal: the method for that",
        )
    return None


def _method(name: str, reason: str) -> Recommendation:
    return Recommendation("method", name, 1.0, f"{reason}.")


def _joined(words: list[str]) -> str:
    text = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return text.capitalize()
