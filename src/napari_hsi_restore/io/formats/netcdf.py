"""NetCDF 4, written through `h5py` as the CF conventions ask; read as any other HDF5 file.

Sources: NetCDF Climate and Forecast (CF) Metadata Conventions 1.11; NetCDF-4 file format
specification (dimension scales, variables of characters); GDAL netCDF driver documentation.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from napari_hsi_restore.cube import FloatArray, HyperCube
from napari_hsi_restore.io import container, record
from napari_hsi_restore.io.blocks import blocks
from napari_hsi_restore.io.formats import cf, hdf5
from napari_hsi_restore.io.formats.envi_map import wkt

_SUFFIXES = (".nc", ".nc4", ".cdf")
# NetCDF has no such types; the record gives them back.
_WIDER = {"bool": "u1", "float16": "f4"}
_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable."


def sniff(path: Path, head: bytes) -> bool:
    """HDF5 under a name that promises netCDF; both are read alike."""
    return path.suffix.lower() in _SUFFIXES and hdf5.sniff(path, head)


def write(cube: HyperCube, target: Path) -> None:
    """Write ``data`` with its coordinates ``wavelength``, ``y`` and ``x``, and the record.

    Other programs find the wavelengths as a coordinate (or beside ``band`` where they do not
    ascend or descend), one scale and offset, no-data, units and place; what CF has no
    words for, such as a scale for each band, is in variables of its own and in the record.
    """
    import h5py

    try:
        # Dimensions in the order of their making, as the netCDF library itself writes them.
        with h5py.File(target, "w", track_order=True) as file:
            _write(cube, file)
    except RuntimeError as error:
        # h5py raises this on closing a file for which the disk was too small.
        raise OSError(str(error)) from error


def _write(cube: HyperCube, file: Any) -> None:
    bands = _bands(cube, file)
    rows, columns = _pixels(cube, file)
    dtype = np.dtype(_WIDER.get(cube.dtype.name, cube.dtype))
    dataset = file.create_dataset("data", cube.shape, dtype)
    for axis, scale in enumerate((bands, rows, columns)):
        dataset.dims[axis].attach_scale(scale)
    for place, values in blocks(cube.data):
        dataset[place] = values
    _describe(cube, dataset, dtype)
    beside = ["wavelength"] if "wavelength" in file and bands.name != "/wavelength" else []
    for name, value, unit in (
        ("fwhm", cube.fwhm_nm, "nm"),
        ("good_bands", cube.good_bands, "1"),
        ("gain", cube.gain if np.ndim(cube.gain) else None, None),
        ("offset", cube.offset if np.ndim(cube.offset) else None, None),
    ):
        if value is not None:
            _variable(file, name, np.asarray(value), bands, unit)
            beside.append(name)
    if beside:
        _text(dataset, "coordinates", " ".join(beside))
    if cube.georeference is not None:
        mapping = file.create_dataset("crs", data=np.int32(0))
        if (text := _crs_text(cube.georeference.crs)) is not None:
            _text(mapping, "crs_wkt", text)
            _text(mapping, "spatial_ref", text)
        _text(mapping, "GeoTransform", cf.geotransform_text(cube.georeference.transform))
        _text(dataset, "grid_mapping", "crs")
    _text(file, "Conventions", "CF-1.11")
    _text(file, "title", cube.name)
    if cube.history:
        _text(file, "history", "\n".join(cube.history)[:30_000])
    _record(cube, file)


def _bands(cube: HyperCube, file: Any) -> Any:
    """The dimension of the bands: its coordinate is the wavelength if it may be one."""
    nm = cube.wavelengths_nm
    if nm is not None and _is_monotonic(nm):
        scale = file.create_dataset("wavelength", data=nm)
        scale.make_scale("wavelength")
        _spectral(scale)
        return scale
    scale = file.create_dataset("band", data=np.arange(1, cube.n_bands + 1, dtype=np.int32))
    scale.make_scale("band")
    if nm is not None:
        _spectral(_variable(file, "wavelength", nm, scale, "nm"))
    return scale


def _is_monotonic(values: FloatArray) -> bool:
    steps = np.diff(values)
    return bool(np.all(steps > 0) or np.all(steps < 0)) and bool(np.isfinite(values).all())


def _spectral(dataset: Any) -> None:
    for key, value in (
        ("standard_name", "radiation_wavelength"),
        ("long_name", "centre of the band"),
        ("units", "nm"),
    ):
        _text(dataset, key, value)


def _pixels(cube: HyperCube, file: Any) -> tuple[Any, Any]:
    """The dimensions y and x: centres of the pixels on a map that is not turned, else counts."""
    place = cube.georeference
    straight = place is not None and place.transform[1] == 0 and place.transform[3] == 0
    scales = []
    for name, count, axis in (("y", cube.shape[1], 0), ("x", cube.shape[2], 1)):
        centres = np.arange(count) + 0.5
        if straight:
            assert place is not None
            a, _, c, _, e, f = place.transform
            values = f + e * centres if axis == 0 else c + a * centres
        else:
            values = np.arange(count, dtype=np.float64)
        scale = file.create_dataset(name, data=values)
        scale.make_scale(name)
        if straight:
            degrees = place is not None and (place.crs or "").upper() == "EPSG:4326"
            standard = ("latitude", "longitude") if degrees else None
            words = standard or (f"projection_{n}_coordinate" for n in "yx")
            _text(scale, "standard_name", tuple(words)[axis])
            units = ("degrees_north", "degrees_east") if degrees else ("m", "m")
            if degrees or _is_metric(place.crs if place else None):
                _text(scale, "units", units[axis])
        else:
            _text(scale, "units", "1")
        scales.append(scale)
    return scales[0], scales[1]


def _is_metric(crs: str | None) -> bool:
    """Whether a system surely counts in metres: those of UTM do."""
    text = (crs or "").upper()
    return text.startswith("EPSG:") and (
        text[5:].isdigit() and (32601 <= int(text[5:]) <= 32760 or 25828 <= int(text[5:]) <= 25838)
    )


def _describe(cube: HyperCube, dataset: Any, dtype: np.dtype[Any]) -> None:
    if cube.units:
        _text(dataset, "units", cube.units)
    # Both or none: a program that knows one of them applies it.
    if np.ndim(cube.gain) == 0 and np.ndim(cube.offset) == 0 and (cube.gain, cube.offset) != (1, 0):
        dataset.attrs["scale_factor"] = np.float64(cube.gain)
        dataset.attrs["add_offset"] = np.float64(cube.offset)
    nodata = cube.nodata
    if nodata is None:
        return
    if dtype.kind == "f":
        dataset.attrs["_FillValue"] = np.array([nodata], dtype)
    elif math.isfinite(nodata) and nodata == int(nodata):
        limits = np.iinfo(dtype)
        if limits.min <= nodata <= limits.max:
            dataset.attrs["_FillValue"] = np.array([nodata], dtype)


def _variable(file: Any, name: str, values: Any, scale: Any, unit: str | None) -> Any:
    stored = values.astype(np.int8) if values.dtype == np.bool_ else values
    dataset = file.create_dataset(name, data=stored)
    dataset.dims[0].attach_scale(scale)
    if unit is not None:
        _text(dataset, "units", unit)
    return dataset


def _crs_text(crs: str | None) -> str | None:
    if crs is None:
        return None
    # Without rasterio the code itself is better than nothing.
    return wkt(crs) or crs


def _text(item: Any, name: str, value: str) -> None:
    """An attribute of characters of fixed length, which the netCDF library calls ``char``."""
    item.attrs[name] = np.bytes_(value.encode() or b" ")


def _record(cube: HyperCube, file: Any) -> None:
    text = np.frombuffer(record.to_json(cube).encode(), "S1")
    scale = file.create_dataset("record_length", (len(text),), ">f4")
    scale.make_scale(f"{_NO_VARIABLE}{len(text):10d}")
    dataset = file.create_dataset(container.RECORD, data=text)
    dataset.dims[0].attach_scale(scale)
