"""HDF5: MATLAB 7.3, NEON reflectance, netCDF 4 and generic files, through `h5py`."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io import container, record
from napari_hsi_restore.io.blocks import blocks
from napari_hsi_restore.io.container import Entry
from napari_hsi_restore.io.formats import cf, envi_map, hdf5_file, neon, prisma
from napari_hsi_restore.io.request import Request

_LONGEST_LIST = 2**16
_ATTRIBUTES = {"scalefactor", "addoffset", "dataignorevalue", "fillvalue", "missingvalue", "nodata"}
_ATTRIBUTES |= {"units", "unit"}
# A file with more objects than this is a data base, and no cube is looked for behind them.
_MOST_OBJECTS = 50_000

_AS_SEEN = "The pixels lie as the sensor saw them; the file's table to a map is not applied."


def sniff(path: Path, head: bytes) -> bool:
    """The HDF5 signature at the start or behind a MATLAB 7.3 text header."""
    del path
    return head.startswith(hdf5_file.SIGNATURE) or head[512:520] == hdf5_file.SIGNATURE


def claims(path: Path) -> bool:
    """Any MATLAB file, else whether some data set could be a cube (reads the names only)."""
    return _is_matlab(path) or container.has_cube(_entries(path, False))


def read(request: Request) -> HyperCube:
    """Open one data set, lazily if it is large; both cubes of a PRISMA product together.

    Raises
    ------
    UserError
        If the file is damaged, or which data set is the cube is not clear.
    """
    if _is_matlab(request.path):
        return container.read(
            _entries(request.path, True), request, convention="last", pixel_order="column-major"
        )
    product = prisma.find(request.path)
    if product is not None and prisma.is_meant(product, request):
        return prisma.read(product, request)
    entries = _entries(request.path, False)
    cube = container.read(entries, request, convention=None, pixel_order="row-major")
    return _with_attributes(cube, request.path)


def _is_matlab(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(10) == b"MATLAB 7.3"


@dataclasses.dataclass(frozen=True)
class _Loader:
    path: Path
    name: str
    matlab: bool

    def __call__(self) -> Any:
        loaded = hdf5_file.load(self.path, self.name)
        # HDF5 lists MATLAB's axes in reverse.
        return loaded.T if self.matlab and hasattr(loaded, "T") else loaded


def entries(path: Path) -> list[Entry]:
    """The data sets of a file, in the axis order that the program which wrote it shows."""
    matlab = _is_matlab(path)
    product = None if matlab else prisma.find(path)
    joined = [] if product is None else [prisma.entry(product)]
    return [*joined, *_entries(path, matlab)]


def _entries(path: Path, matlab: bool) -> list[Entry]:
    import h5py

    found: list[Entry] = []
    scales: cf.Scales = {}
    visited = 0

    def visit(name: str, item: Any) -> bool | None:
        nonlocal visited
        visited += 1
        if visited > _MOST_OBJECTS:
            return True
        if not isinstance(item, h5py.Dataset) or name.startswith("#"):
            return None
        shape = tuple(reversed(item.shape or ())) if matlab else tuple(item.shape or ())
        kind = item.dtype.newbyteorder("=").name if item.dtype.kind in "uifbc" else "object"
        if item.dtype.names == ("real", "imag"):
            kind = "complex128"
        loader = _Loader(path, name, matlab)
        if matlab:
            found.append(Entry(name, shape, kind, loader))
            return None
        unit = _unit(item) if len(shape) == 1 else None
        cf.note_scale(name, item, scales)
        found.append(Entry(name, shape, kind, loader, (), unit))
        found.extend(container.listed_attributes(name, _lists(item)))
        return None

    with hdf5_file.opened(path) as file:
        file.visititems(visit)
        if not matlab:
            lists = _lists(file)
            # Those of the whole file belong to no array in particular.
            found.extend(
                Entry(key, (len(values),), values.dtype.name, functools.partial(np.asarray, values))
                for key, values in lists.items()
                if values.dtype.kind in "uif" and values.size > 1
            )
    return [
        dataclasses.replace(entry, dimensions=cf.dimensions(entry.name, len(entry.shape), scales))
        for entry in found
    ]


def _unit(item: Any) -> str | None:
    """The unit of the values of a short list."""
    for key in item.attrs:
        if key.lower() in {"units", "unit"}:
            value = _attribute(item.attrs[key])
            return value if isinstance(value, str) and value else None
    return None


def _lists(item: Any) -> dict[str, Any]:
    """The attributes of an object that are lists of numbers; of any size in a damaged file."""
    found = {}
    for key in item.attrs:
        inside = item.attrs.get_id(key)
        shape: tuple[int, ...] = inside.shape or ()
        kind = inside.dtype.kind
        if len(shape) == 1 and kind in "uif" and shape[0] <= _LONGEST_LIST:
            found[key] = item.attrs[key]
    return found


def _said(item: Any) -> dict[str, Any]:
    """The attributes that say something of the values, by their plain names."""
    found = {}
    for key in item.attrs:
        plain = re.sub(r"[^a-z]", "", key.lower())
        shape = item.attrs.get_id(key).shape or ()
        if plain in _ATTRIBUTES and math.prod(shape) == 1:
            # CF multiplies by its factor, whatever its size.
            name = "cf" + plain if key in {"scale_factor", "add_offset"} else plain
            found[name] = _attribute(item.attrs[key])
    return found


def _with_attributes(cube: HyperCube, path: Path) -> HyperCube:
    """Scale, no-data, bad bands and place as NEON, CF and others keep them beside the data."""
    import h5py

    name = (cube.source or "").rpartition("::")[2]
    with hdf5_file.opened(path) as file:
        if name not in file:
            return cube
        attributes = _said(file[name])
        places: dict[str, str] = {}
        scales: cf.Scales = {}

        def visit(inner: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                cf.note_scale(inner, item, scales)
            plain = re.sub(r"[^a-z]", "", inner.rpartition("/")[2].lower())
            wanted = {"epsgcode": envi_map.EPSG, "mapinfo": "map info"}.get(plain)
            if wanted and isinstance(item, h5py.Dataset) and item.size == 1:
                places[wanted] = str(_attribute(item[()]))

        file.visititems(visit)
        place = cf.place(file, name, cube.shape[1:], scales)
        only_grid = cf.has_lookup_table(file)
        good = neon.good_bands(file, name, cube.wavelengths_nm)
    changes: dict[str, Any] = _scale(cube, attributes, name)
    if cube.good_bands is None and good is not None:
        changes["good_bands"] = good
    for key in ("dataignorevalue", "fillvalue", "missingvalue", "nodata"):
        if cube.nodata is None and isinstance(attributes.get(key), float):
            changes.setdefault("nodata", attributes[key])
    if cube.georeference is None:
        changes["georeference"] = place or envi_map.georeference(places)
        if changes["georeference"] is None and only_grid:
            said = (
                "The pixels lie as the sensor saw them; the file's table to a map is not applied."
            )
            changes["history"] = (*cube.history, said)
    return cube.replace(**changes) if changes else cube


def _scale(cube: HyperCube, attributes: dict[str, Any], name: str) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    reflectance = "reflectance" in name.lower()
    if cube.gain == 1.0 and isinstance(attributes.get("cfscalefactor"), float):
        changes["gain"] = attributes["cfscalefactor"]
    if cube.offset == 0.0 and isinstance(attributes.get("cfaddoffset"), float):
        changes["offset"] = attributes["cfaddoffset"]
    scale = attributes.get("scalefactor")
    if cube.gain == 1.0 and isinstance(scale, float) and scale > 0:
        # NEON divides by its factor of 10000; HDF-EOS multiplies by 0.0001.
        changes["gain"] = scale if scale < 1 else 1.0 / scale
        if reflectance:
            changes["units"] = "reflectance"
    units = attributes.get("units", attributes.get("unit"))
    if cube.units is None and isinstance(units, str) and units:
        bare = units.strip().lower() in {"1", "unitless", "none", "dimensionless"}
        changes.setdefault("units", "reflectance" if bare and reflectance else units)
    return changes


def _attribute(value: Any) -> float | str | None:
    items = np.ravel(value)
    if items.size != 1:
        return None
    item = items[0]
    if isinstance(item, bytes):
        return item.decode("utf-8", "replace")
    if isinstance(item, str):
        return item
    return float(item) if np.asarray(item).dtype.kind in "uif" else None


def write(cube: HyperCube, target: Path) -> None:
    """Write ``data`` (bands, y, x), ``wavelengths``, ``fwhm``, ``bbl`` and the record."""
    import h5py

    try:
        with h5py.File(target, "w") as file:
            _write(cube, file)
    except RuntimeError as error:
        # h5py raises this on closing a file for which the disk was too small.
        raise OSError(str(error)) from error


def _write(cube: HyperCube, file: Any) -> None:
    dataset = file.create_dataset("data", cube.shape, cube.dtype)
    for place, values in blocks(cube.data):
        dataset[place] = values
    if cube.units:
        dataset.attrs["units"] = cube.units
    # Of fixed length: other programs may not check a heap of texts before they read it.
    file.create_dataset(container.RECORD, data=np.bytes_(record.to_json(cube).encode()))
    for name, value in (
        ("wavelengths", cube.wavelengths_nm),
        ("fwhm", cube.fwhm_nm),
        ("bbl", cube.good_bands),
    ):
        if value is not None:
            file.create_dataset(name, data=value)
