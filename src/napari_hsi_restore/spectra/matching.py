"""Which spectra of a library are most like a measured one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_FEWEST_BANDS = 3
_LEAST_OVERLAP = 0.8


@dataclasses.dataclass(frozen=True)
class Match:
    """One spectrum of a library beside a measured one.

    Attributes
    ----------
    index : int
        Row of the library.
    name : str
    angle_deg : float
        Spectral angle in degrees, 0..180.
    bands : int
        Bands that were compared.
    factor : float
        The library's spectrum times this is nearest to the measured one (least squares over
        the compared bands).
    """

    index: int
    name: str
    angle_deg: float
    bands: int
    factor: float


def spectral_angles(
    spectrum: Floats, others: Floats
) -> tuple[Floats, npt.NDArray[np.intp], Floats]:
    """Compute the angle between a spectrum and each of several others.

    With u and v at unit length it is ``2 atan2(|u - v|, |u + v|)`` (Kahan), as for the
    spectral angle of cubes.

    Parameters
    ----------
    spectrum : float64 ndarray, (bands,)
    others : float64 ndarray, (n, bands)
        NaN in either leaves a band out of that pair.

    Returns
    -------
    angles : float64 ndarray, (n,)
        Degrees; NaN where no common band is left or one of the two is all zero.
    bands : intp ndarray, (n,)
        How many bands were compared.
    factors : float64 ndarray, (n,)
        Least-squares factor from the other to `spectrum`; NaN as the angle.
    """
    both = np.isfinite(spectrum)[None, :] & np.isfinite(others)
    ours = np.where(both, spectrum[None, :], 0.0)
    theirs = np.where(both, others, 0.0)
    lengths = np.sqrt((ours**2).sum(axis=1)), np.sqrt((theirs**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        u, v = ours / lengths[0][:, None], theirs / lengths[1][:, None]
        factors = (ours * theirs).sum(axis=1) / lengths[1] ** 2
    apart = np.sqrt(((u - v) ** 2).sum(axis=1))
    together = np.sqrt(((u + v) ** 2).sum(axis=1))
    angles = np.degrees(2.0 * np.arctan2(apart, together))
    empty = (lengths[0] == 0) | (lengths[1] == 0)
    angles[empty] = factors[empty] = np.nan
    return angles, both.sum(axis=1), factors


def best_matches(
    spectrum: Floats, names: Sequence[str], library: Floats, count: int = 5
) -> tuple[Match, ...]:
    """Find the spectra of a library with the smallest spectral angle.

    Parameters
    ----------
    spectrum : float64 ndarray, (bands,)
        NaN for bands that are not to count, such as bad ones.
    names : sequence of str
    library : float64 ndarray, (n, bands)
        On the same bands; NaN outside a spectrum's range.
    count : int
        At most so many.

    Returns
    -------
    tuple of Match
        The nearest first. Spectra that share fewer than 3 bands with the measured one, or
        less than 80 % of what the most widely measured one shares, are left out: few
        bands make a small angle [ours].
    """
    angles, bands, factors = spectral_angles(spectrum, library)
    most = int(bands.max(initial=0))
    fit = np.isfinite(angles) & (bands >= max(_FEWEST_BANDS, _LEAST_OVERLAP * most))
    order = [int(i) for i in np.argsort(np.where(fit, angles, np.inf), kind="stable") if fit[i]]
    return tuple(
        Match(i, names[i], float(angles[i]), int(bands[i]), float(factors[i]))
        for i in order[:count]
    )
