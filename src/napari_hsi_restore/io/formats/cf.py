"""What netCDF files say of dimensions and places, both ways.

Sources: NetCDF Climate and Forecast (CF) Metadata Conventions 1.11, chapters 4 and 5.6; GDAL
netCDF driver documentation (attributes ``spatial_ref`` and ``GeoTransform``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from napari_hsi_restore.cube import Georeference

_X = re.compile(r"x|easting|lon|longitude|projection_x_coordinate|column", re.IGNORECASE)
_Y = re.compile(r"y|northing|lat|latitude|projection_y_coordinate|row", re.IGNORECASE)
# Steps of a coordinate that differ by less than this part of a step are even.
_EVEN = 1e-3
_MOST_REFERENCES = 4096
_AUTHORITY = re.compile(r'(?:AUTHORITY\["EPSG",\s*"?|ID\["EPSG",\s*)(\d+)"?\]\]?\s*$')


Scales = dict[str, dict[int, str]]
"""For the path of a data set and the number of an axis, the path of the scale of this axis."""


def note_scale(name: str, item: Any, scales: Scales) -> None:
    """Note where a dimension scale belongs, as scales in every netCDF 4 file say.

    The reverse list, of the scales of a data set, is not read: its entries have a free length,
    for which the HDF5 library takes gigabytes where a damaged file says so.

    Parameters
    ----------
    name : str
        Path of the scale.
    item : h5py.Dataset
        Any data set; what is no scale says nothing.
    scales : dict
        Is added to.
    """
    if "REFERENCE_LIST" not in item.attrs:
        return
    inside = item.attrs.get_id("REFERENCE_LIST")
    if len(inside.shape or ()) != 1 or inside.shape[0] > _MOST_REFERENCES:
        return
    try:
        for target, axis in item.attrs["REFERENCE_LIST"].tolist():
            path = item.file[target].name.strip("/")
            scales.setdefault(path, {}).setdefault(int(axis), name)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError):
        # References of a damaged file that lead nowhere.
        return


def dimensions(name: str, axes: int, scales: Scales) -> tuple[str, ...]:
    """Names of the axes of a data set; empty where the file names none of them."""
    known = scales.get(name, {})
    return tuple(known.get(axis, "").rpartition("/")[2] for axis in range(axes)) if known else ()


def place(file: Any, name: str, size: tuple[int, int], scales: Scales) -> Georeference | None:
    """Where the pixels of a variable lie.

    Parameters
    ----------
    file : h5py.File
    name : str
        Of the variable.
    size : tuple of int
        Rows and columns.
    scales : dict
        Of `note_scale`.

    Returns
    -------
    Georeference or None
        None where there is neither a ``GeoTransform`` nor a pair of even coordinates, or no
        grid mapping at all.
    """
    mapping = _mapping(file, file[name])
    if mapping is None:
        return None
    crs = _crs(mapping)
    transform = _geotransform(mapping.get("GeoTransform"))
    if transform is None:
        transform = _from_coordinates(file, size, scales.get(name.strip("/"), {}).values())
    return None if transform is None else Georeference(crs, transform)


def has_lookup_table(file: Any) -> bool:
    """Whether the file holds a table from a map to its pixels, as products of EMIT do."""
    return "location" in file and "glt_x" in file["location"]


def geotransform_text(transform: tuple[float, float, float, float, float, float]) -> str:
    """GDAL's ``GeoTransform``: x of the corner, steps along a row, y of the corner, steps."""
    a, b, c, d, e, f = transform
    return " ".join(repr(float(value)) for value in (c, a, b, f, d, e))


def _mapping(file: Any, dataset: Any) -> dict[str, str] | None:
    name = _text(dataset.attrs.get("grid_mapping"))
    if name is None:
        return None
    # In its longer form the attribute is "crs: x y".
    name = name.partition(":")[0].split()[0] if name.split() else ""
    for where in (dataset.parent, file):
        if name and name in where:
            item = where[name]
            wanted = ("crs_wkt", "spatial_ref", "GeoTransform", "epsg_code")
            found = {key: _text(item.attrs.get(key)) for key in wanted if key in item.attrs}
            return {key: value for key, value in found.items() if value}
    return None


def _crs(mapping: dict[str, str]) -> str | None:
    code = re.fullmatch(r"(?:EPSG:)?(\d{4,5})", mapping.get("epsg_code", ""), re.IGNORECASE)
    if code:
        return f"EPSG:{code[1]}"
    text = mapping.get("crs_wkt") or mapping.get("spatial_ref")
    if text is None:
        return None
    found = _AUTHORITY.search(text)
    return f"EPSG:{found[1]}" if found else text


def _geotransform(
    text: str | None,
) -> tuple[float, float, float, float, float, float] | None:
    try:
        c, a, b, f, d, e = (float(item) for item in (text or "").split())
    except ValueError:
        return None
    values = (a, b, c, d, e, f)
    return values if all(math.isfinite(value) for value in values) else None


def _from_coordinates(
    file: Any, size: tuple[int, int], paths: Iterable[str]
) -> tuple[float, float, float, float, float, float] | None:
    axes: dict[str, tuple[float, float]] = {}
    for path in paths:
        scale = file[path]
        name = path.rpartition("/")[2]
        for which, pattern, count in (("x", _X, size[1]), ("y", _Y, size[0])):
            if pattern.fullmatch(name) and scale.shape == (count,) and count > 1:
                even = _even(np.asarray(scale[()], dtype=np.float64))
                if even is not None:
                    axes[which] = even
    if set(axes) != {"x", "y"}:
        return None
    (first_x, dx), (first_y, dy) = axes["x"], axes["y"]
    # Coordinates are those of the centres of the pixels.
    return dx, 0.0, first_x - dx / 2, 0.0, dy, first_y - dy / 2


def _even(values: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float] | None:
    """First value and step of an even row of numbers."""
    steps = np.diff(values)
    step = (values[-1] - values[0]) / (len(values) - 1)
    if step == 0 or not np.all(np.abs(steps - step) <= _EVEN * abs(step)):
        return None
    return float(values[0]), float(step)


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray) and value.size == 1:
        return _text(value.ravel()[0])
    return value if isinstance(value, str) else None
