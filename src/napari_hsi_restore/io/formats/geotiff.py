"""The tags of GeoTIFF and GDAL, both ways: place, no-data, per-band fields.

Sources: OGC GeoTIFF Standard 1.1; GDAL GTiff driver documentation (tags 42112
GDAL_METADATA and 42113 GDAL_NODATA).
"""

from __future__ import annotations

import dataclasses
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from napari_hsi_restore.cube import FloatArray, Georeference, HyperCube
from napari_hsi_restore.io.formats.envi_header import listed
from napari_hsi_restore.io.wavelengths import from_names, to_nm

PIXEL_SCALE, TIE_POINT, TRANSFORMATION = 33550, 33922, 34264
KEY_DIRECTORY, KEY_DOUBLES, KEY_ASCII = 34735, 34736, 34737
GDAL_METADATA, GDAL_NODATA = 42112, 42113
_MODEL_TYPE, _RASTER_TYPE, _GEOGRAPHIC, _PROJECTED = 1024, 1025, 2048, 3072
_POINT = 2
_USER_DEFINED = 32767

# (tag, TIFF type name, count, value, write once)
ExtraTag = tuple[int, str, int | None, Any, bool]


@dataclasses.dataclass(frozen=True, eq=False)
class BandFields:
    """What GDAL's metadata say about the bands."""

    wavelengths_nm: FloatArray | None = None
    fwhm_nm: FloatArray | None = None
    good_bands: Any = None
    gain: Any = 1.0
    offset: Any = 0.0
    units: str | None = None
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()


def georeference(tags: Mapping[int, Any]) -> Georeference | None:
    """Place from the tags of the first page, without any GIS library.

    A system that has no EPSG number is left None; the transform is kept.
    """
    transform = _transform(tags)
    if transform is None:
        return None
    keys = _keys(tags)
    if keys.get(_RASTER_TYPE) == _POINT:
        a, b, c, d, e, f = transform
        transform = (a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)
    code = keys.get(_PROJECTED) or keys.get(_GEOGRAPHIC)
    known = isinstance(code, int) and 1024 <= code < _USER_DEFINED
    return Georeference(f"EPSG:{code}" if known else None, transform)


def _transform(tags: Mapping[int, Any]) -> tuple[float, float, float, float, float, float] | None:
    if TRANSFORMATION in tags:
        m = [float(v) for v in tags[TRANSFORMATION]]
        return m[0], m[1], m[3], m[4], m[5], m[7]
    if PIXEL_SCALE not in tags or TIE_POINT not in tags:
        return None
    dx, dy = (float(v) for v in tags[PIXEL_SCALE][:2])
    column, row, _, x, y, _ = (float(v) for v in tags[TIE_POINT][:6])
    return dx, 0.0, x - column * dx, 0.0, -dy, y + row * dy


def _keys(tags: Mapping[int, Any]) -> dict[int, int]:
    """Short values of the key directory: entries of (key, location, count, value)."""
    directory = [int(v) for v in tags.get(KEY_DIRECTORY, ())]
    return {
        directory[i]: directory[i + 3]
        for i in range(4, len(directory) - 3, 4)
        if directory[i + 1] == 0
    }


def nodata(tags: Mapping[int, Any]) -> float | None:
    """The value that marks missing pixels, or None."""
    try:
        return float(str(tags[GDAL_NODATA]).strip().strip("\0"))
    except (KeyError, ValueError):
        return None


def band_fields(xml: str, bands: int) -> BandFields:
    """Per-band items of GDAL's metadata; damaged XML says nothing."""
    try:
        root = ET.fromstring(xml.strip().strip("\0"))
    except ET.ParseError:
        return BandFields()
    per_band: dict[str, dict[int, str]] = {}
    kept: dict[str, str] = {}
    for item in root.iter("Item"):
        name, text = item.get("name", ""), item.text or ""
        sample = item.get("sample")
        if sample is None or not sample.isdigit():
            kept[name] = text
        else:
            per_band.setdefault(item.get("role") or name.lower(), {})[int(sample)] = text

    def numbers(*names: str) -> FloatArray | None:
        for name in names:
            values = per_band.get(name, {})
            try:
                if set(values) == set(range(bands)):
                    return np.array([float(values[i].split()[0]) for i in range(bands)])
            except (ValueError, IndexError):
                continue
        return None

    centres, widths = numbers("wavelength", "wavelength_nm", "central_wavelength"), numbers("fwhm")
    unit = per_band.get("wavelength_units", {}).get(0)
    note = None
    names = per_band.get("description", {})
    described = [names[i] for i in range(bands)] if set(names) == set(range(bands)) else []
    if centres is None:
        # GDAL's domain IMAGERY (raster data model) counts in micrometres.
        centres, widths, unit = numbers("central_wavelength_um"), numbers("fwhm_um"), "um"
    if centres is None and (named := from_names(described)) is not None:
        centres, unit = named
        note = "Took the wavelengths from the band names, the file has no others."
    if centres is not None:
        centres, widths, guess = to_nm(centres, widths, unit)
        note = note or guess
    good, gain, offset = numbers("bbl"), numbers("scale"), numbers("offset")
    if described:
        kept["band names"] = ", ".join(described)
    return BandFields(
        centres,
        widths if centres is not None else None,
        None if good is None else good != 0,
        _one_or_many(gain, 1.0),
        _one_or_many(offset, 0.0),
        per_band.get("unittype", {}).get(0),
        kept,
        (note,) if note else (),
    )


def _one_or_many(values: FloatArray | None, default: float) -> Any:
    if values is None:
        return default
    return float(values[0]) if np.all(values == values[0]) else values


def extra_tags(cube: HyperCube) -> list[ExtraTag]:
    """Tags that tell GDAL programs the place, the no-data value and the bands."""
    tags: list[ExtraTag] = []
    if cube.georeference is not None:
        tags += _place_tags(cube.georeference)
    text = _metadata_xml(cube)
    if text:
        tags.append((GDAL_METADATA, "s", 0, text, True))
    if cube.nodata is not None:
        value = cube.nodata
        number = repr(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
        tags.append((GDAL_NODATA, "s", 0, number, True))
    return tags


def _place_tags(place: Georeference) -> list[ExtraTag]:
    a, b, c, d, e, f = place.transform
    tags: list[ExtraTag] = []
    if b == 0 and d == 0 and a > 0 and e < 0:
        tags.append((PIXEL_SCALE, "d", 3, (a, -e, 0.0), True))
        tags.append((TIE_POINT, "d", 6, (0.0, 0.0, 0.0, c, f, 0.0), True))
    else:
        matrix = (a, b, 0.0, c, d, e, 0.0, f, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
        tags.append((TRANSFORMATION, "d", 16, matrix, True))
    return tags + (_keys_from_gdal(place.crs) or _keys_from_code(place.crs))


def _keys_from_gdal(crs: str | None) -> list[ExtraTag]:
    """The geographic keys that GDAL would write, taken from a file of one pixel."""
    if crs is None:
        return []
    try:
        import rasterio
        from rasterio.errors import RasterioError
        from rasterio.io import MemoryFile
    except ImportError:
        return []
    import io

    import tifffile

    try:
        with MemoryFile() as memory:
            profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "width": 1, "height": 1}
            shifted = rasterio.Affine(1.0, 0.0, 1.0, 0.0, -1.0, 1.0)
            with memory.open(crs=crs, transform=shifted, **profile):
                pass
            with tifffile.TiffFile(io.BytesIO(memory.read())) as file:
                found = file.pages.first.tags
                return [
                    (
                        code,
                        kind,
                        None if kind == "s" else found[code].count,
                        found[code].value,
                        True,
                    )
                    for code, kind in (
                        (KEY_DIRECTORY, "H"),
                        (KEY_DOUBLES, "d"),
                        (KEY_ASCII, "s"),
                    )
                    if code in found
                ]
    except (RasterioError, ValueError):
        return []


def _keys_from_code(crs: str | None) -> list[ExtraTag]:
    match = re.fullmatch(r"EPSG:(\d+)", crs or "", re.IGNORECASE)
    if not match:
        return []
    code = int(match[1])
    # EPSG gives 4000 to 4999 to geographic systems, with few exceptions.
    geographic = 4000 <= code < 5000
    entries = (
        (_MODEL_TYPE, 0, 1, 2 if geographic else 1),
        (_RASTER_TYPE, 0, 1, 1),
        (_GEOGRAPHIC if geographic else _PROJECTED, 0, 1, code),
    )
    values = (1, 1, 0, len(entries), *(v for entry in entries for v in entry))
    return [(KEY_DIRECTORY, "H", len(values), values, True)]


def _names(cube: HyperCube) -> list[str] | None:
    """What other programs are to call the bands: their names, or else their wavelengths."""
    named = listed(cube.metadata.get("band names", ""))
    if len(named) == cube.n_bands:
        return named
    centres = cube.wavelengths_nm
    return None if centres is None else [f"{centre:g} nm" for centre in centres]


def _metadata_xml(cube: HyperCube) -> str:
    bands = cube.n_bands
    items: list[str] = []

    def add(name: str, values: Sequence[Any] | None, role: str = "", domain: str = "") -> None:
        for sample, value in enumerate(values if values is not None else ()):
            kind = f' role="{role}"' if role else ""
            kind += f' domain="{domain}"' if domain else ""
            items.append(
                f'<Item name={quoteattr(name)} sample="{sample}"{kind}>{escape(str(value))}</Item>'
            )

    if cube.wavelengths_nm is not None:
        add("wavelength", [float(v) for v in cube.wavelengths_nm])
        add("wavelength_units", ["Nanometers"] * bands)
        # Where QGIS and GDAL since 3.10 look for it.
        micrometres = [float(v) / 1000 for v in cube.wavelengths_nm]
        add("CENTRAL_WAVELENGTH_UM", micrometres, domain="IMAGERY")
    add("DESCRIPTION", _names(cube), "description")
    if cube.fwhm_nm is not None:
        add("fwhm", [float(v) for v in cube.fwhm_nm])
        add("FWHM_UM", [float(v) / 1000 for v in cube.fwhm_nm], domain="IMAGERY")
    if cube.good_bands is not None:
        add("bbl", [int(v) for v in cube.good_bands])
    if np.any(np.asarray(cube.gain) != 1.0) or np.any(np.asarray(cube.offset) != 0.0):
        add("SCALE", [float(v) for v in np.broadcast_to(cube.gain, bands)], "scale")
        add("OFFSET", [float(v) for v in np.broadcast_to(cube.offset, bands)], "offset")
    if cube.units:
        add("UNITTYPE", [cube.units] * bands, "unittype")
    text = f"<GDALMetadata>{''.join(items)}</GDALMetadata>" if items else ""
    # A TIFF string is plain ASCII.
    return text.encode("ascii", "xmlcharrefreplace").decode("ascii")
