"""Products of the PRISMA satellite: the cubes of both spectrometers as one.

Source: PRISMA Products Specification Document, ASI, issue 2.3: attributes of the file and
"HDFEOS/SWATHS/PRS_Lx_HCO/Data Fields".
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import FloatArray, Georeference, HyperCube
from napari_hsi_restore.io import lazy
from napari_hsi_restore.io.container import Entry
from napari_hsi_restore.io.formats import hdf5_file
from napari_hsi_restore.io.formats.hdf5_file import LazyDataset
from napari_hsi_restore.io.request import Guess, Request

JOINED = "VNIR+SWIR"
"""How both cubes together are called, as a data set."""

_SWATHS = "HDFEOS/SWATHS"
_DETECTORS = ("Vnir", "Swir")
_LARGEST = 65535.0
_RADIANCE = "W/(m^2 sr um)"
# Metres; the corners are centres or edges of pixels, whichever gives this size. [ours]
_PIXEL_M = 30.0
_NAME = re.compile(r"PRS_L(\w+)_(HCO|HRC)")


@dataclasses.dataclass(frozen=True)
class _Cube:
    """The cube of one spectrometer, stored as (rows, bands, columns)."""

    detector: str
    name: str
    shape: tuple[int, int, int]
    dtype: str
    chunks: tuple[int, ...] | None


@dataclasses.dataclass(frozen=True)
class Product:
    """What a file says of its cubes.

    Attributes
    ----------
    path : Path
    level : str
        ``"1"``, ``"2B"``, ``"2C"`` or ``"2D"``.
    cubes : tuple
        Of the spectrometers.
    attributes : mapping
        Numbers and lists of numbers of the file.
    """

    path: Path
    level: str
    cubes: tuple[_Cube, ...]
    attributes: Mapping[str, Any]


def find(path: Path) -> Product | None:
    """The product in an HDF5 file, or None where it is no product of PRISMA.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    with hdf5_file.opened(path) as file:
        if _SWATHS not in file:
            return None
        # HCO, whose cubes lie on each other, before HRC.
        for name in sorted(file[_SWATHS]):
            match = _NAME.fullmatch(name)
            fields = f"{_SWATHS}/{name}/Data Fields"
            if match is None or fields not in file:
                continue
            cubes = []
            for detector in _DETECTORS:
                inner = f"{fields}/{detector.upper()}_Cube"
                if inner in file and len(file[inner].shape) == 3:
                    item = file[inner]
                    cubes.append(_Cube(detector, inner, item.shape, item.dtype.str, item.chunks))
            if cubes:
                return Product(path, match[1], tuple(cubes), _numbers(file))
    return None


def _numbers(file: Any) -> dict[str, Any]:
    found = {}
    for key in file.attrs:
        inside = file.attrs.get_id(key)
        if inside.dtype.kind in "uif" and math.prod(inside.shape or ()) < 10_000:
            found[key] = np.asarray(file.attrs[key], dtype=np.float64)
    return found


def is_meant(product: Product, request: Request) -> bool:
    """Whether a request is for a cube of the spectrometers, together or one of them."""
    if request.bands_axis is not None or request.shape is not None:
        return False
    return request.key is None or bool(_wanted(product, request.key))


def _wanted(product: Product, key: str) -> tuple[_Cube, ...]:
    if key == JOINED:
        return product.cubes
    plain = key.strip("/")
    return tuple(
        cube
        for cube in product.cubes
        if plain in (cube.name, cube.detector.upper(), cube.name.rpartition("/")[2])
    )


def entry(product: Product) -> Entry:
    """Both cubes as one data set, for a list of them."""
    bands = sum(cube.shape[1] for cube in product.cubes)
    rows, _, columns = product.cubes[0].shape
    dtype = np.dtype(product.cubes[0].dtype).newbyteorder("=").name
    return Entry(JOINED, (rows, bands, columns), dtype, lambda: None, ("y", "bands", "x"))


def read(product: Product, request: Request) -> HyperCube:
    """The cubes of both spectrometers as one, ascending in wavelength; lazily.

    Bands without a wavelength, which the sensor never measured, are left out.

    Raises
    ------
    UserError
        If the cubes do not fit each other or the lists of wavelengths do not fit the cubes.
    """
    cubes = product.cubes if request.key is None else _wanted(product, request.key)
    first = cubes[0]
    if any(cube.shape[::2] != first.shape[::2] or cube.dtype != first.dtype for cube in cubes):
        request.fail("the cubes of VNIR and SWIR differ in size; choose one with ::VNIR or ::SWIR.")
    centres, widths, gains, offsets = [], [], [], []
    places: list[tuple[int, int]] = []
    for number, cube in enumerate(cubes):
        nm = _list(product, request, f"List_Cw_{cube.detector}", cube.shape[1])
        fwhm = _list(product, request, f"List_Fwhm_{cube.detector}", cube.shape[1])
        gain, offset = _scale(product, cube.detector)
        for band in np.flatnonzero(nm > 0):
            places.append((number, int(band)))
            centres.append(nm[band])
            widths.append(fwhm[band])
            gains.append(gain)
            offsets.append(offset)
    if not places:
        request.fail("no band of it has a wavelength; copy it again.")
    order = np.argsort(centres, kind="stable")
    left_out = sum(cube.shape[1] for cube in cubes) - len(places)
    pieces = _Joined(product.path, cubes, tuple(places[i] for i in order))
    rows, bands, columns = hdf5_file.chunks(
        first.shape, np.dtype(first.dtype).itemsize, first.chunks
    )
    data: Any = lazy.from_pieces(pieces, (bands, rows, columns), product.path)
    reflectance = product.level in {"2C", "2D"}
    return HyperCube(
        data=data,
        name=product.path.stem,
        wavelengths_nm=np.array(centres)[order],
        fwhm_nm=np.array(widths)[order],
        units="reflectance" if reflectance else _RADIANCE,
        gain=_one_or_many(np.array(gains)[order]),
        offset=_one_or_many(np.array(offsets)[order]),
        nodata=0.0 if product.level == "2D" else None,
        georeference=_place(product, first),
        source=request.source,
        history=tuple(map(Guess, _said(product, cubes, np.array(centres), left_out))),
        metadata={"sensor type": "PRISMA", "processing level": f"L{product.level}"},
    )


def _said(
    product: Product, cubes: tuple[_Cube, ...], centres: FloatArray, left_out: int
) -> list[str]:
    said = []
    if len(cubes) > 1:
        ends = [_list_of(product, f"List_Cw_{cube.detector}") for cube in cubes]
        low = max(float(nm[nm > 0].min()) for nm in ends if np.any(nm > 0))
        high = min(float(nm[nm > 0].max()) for nm in ends if np.any(nm > 0))
        both = int(np.sum((centres >= low) & (centres <= high)))
        said.append(
            f"Joined the cubes of VNIR and SWIR, ascending in wavelength; {both} bands from "
            f"{low:.0f} to {high:.0f} nm come from both in turn."
        )
    if left_out:
        said.append(f"Left out {left_out} band{'' if left_out == 1 else 's'} without a wavelength.")
    if product.level == "2D":
        said.append("Took 0 as no data, which fills an L2D product outside the scene.")
    return said


def _list_of(product: Product, name: str) -> FloatArray:
    values: FloatArray = np.ravel(product.attributes.get(name, np.empty(0)))
    return values


def _list(product: Product, request: Request, name: str, count: int) -> FloatArray:
    values = _list_of(product, name)
    if len(values) != count:
        request.fail(f"its list {name} has {len(values)} values for {count} bands; copy it again.")
    return values


def _scale(product: Product, detector: str) -> tuple[float, float]:
    """Gain and offset of a spectrometer: radiance of L1, else the range of the integers."""

    def number(name: str, default: float) -> float:
        value = product.attributes.get(name)
        return float(np.ravel(value)[0]) if value is not None and np.size(value) == 1 else default

    if product.level == "1":
        scale = number(f"ScaleFactor_{detector}", 1.0)
        # Radiance = number / factor - offset.
        return (1.0 / scale if scale else 1.0), -number(f"Offset_{detector}", 0.0)
    low, high = number(f"L2Scale{detector}Min", 0.0), number(f"L2Scale{detector}Max", _LARGEST)
    return (high - low) / _LARGEST, low


def _one_or_many(values: FloatArray) -> float | FloatArray:
    return float(values[0]) if np.all(values == values[0]) else values


def _place(product: Product, cube: _Cube) -> Georeference | None:
    """Of an L2D product, which lies on a map; the others lie as the sensor saw them."""
    corners = ("ULcorner_easting", "ULcorner_northing", "LRcorner_easting", "LRcorner_northing")
    names = (*(f"Product_{corner}" for corner in corners), "Epsg_Code")
    values = [product.attributes.get(name, np.empty(0)) for name in names]
    rows, _, columns = cube.shape
    if product.level != "2D" or any(np.size(value) != 1 for value in values):
        return None
    left, top, right, bottom, code = (float(np.ravel(value)[0]) for value in values)
    if rows < 2 or columns < 2 or right <= left or bottom >= top:
        return None
    dx, dy = (right - left) / columns, (top - bottom) / rows
    inner_dx, inner_dy = (right - left) / (columns - 1), (top - bottom) / (rows - 1)
    crs = f"EPSG:{int(code)}"
    if abs(inner_dx - _PIXEL_M) < abs(dx - _PIXEL_M):
        left, top, dx, dy = left - inner_dx / 2, top + inner_dy / 2, inner_dx, inner_dy
    return Georeference(crs, (dx, 0.0, left, 0.0, -dy, top))


class _Joined:
    """(bands, y, x) out of several cubes stored as (y, bands, x).

    Each piece opens the file anew: see `LazyDataset`.
    """

    ndim = 3

    def __init__(
        self, path: Path, cubes: tuple[_Cube, ...], places: tuple[tuple[int, int], ...]
    ) -> None:
        rows, _, columns = cubes[0].shape
        self.shape: tuple[int, ...] = (len(places), rows, columns)
        self.dtype = np.dtype(cubes[0].dtype)
        self._sources = [LazyDataset(path, cube.name, cube.shape, cube.dtype) for cube in cubes]
        self._places = places

    def __getitem__(self, item: Any) -> npt.NDArray[Any]:
        plain = [slice(one, one + 1) if isinstance(one, int | np.integer) else one for one in item]
        if not all(isinstance(one, slice) for one in plain):
            whole: npt.NDArray[Any] = self._piece(slice(None), slice(None), slice(None))[item]
            return whole
        single = tuple(0 if isinstance(one, int | np.integer) else slice(None) for one in item)
        piece: npt.NDArray[Any] = self._piece(*plain)[single]
        return piece

    def _piece(self, bands: slice, rows: slice, columns: slice) -> npt.NDArray[Any]:
        wanted = self._places[bands]
        _, height, width = self.shape
        size = (len(wanted), len(range(*rows.indices(height))), len(range(*columns.indices(width))))
        found = np.empty(size, self.dtype)
        for number, source in enumerate(self._sources):
            inside = [band for which, band in wanted if which == number]
            if not inside:
                continue
            low, high = min(inside), max(inside) + 1
            values = source[rows, low:high, columns]
            for at, (which, band) in enumerate(wanted):
                if which == number:
                    found[at] = values[:, band - low]
        return found
