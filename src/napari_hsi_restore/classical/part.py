"""A part of an image, and as much around it as decides what comes out there."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

from napari_hsi_restore.classical.catalog import Method
from napari_hsi_restore.classical.low_rank import find_outside
from napari_hsi_restore.noise.known import Known
from napari_hsi_restore.noise.measured import Float, Measured, Whole, moments
from napari_hsi_restore.noise.portion import portion
from napari_hsi_restore.noise.shot import shot_of
from napari_hsi_restore.noise.stripes import find_stripes

Region = tuple[slice, slice]

MARGIN = 24
"""Pixels around a part that its patches are compared with.

Patches are looked for at most so far from a pixel that hardly any is missed [ours]. It is a
multiple of the distances of the reference patches, so that these lie where they lie in the
whole image.
"""

_LEAST_SIDE = 96
_GRID = 12


@dataclasses.dataclass(frozen=True, eq=False)
class Part:
    """What is restored in place of the whole image.

    Attributes
    ----------
    measured : Measured
        Of the part with its margin.
    inside : pair of slice
        What was asked for, within that.
    """

    measured: Measured
    inside: Region


def cut_part(
    measured: Measured, method: Method, sigma: Float, region: Region, known: Known
) -> Generator[float, None, Part]:
    """Cut a part of a cube with what the whole of it says about the part.

    Parameters
    ----------
    measured : Measured
        Of the whole cube.
    method : Method
    sigma : float64 ndarray, (active,)
        Noise in stored units.
    region : pair of slice
        Rows and columns that are asked for, with explicit start and stop.
    known : Known
        Of the whole cube; gets its moments.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    Part
    """
    if method.extent == "spectrum":
        return Part(measured.cut(*region, Whole()), _inside(region, region))
    spectra, stripes, shot, even = None, None, None, measured
    if method.destripes or not method.stabilises:
        spectra = yield from portion(known.moments(measured, mends=method.mends), 0.0, 0.3)
    if method.destripes:
        striped = dataclasses.replace(measured, whole=Whole(spectra))
        stripes = yield from portion(find_stripes(striped, sigma), 0.3, 0.7)
        even = dataclasses.replace(measured, stripes=stripes)
        spectra = yield from portion(moments(even), 0.7, 1.0)
    if method.stabilises:
        shot = shot_of(even)
    outside = find_outside(measured) if method.fills else None
    _, height, width = measured.cube.shape
    around = (_wider(region[0], height), _wider(region[1], width))
    return Part(
        measured.cut(*around, Whole(spectra, stripes, outside, shot)), _inside(region, around)
    )


def _wider(place: slice, length: int) -> slice:
    """A run of pixels with its margin, and at least so long that its statistics hold."""
    more = max(0, _LEAST_SIDE - (place.stop - place.start) - 2 * MARGIN)
    start = max(0, place.start - MARGIN - more // 2)
    stop = min(length, place.stop + MARGIN + more - more // 2)
    return slice(start - start % _GRID, stop)


def _inside(region: Region, around: Region) -> Region:
    rows, columns = (
        slice(place.start - wider.start, place.stop - wider.start)
        for place, wider in zip(region, around, strict=True)
    )
    return rows, columns
