"""Everything a cube knows besides its values, as a JSON object and back.

Formats without fields of their own for it (NumPy, TIFF, MATLAB, HDF5, Zarr) carry
this record, so that a file we wrote is read back without loss.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_hsi_restore.cube import CubeData, Georeference, HyperCube
from napari_hsi_restore.errors import UserError

KEY = "napari_hsi_restore"
VERSION = 1


def to_json(cube: HyperCube) -> str:
    """One line of ASCII JSON: ``{"napari_hsi_restore": {...}}``."""
    return json.dumps({KEY: to_record(cube)}, allow_nan=False)


def to_record(cube: HyperCube) -> dict[str, Any]:
    """The fields of a cube, without data, name and source, as plain JSON values."""
    place = cube.georeference
    return {
        "version": VERSION,
        "dtype": cube.dtype.newbyteorder("=").name,
        "wavelengths_nm": _plain(cube.wavelengths_nm),
        "fwhm_nm": _plain(cube.fwhm_nm),
        "good_bands": None if cube.good_bands is None else [bool(b) for b in cube.good_bands],
        "units": cube.units,
        "gain": _plain(cube.gain),
        "offset": _plain(cube.offset),
        "white_level": _plain(cube.white_level),
        "nodata": _plain(cube.nodata),
        "georeference": None
        if place is None
        else {"crs": place.crs, "transform": [_plain(v) for v in place.transform]},
        "history": list(cube.history),
        "metadata": dict(cube.metadata),
    }


def parse(text: str | bytes) -> dict[str, Any] | None:
    """The record in a JSON text, or None where the text is something else."""
    try:
        value = json.loads(text)
    except (ValueError, UnicodeDecodeError):
        return None
    record = value.get(KEY) if isinstance(value, dict) else None
    return record if isinstance(record, dict) else None


def to_cube(data: CubeData, record: Mapping[str, Any], *, name: str, source: str) -> HyperCube:
    """Data (bands, y, x) with the fields of a record.

    Raises
    ------
    UserError
        If the record is damaged or was made for another cube.
    """
    try:
        place = record.get("georeference")
        return HyperCube(
            data=restore_dtype(data, record.get("dtype")),
            name=name,
            wavelengths_nm=_numbers(record.get("wavelengths_nm")),
            fwhm_nm=_numbers(record.get("fwhm_nm")),
            good_bands=_flags(record.get("good_bands")),
            units=record.get("units"),
            gain=_number_or_numbers(record.get("gain", 1.0)),
            offset=_number_or_numbers(record.get("offset", 0.0)),
            white_level=_number(record.get("white_level")),
            nodata=_number(record.get("nodata")),
            georeference=None if place is None else _place(place),
            source=source,
            history=tuple(str(step) for step in record.get("history", ())),
            metadata={str(k): str(v) for k, v in dict(record.get("metadata", {})).items()},
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UserError(
            f"{source}: its record of wavelengths and units is damaged ({error}); write the cube "
            "again, or remove the record."
        ) from error


def restore_dtype(data: CubeData, name: Any) -> CubeData:
    """Give values that were widened for a format their own type back."""
    if not isinstance(name, str) or np.dtype(data.dtype).newbyteorder("=") == np.dtype(name):
        return data
    return data.astype(np.dtype(name))


def _place(value: Mapping[str, Any]) -> Georeference:
    a, b, c, d, e, f = (float(v) for v in value["transform"])
    return Georeference(value.get("crs"), (a, b, c, d, e, f))


def _plain(value: Any) -> Any:
    """Numbers as JSON; NaN and infinity as words, as JSON has no such numbers."""
    if value is None:
        return None
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.tolist()]
    number = float(value)
    return number if math.isfinite(number) else str(number)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _numbers(value: Any) -> Any:
    return None if value is None else np.array([float(v) for v in value], dtype=np.float64)


def _number_or_numbers(value: Any) -> Any:
    return _numbers(value) if isinstance(value, list) else float(value)


def _flags(value: Any) -> Any:
    return None if value is None else np.array([bool(v) for v in value], dtype=np.bool_)
