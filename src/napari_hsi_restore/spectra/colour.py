"""From a spectrum to the colour that an eye sees: CIE 1931 observer, sRGB screen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# Wyman, Sloan, Shirley: Simple Analytic Approximations to the CIE XYZ Color Matching Functions,
# JCGT 2(2), 2013, the multi-lobe fit to the 1931 2-degree observer: weight, centre, and the
# widths below and above it, in nm.
_LOBES = (
    ((1.056, 599.8, 37.9, 31.0), (0.362, 442.0, 16.0, 26.7), (-0.065, 501.1, 20.4, 26.2)),
    ((0.821, 568.8, 46.9, 40.5), (0.286, 530.9, 16.3, 31.1)),
    ((1.217, 437.0, 11.8, 36.0), (0.681, 459.0, 26.0, 13.8)),
)
_GRID_NM = np.arange(380.0, 781.0)

# IEC 61966-2-1: XYZ of its white point D65, and linear sRGB of XYZ.
_D65 = np.array([0.9505, 1.0, 1.0890])
_SRGB = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
# Bradford cone responses (Lam 1985), in which equal energy is made the screen's white.
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)

_REACH_NM = 25.0
_LEAST_SHARE = 0.9


def matching_functions(wavelengths_nm: npt.ArrayLike) -> Floats:
    """Compute the colour matching functions of the CIE 1931 2-degree observer.

    Parameters
    ----------
    wavelengths_nm : array_like, (n,)

    Returns
    -------
    float64 ndarray, (n, 3)
        x, y and z, by the sums of two or three asymmetric Gaussians of Wyman, Sloan
        and Shirley (JCGT 2013); within about 1 % of the tables' peaks.
    """
    at = np.asarray(wavelengths_nm, dtype=np.float64)
    columns = []
    for lobes in _LOBES:
        total = np.zeros_like(at)
        for weight, centre, below, above in lobes:
            width = np.where(at < centre, below, above)
            total += weight * np.exp(-0.5 * ((at - centre) / width) ** 2)
        columns.append(total)
    return np.stack(columns, axis=-1)


def covers_visible(wavelengths_nm: Floats, good: Mask) -> bool:
    """Whether bands sample the visible closely enough for the observer's curves.

    Parameters
    ----------
    wavelengths_nm : float64 ndarray, (bands,)
    good : bool ndarray, (bands,)

    Returns
    -------
    bool
        True where nine tenths of the area of each of the three curves lie within 25 nm
        of a good band [ours].
    """
    if not good.any():
        return False
    distance = np.abs(_GRID_NM[:, None] - wavelengths_nm[good][None, :]).min(axis=1)
    functions = matching_functions(_GRID_NM)
    share = functions[distance <= _REACH_NM].sum(axis=0) / functions.sum(axis=0)
    return bool((share >= _LEAST_SHARE).all())


def srgb_weights(wavelengths_nm: Floats, good: Mask) -> Floats:
    """Compute what each band adds to red, green and blue of a reflecting surface.

    The spectrum is joined by straight lines between the good bands (and kept beyond the
    first and the last), multiplied with the matching functions and summed over 380 to
    780 nm. The light is of equal energy; by the Bradford transform its white becomes that
    of the screen, D65.

    Parameters
    ----------
    wavelengths_nm : float64 ndarray, (bands,)
        In any order.
    good : bool ndarray, (bands,)
        At least one is True.

    Returns
    -------
    float64 ndarray, (bands, 3)
        ``spectrum @ weights`` is linear sRGB; a spectrum of 1 everywhere gives 1, 1, 1.
        Bad bands have the weight 0.
    """
    chosen = np.flatnonzero(good)
    order = chosen[np.argsort(wavelengths_nm[chosen], kind="stable")]
    # Two bands at one wavelength would make a line upright; the first one counts.
    positions, first = np.unique(wavelengths_nm[order], return_index=True)
    order = order[first]
    functions = matching_functions(_GRID_NM)
    xyz = np.zeros((wavelengths_nm.size, 3))
    for place, band in enumerate(order):
        hat = np.interp(_GRID_NM, positions, np.eye(order.size)[place])
        xyz[band] = hat @ functions
    xyz /= xyz.sum(axis=0)
    white = _BRADFORD @ _D65 / (_BRADFORD @ np.ones(3))
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(white) @ _BRADFORD
    to_srgb = _SRGB @ adapted
    # The matrix of the standard is rounded; white is to be exactly white.
    to_srgb /= to_srgb.sum(axis=1, keepdims=True)
    return np.asarray(xyz @ to_srgb.T)


def encoded_srgb(linear: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Encode linear sRGB, 0..1, for the screen (IEC 61966-2-1), 0..1 of the same shape."""
    linear = np.asarray(linear, dtype=np.float32)
    curved = 1.055 * np.power(linear, 1 / 2.4, dtype=np.float32) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curved).astype(np.float32)
