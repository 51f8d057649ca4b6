"""All scores of one result against its reference."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.metrics.ergas import ergas
from napari_hsi_restore.metrics.psnr import (
    Mask,
    Values,
    mean_of_bands,
    mse_per_band,
    pooled_mse,
    to_decibels,
)
from napari_hsi_restore.metrics.sam import sam_degrees
from napari_hsi_restore.metrics.ssim import WINDOW, ssim_per_band

# Headers round wavelengths; a whole nanometre apart is another band.
_SAME_WAVELENGTH_NM = 1.0


@dataclasses.dataclass(frozen=True)
class Scores:
    """How far a result is from its reference.

    Attributes
    ----------
    result : str
        Source or name of the result.
    psnr : float
        Of the whole cube, in dB; infinite if nothing differs.
    mpsnr : float
        Mean over bands of the PSNR of each, in dB.
    ssim : float
        Mean over bands; NaN if the image is smaller than 11 x 11 pixels.
    sam_deg : float
        Spectral angle, mean over pixels, in degrees.
    ergas : float
        In percent.
    per_band : mapping of str to tuple of float, (bands,)
        ``"psnr"`` in dB, ``"ssim"`` and ``"rmse"`` in the reference's stored units;
        NaN for a band without a value that counts.
    peak : float
        The white level of the PSNR and SSIM, in the reference's stored units.
    clipped : bool
        Whether the result was clipped to 0..`peak` first.
    """

    result: str
    psnr: float
    mpsnr: float
    ssim: float
    sam_deg: float
    ergas: float
    per_band: Mapping[str, tuple[float, ...]]
    peak: float
    clipped: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "per_band", MappingProxyType(dict(self.per_band)))

    def to_json_dict(self) -> dict[str, Any]:
        """Return the scores as plain values; what is not finite becomes None.

        The keys are those of the command line's ``compare --json``.
        """
        return {
            "result": self.result,
            "psnr": _plain(self.psnr),
            "mpsnr": _plain(self.mpsnr),
            "ssim": _plain(self.ssim),
            "sam_deg": _plain(self.sam_deg),
            "ergas": _plain(self.ergas),
            "per_band": {
                name: [_plain(value) for value in values] for name, values in self.per_band.items()
            },
        }


def compare_cubes(
    reference: HyperCube, result: HyperCube, *, clip: bool = False, ergas_ratio: float = 1.0
) -> Scores:
    """Score a result against its reference.

    The protocol: the peak is the reference's white level (its maximum over valid
    values unless it states one); the result is not clipped unless asked for;
    values that are no-data in either cube do not count; no border is cut off.
    Stored values are compared; a result with another gain and offset is brought
    to those of the reference first.

    Parameters
    ----------
    reference, result : HyperCube
        Of the same shape, units and wavelengths.
    clip : bool
        Clip the result to 0..peak first, as many published tables do.
    ergas_ratio : float
        The scale of a super-resolution, 1 for denoising.

    Returns
    -------
    Scores

    Raises
    ------
    UserError
        If shapes, units or wavelengths differ, if no pixel is valid in both, or if
        the reference has no positive value and states no white level.
    """
    _check_alike(reference, result)
    true, stored = reference.array(), result.array()
    valid = _valid_in_both(reference, true, result, stored)
    found = _in_units_of(reference, result, stored)
    peak = _peak(reference, true)
    clip_to = peak if clip else None
    errors = mse_per_band(true, found, valid=valid, clip_to=clip_to)
    band_psnr = to_decibels(errors, peak)
    if min(reference.shape[1:]) < WINDOW:
        band_ssim = np.full(reference.n_bands, np.nan)
    else:
        band_ssim = ssim_per_band(true, found, peak, valid=valid, clip=clip)
    return Scores(
        result=result.source or result.name,
        psnr=float(to_decibels(np.asarray(pooled_mse(errors, reference.shape, valid)), peak)),
        mpsnr=mean_of_bands(band_psnr),
        ssim=mean_of_bands(band_ssim),
        sam_deg=sam_degrees(true, found, valid=valid, clip_to=clip_to),
        ergas=ergas(true, found, ratio=ergas_ratio, valid=valid, clip_to=clip_to),
        per_band={
            "psnr": tuple(band_psnr.tolist()),
            "ssim": tuple(band_ssim.tolist()),
            "rmse": tuple(np.sqrt(errors).tolist()),
        },
        peak=peak,
        clipped=clip,
    )


def _check_alike(reference: HyperCube, result: HyperCube) -> None:
    name = result.source or result.name
    if reference.shape != result.shape:
        raise UserError(
            f"{name}: its shape {result.shape} (bands, y, x) is not that of the reference, "
            f"{reference.shape}; compare cubes of the same bands and pixels."
        )
    units = (reference.units, result.units)
    if None not in units and _word(units[0]) != _word(units[1]):
        raise UserError(
            f"{name}: its units are {units[1]!r} and the reference's are {units[0]!r}; convert "
            "one of them first."
        )
    if reference.wavelengths_nm is not None and result.wavelengths_nm is not None:
        apart = np.abs(reference.wavelengths_nm - result.wavelengths_nm)
        if apart.max() > _SAME_WAVELENGTH_NM:
            band = int(apart.argmax())
            raise UserError(
                f"{name}: band {band + 1} lies at {result.wavelengths_nm[band]:g} nm and the "
                f"reference's at {reference.wavelengths_nm[band]:g} nm; compare cubes of the "
                "same bands."
            )


def _word(units: str | None) -> str:
    return (units or "").strip().casefold()


def _valid_in_both(
    reference: HyperCube, true: Values, result: HyperCube, stored: Values
) -> Mask | None:
    valid = np.empty(true.shape, dtype=bool)
    for index in range(true.shape[0]):
        valid[index] = reference.valid(true[index]) & result.valid(stored[index])
    if not valid.any():
        raise UserError(
            f"{result.source or result.name}: no pixel is valid in it and in the reference; check "
            "their no-data values."
        )
    return None if valid.all() else valid


def _in_units_of(reference: HyperCube, result: HyperCube, stored: Values) -> Values:
    same_gain = np.array_equal(reference.gain, result.gain)
    if same_gain and np.array_equal(reference.offset, result.offset):
        return stored
    gain, offset = (
        np.broadcast_to(np.asarray(value, dtype=np.float64), (result.n_bands,))
        for value in (
            np.divide(result.gain, reference.gain),
            np.divide(np.subtract(result.offset, reference.offset), reference.gain),
        )
    )
    found = np.empty(stored.shape, dtype=np.result_type(stored.dtype, np.float32))
    for index in range(result.n_bands):
        found[index] = np.asarray(stored[index], dtype=np.float64) * gain[index] + offset[index]
    return found


def _peak(reference: HyperCube, true: Values) -> float:
    if reference.white_level is not None:
        peak = float(reference.white_level)
    else:
        valid_maxima = [
            band[valid].max() for band in true if (valid := reference.valid(band)).any()
        ]
        peak = float(max(valid_maxima, default=-math.inf))
    if not (math.isfinite(peak) and peak > 0):
        raise UserError(
            f"{reference.source or reference.name}: no value is above zero, so that the peak of "
            "the PSNR is not known; set the reference's white level."
        )
    return peak


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
