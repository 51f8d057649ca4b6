"""Spectra of pixels and regions in physical units, and their table as CSV."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.packed_views import stored_part, stored_spectrum
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.marks import Region

FloatArray = npt.NDArray[np.float64]
LineStyle = Literal["solid", "dash", "dot", "dash-dot"]

_BLOCK_VALUES = 8_000_000
"""Values that a region reads at once: 64 MB as float64."""


@dataclasses.dataclass(frozen=True, eq=False)
class Curve:
    """One spectrum of a plot or table.

    Attributes
    ----------
    label : str
    axis : BandAxis
    values : float64 ndarray, (bands,)
        Physical values; NaN where there is no measurement.
    color : str
        ``"#rrggbb"``.
    spread : float64 ndarray, (bands,), or None
        Standard deviation around `values`, for a region.
    live : bool
        Whether this is the pixel under the cursor.
    mark : object
        What on the image the curve belongs to and can be removed with; None if nothing.
    style : str
        How the line is drawn: solid for the inspected cube, another one for each other layer.
    """

    label: str
    axis: BandAxis
    values: FloatArray
    color: str
    spread: FloatArray | None = None
    live: bool = False
    mark: object = None
    style: LineStyle = "solid"


def physical(cube: HyperCube, stored: npt.NDArray[Any]) -> FloatArray:
    """Physical values of some stored ones: gain * stored + offset, NaN where not valid.

    Parameters
    ----------
    cube : HyperCube
    stored : ndarray, (bands, ...)

    Returns
    -------
    float64 ndarray of the same shape
    """
    trailing = (1,) * (stored.ndim - 1)

    def per_band(value: float | FloatArray) -> Any:
        return np.reshape(value, (-1, *trailing)) if np.ndim(value) else value

    values: FloatArray = stored.astype(np.float64) * per_band(cube.gain) + per_band(cube.offset)
    values[~cube.valid(stored)] = np.nan
    return values


def value_title(cube: HyperCube) -> str:
    """Name what `physical` returns, for an axis."""
    if cube.units:
        return cube.units[:1].upper() + cube.units[1:]
    scaled = np.any(np.asarray(cube.gain) != 1) or np.any(np.asarray(cube.offset) != 0)
    return "Value" if scaled else "Stored value"


def pixel_spectrum(cube: HyperCube, row: int, column: int) -> FloatArray:
    """Read the physical spectrum of one pixel, (bands,); only this pixel is read."""
    stored = stored_spectrum(cube.data, row, column)
    return physical(cube, cube.spectrum(row, column) if stored is None else stored)


def region_spectrum(
    cube: HyperCube, region: Region, cancelled: Callable[[], bool] = lambda: False
) -> tuple[FloatArray, FloatArray] | None:
    """Mean and standard deviation over a region, band by band.

    Parameters
    ----------
    cube : HyperCube
        Only the box around the region is read, in blocks.
    region : Region
        Inside the image.
    cancelled : callable
        Asked before each block; once true, there is no result.

    Returns
    -------
    mean, std : float64 ndarray, (bands,)
        Over the valid pixels of each band (population standard deviation); NaN
        for a band without any. None after `cancelled`.

    Raises
    ------
    UserError
        If the region holds no pixel.
    """
    if region.n_pixels == 0:
        raise UserError("The region holds no pixel of the cube; draw it on the image.")
    box_height, box_width = region.mask.shape
    columns = slice(region.left, region.left + box_width)
    height = max(1, _BLOCK_VALUES // (cube.n_bands * box_width))
    count = np.zeros(cube.n_bands)
    total = np.zeros(cube.n_bands)
    squares = np.zeros(cube.n_bands)
    shift: FloatArray | None = None
    for start in range(0, box_height, height):
        if cancelled():
            return None
        inside = region.mask[start : start + height]
        rows = slice(region.top + start, region.top + start + len(inside))
        stored = stored_part(cube.data, slice(None), rows, columns)
        values = physical(cube, stored[:, inside])
        known = np.isfinite(values)
        if shift is None:
            # Sums of squares about a value near the mean keep their digits.
            filled = np.where(known, values, 0).sum(axis=1)
            shift = filled / np.maximum(known.sum(axis=1), 1)
        centred = np.where(known, values - shift[:, None], 0)
        count += known.sum(axis=1)
        total += centred.sum(axis=1)
        squares += (centred**2).sum(axis=1)
    assert shift is not None
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return mean + shift, std


def curves_csv(curves: Sequence[Curve]) -> str:
    """Write curves as CSV.

    Parameters
    ----------
    curves : sequence of Curve

    Returns
    -------
    str
        Columns ``band`` (from 0), ``wavelength_nm`` where known, ``good_band``,
        then one a curve (and ``... std`` for a region); an empty cell is no data. Curves
        of cubes with other bands follow to the right, with these columns of their own named
        ``band 2`` and so on.

    Raises
    ------
    UserError
        If there is no curve.
    """
    if not curves:
        raise UserError("There is no spectrum to export; move the cursor over the image or pin it.")
    blocks: list[list[list[object]]] = []
    for group in _of_one_axis(curves):
        number = f" {len(blocks) + 1}" if blocks else ""
        blocks.append(_columns(group, number))
    height = max(len(block[0]) for block in blocks)
    columns = [column + [""] * (height - len(column)) for block in blocks for column in block]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(zip(*columns, strict=True))
    return text.getvalue()


def _of_one_axis(curves: Sequence[Curve]) -> list[list[Curve]]:
    groups: list[list[Curve]] = []
    for curve in curves:
        for group in groups:
            if group[0].axis.same_bands(curve.axis):
                group.append(curve)
                break
        else:
            groups.append([curve])
    return groups


def _columns(curves: Sequence[Curve], number: str) -> list[list[object]]:
    axis = curves[0].axis
    columns: list[list[object]] = [[f"band{number}", *range(axis.n_bands)]]
    if axis.in_nm:
        columns.append([f"wavelength_nm{number}", *(f"{nm:.10g}" for nm in axis.positions)])
    columns.append([f"good_band{number}", *(int(good) for good in axis.good)])
    for curve in curves:
        columns.append([curve.label, *map(_cell, curve.values)])
        if curve.spread is not None:
            columns.append([f"{curve.label} std", *map(_cell, curve.spread)])
    return columns


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file beside its target and rename it when it is whole.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    target = Path(path)
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, target)
    except OSError as error:
        discard(part)
        raise UserError(
            f"{target}: cannot be written ({error.strerror}); choose another folder."
        ) from error
    return target


def discard(path: Path) -> None:
    """Remove what was begun, as far as there is anything."""
    with contextlib.suppress(OSError):
        path.unlink()


def _cell(value: float) -> str:
    return f"{value:.9g}" if np.isfinite(value) else ""
