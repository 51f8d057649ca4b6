"""Write ENVI: a header and a raw band-sequential file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.blocks import blocks
from napari_hsi_restore.io.class_map import CLASSIFICATION, class_map
from napari_hsi_restore.io.formats import envi, envi_map
from napari_hsi_restore.io.formats.envi_header import listed, parse, render
from napari_hsi_restore.io.staging import reserve

_CODES = {np.dtype(name): code for code, name in envi.DTYPES.items()}
# ENVI has no such types; the next wider one holds every value.
_WIDER = {"bool": "u1", "int8": "i2", "float16": "f4"}


def parts(target: Path) -> tuple[Path, ...]:
    """The header, and the data file beside it."""
    return target, target.with_suffix(".img")


def check(target: Path) -> None:
    """Make sure that no other file would be taken for the data of a new header.

    Raises
    ------
    UserError
        If one lies there.
    """
    for other in envi.data_beside(target):
        if other != target.with_suffix(".img"):
            raise UserError(
                f"{target}: {other.name} lies beside it and would be taken for its data; choose "
                "another name."
            )


def stored(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of the values after writing and reading: ENVI lacks some."""
    return np.dtype(_WIDER.get(dtype.newbyteorder("=").name, dtype)).newbyteorder("=")


def write(cube: HyperCube, header: Path, data: Path) -> None:
    """Write header and data file.

    Raises
    ------
    UserError
        If ENVI has no data type for the values.
    """
    dtype = np.dtype(_WIDER.get(cube.dtype.name, cube.dtype))
    code = _CODES.get(dtype.newbyteorder("="))
    if code is None:
        raise UserError(
            f"{header}: ENVI has no data type for {cube.dtype}; convert the values to float64."
        )
    data.touch()
    reserve(data, int(np.prod(cube.shape, dtype=np.int64)) * dtype.itemsize)
    mapped = np.memmap(data, dtype, "r+", 0, cube.shape)
    for place, values in blocks(cube.data):
        mapped[place] = values
    mapped.flush()
    header.write_text(_header(cube, dtype, code), encoding="utf-8")


def _header(cube: HyperCube, dtype: np.dtype[Any], code: int) -> str:
    big = dtype.newbyteorder("=") != dtype if np.little_endian else dtype.isnative
    fields: dict[str, Any] = {
        "samples": str(cube.shape[2]),
        "lines": str(cube.shape[1]),
        "bands": str(cube.shape[0]),
        "header offset": "0",
        "file type": "ENVI Standard" if class_map(cube) is None else CLASSIFICATION,
        "data type": str(code),
        "interleave": "bsq",
        "byte order": "1" if big and dtype.itemsize > 1 else "0",
    }
    if cube.wavelengths_nm is not None or cube.fwhm_nm is not None:
        fields["wavelength units"] = "Nanometers"
    if cube.wavelengths_nm is not None:
        fields["wavelength"] = _texts(cube.wavelengths_nm)
    if cube.fwhm_nm is not None:
        fields["fwhm"] = _texts(cube.fwhm_nm)
    if cube.good_bands is not None:
        fields["bbl"] = [str(int(good)) for good in cube.good_bands]
    if cube.nodata is not None:
        fields["data ignore value"] = _text(cube.nodata)
    fields |= _scale(cube)
    if cube.white_level is not None:
        fields[envi.WHITE] = _text(cube.white_level)
    if cube.georeference is not None:
        fields |= envi_map.fields_of(cube.georeference)
    if cube.history:
        fields[envi.HISTORY] = _json(list(cube.history))
    return render(fields | _metadata(cube, set(fields)))


def _scale(cube: HyperCube) -> dict[str, str | list[str]]:
    """Gain and offset; the one number of reflectance where it gives the gain back exactly."""
    fields: dict[str, str | list[str]] = {}
    gain, offset = np.asarray(cube.gain), np.asarray(cube.offset)
    if gain.ndim == 0 and gain > 0 and gain != 1 and cube.units == "reflectance":
        scale = 1.0 / float(gain)
        if 1.0 / scale == float(gain):
            fields[envi.SCALE] = repr(scale)
    if envi.SCALE not in fields and np.any(gain != 1):
        fields[envi.GAINS] = _texts(np.broadcast_to(gain, cube.n_bands))
    if np.any(offset != 0):
        fields[envi.OFFSETS] = _texts(np.broadcast_to(offset, cube.n_bands))
    return fields


def _metadata(cube: HyperCube, taken: set[str]) -> dict[str, str]:
    """Further fields: as header lines where they come back unchanged, else together in JSON."""
    fields: dict[str, str] = {}
    rest: list[tuple[str, str]] = []
    wanted = {k: v for k, v in cube.metadata.items() if k not in taken | envi.TYPED_FIELDS}
    if len(listed(wanted.get("band names", ""))) != cube.n_bands:
        wanted.pop("band names", None)
    if cube.units is not None:
        wanted[envi.UNITS] = cube.units
    crs = cube.georeference.crs if cube.georeference else None
    if crs and not taken & {envi_map.EPSG, envi_map.WKT}:
        wanted[envi_map.WKT] = crs
    for key, value in wanted.items():
        braced = "{" + value + "}"
        for text in (braced if "," in value or key == "description" else value, braced):
            if parse(render({key: text})) == {key: value}:
                fields[key] = text
                break
        else:
            rest.append((key, value))
    if rest:
        fields[envi.EXTRA] = _json(rest)
    return fields


def _json(values: list[Any]) -> str:
    """JSON without braces, which would end an ENVI value."""
    return json.dumps(values).replace("{", "\\u007b").replace("}", "\\u007d")


def _texts(values: Any) -> list[str]:
    return [_text(value) for value in values]


def _text(value: Any) -> str:
    number = float(value)
    text = str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return "-0.0" if text == "0" and math.copysign(1.0, number) < 0 else text
