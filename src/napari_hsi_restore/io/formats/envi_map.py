"""ENVI's ``map info`` and our `Georeference`, both ways."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from napari_hsi_restore.cube import Georeference
from napari_hsi_restore.io.formats.envi_header import listed

AFFINE = "affine transform"
EPSG = "epsg code"
WKT = "coordinate system string"


def georeference(fields: Mapping[str, str]) -> Georeference | None:
    """Where the pixels lie, or None if the header does not say it in a way we understand.

    The reference pixel of ``map info`` counts from (1, 1) at the outer corner of the
    first pixel; a rotation is in degrees, counter-clockwise (the reading of GDAL).
    """
    items = listed(fields.get("map info", ""))
    transform = _affine(fields) or _transform(items)
    if transform is None:
        return None
    text = fields.get(WKT, "").strip()
    code = fields.get(EPSG, "").strip()
    crs = f"EPSG:{code}" if code.isdigit() else (text or _crs(items))
    return Georeference(crs, transform)


def fields_of(place: Georeference) -> dict[str, str | list[str]]:
    """Header fields of a georeference, so that `georeference` gives it back."""
    a, b, c, d, e, f = place.transform
    fields: dict[str, str | list[str]] = {}
    code = re.fullmatch(r"EPSG:(\d+)", place.crs or "", re.IGNORECASE)
    if code:
        fields[EPSG] = code[1]
    text = wkt(place.crs) if place.crs else None
    if text:
        fields[WKT] = "{" + text + "}"
    info = _map_info(place, int(code[1]) if code else None)
    said = _transform(info)
    # What `map info` cannot say (sheared or mirrored pixels) others would show elsewhere.
    if said is not None and _close(said, place.transform):
        fields["map info"] = info
    if said != place.transform:
        fields[AFFINE] = [repr(v) for v in (a, b, c, d, e, f)]
    return fields


def _close(said: tuple[float, ...], meant: tuple[float, ...]) -> bool:
    pixel = math.hypot(meant[0], meant[1])
    return all(
        math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9 * pixel)
        for one, other in zip(said, meant, strict=True)
    )


def _affine(fields: Mapping[str, str]) -> tuple[float, float, float, float, float, float] | None:
    try:
        a, b, c, d, e, f = (float(item) for item in listed(fields.get(AFFINE, "")))
    except ValueError:
        return None
    return a, b, c, d, e, f


def _transform(items: list[str]) -> tuple[float, float, float, float, float, float] | None:
    try:
        column, row, x, y, dx, dy = (float(item) for item in items[1:7])
    except ValueError:
        return None
    angle = 0.0
    for item in items[7:]:
        name, _, value = item.partition("=")
        if name.strip().lower() == "rotation":
            try:
                angle = -math.radians(float(value))
            except ValueError:
                return None
    cos, sin = (math.cos(angle), math.sin(angle)) if angle else (1.0, 0.0)
    a, b, d, e = cos * dx, -sin * dx, -sin * dy, -cos * dy
    if not angle:
        b = d = 0.0
    return (
        a,
        b,
        x - (column - 1) * a - (row - 1) * b,
        d,
        e,
        y - (column - 1) * d - (row - 1) * e,
    )


def _crs(items: list[str]) -> str | None:
    rest = [item.lower() for item in items]
    if not rest or not any(item in {"wgs-84", "wgs84", "wgs 84"} for item in rest):
        return None
    if rest[0] == "utm" and len(rest) > 8 and rest[7].isdigit():
        return f"EPSG:{(32700 if rest[8].startswith('s') else 32600) + int(rest[7])}"
    return "EPSG:4326" if rest[0].startswith("geographic") else None


def _map_info(place: Georeference, epsg: int | None) -> list[str]:
    a, b, c, d, e, f = place.transform
    dx, dy = math.hypot(a, b), math.hypot(d, e)
    numbers = ["1.0", "1.0", repr(c), repr(f), repr(dx), repr(dy)]
    turned = [f"rotation={math.degrees(math.atan2(b, a))!r}"] if b or d else []
    if epsg is not None and 32601 <= epsg <= 32660:
        return ["UTM", *numbers, str(epsg - 32600), "North", "WGS-84", "units=Meters", *turned]
    if epsg is not None and 32701 <= epsg <= 32760:
        return ["UTM", *numbers, str(epsg - 32700), "South", "WGS-84", "units=Meters", *turned]
    if epsg == 4326:
        return ["Geographic Lat/Lon", *numbers, "WGS-84", "units=Degrees", *turned]
    return ["Arbitrary", *numbers, *turned]


def wkt(crs: str) -> str | None:
    """Well-known text of a system: as it is, or from a code by rasterio, if that is there.

    None also for a text that an ENVI header cannot hold.
    """
    if not crs.upper().startswith("EPSG:"):
        return None if re.search(r"[{}\n]", crs) else crs
    try:
        from rasterio.crs import CRS
    except ImportError:
        return None
    try:
        return str(CRS.from_string(crs).to_wkt())
    except ValueError:
        return None
