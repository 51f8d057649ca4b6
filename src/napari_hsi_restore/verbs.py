"""The verbs `info` and `convert` for Python; the others are functions of the core."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_hsi_restore.cube import FloatArray, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read, write

if TYPE_CHECKING:
    from napari_hsi_restore.io.request import PixelOrder


def info(cube: HyperCube | str | Path) -> dict[str, Any]:
    """What a cube is, as plain values.

    Parameters
    ----------
    cube : HyperCube or path
        A path is opened with `read`.

    Returns
    -------
    dict
        ``shape`` (bands, y, x), ``dtype``, ``format``, ``interleave``, ``units``,
        ``wavelengths_nm``, ``fwhm_nm``, ``good_bands``, ``nodata``, ``crs``, ``transform``
        (the six numbers of `Georeference`) and ``bytes`` on disk; None for what is not known.

    Raises
    ------
    UserError
        If the file cannot be read.
    """
    opened = cube if isinstance(cube, HyperCube) else read(cube)
    path = source_path(opened)
    kind, interleave = (None, None) if path is None else catalog.describe(path)
    place = opened.georeference
    good = opened.good_bands
    return {
        "shape": list(opened.shape),
        "dtype": opened.dtype.newbyteorder("=").name,
        "format": kind,
        "interleave": interleave,
        "units": opened.units,
        "wavelengths_nm": _numbers(opened.wavelengths_nm),
        "fwhm_nm": _numbers(opened.fwhm_nm),
        "good_bands": None if good is None else [bool(flag) for flag in good],
        "nodata": _number(opened.nodata),
        "crs": None if place is None else place.crs,
        "transform": None if place is None else [float(value) for value in place.transform],
        "bytes": None if path is None else catalog.bytes_on_disk(path),
    }


def convert(
    source: str | Path,
    out: str | Path,
    *,
    key: str | None = None,
    bands_axis: int | None = None,
    wavelengths: str | Path | Sequence[float] | FloatArray | None = None,
    shape: tuple[int, int] | None = None,
    pixel_order: PixelOrder | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a cube in another format, with all that the format can keep.

    Parameters
    ----------
    source : path
        See `read`, also for `key`, `bands_axis`, `wavelengths`, `shape` and `pixel_order`.
    out : path
        Its suffix chooses the format.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    UserError
        If the source cannot be read or the target cannot be written.
    """
    check_target(out, overwrite=overwrite)
    cube = read(
        source,
        key=key,
        bands_axis=bands_axis,
        wavelengths=wavelengths,
        shape=shape,
        pixel_order=pixel_order,
    )
    return write(cube, out, overwrite=overwrite)


def check_target(out: str | Path, *, overwrite: bool) -> None:
    """Refuse a target that could not be written, before anything is computed for it.

    Raises
    ------
    UserError
        If no format has its suffix, it exists and `overwrite` is false, or its folder does not
        exist or cannot be written to.
    """
    path = Path(out).expanduser()
    spec = catalog.for_target(path)
    if path.is_dir() and spec.name != "Zarr":
        raise UserError(f"{path}: this is a folder; choose another name.")
    spec.check(path)
    for part in spec.parts(path):
        if part.exists() and not overwrite:
            raise UserError(
                f"{part}: exists already; choose another name or allow overwriting (--overwrite)."
            )
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError(f"{path}: the folder {folder} does not exist; create it first.")
    if not os.access(folder, os.W_OK):
        raise UserError(f"{path}: the folder {folder} cannot be written to; choose another.")


def source_path(cube: HyperCube) -> Path | None:
    """The file or folder that a cube was read from, None if there is none any more."""
    if cube.source is None:
        return None
    for name in (cube.source, cube.source.split("::", 1)[0]):
        if Path(name).exists():
            return Path(name)
    return None


def _numbers(values: FloatArray | None) -> list[float | None] | None:
    return None if values is None else [_number(value) for value in values]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
