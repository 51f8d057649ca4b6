"""ENVI images: a text header and a raw data file, opened as a memory map."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import FloatArray, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import class_map
from napari_hsi_restore.io.formats import envi_header, envi_map
from napari_hsi_restore.io.mapped import open_mapped
from napari_hsi_restore.io.request import Guess, Request

# "data type" of the ENVI header documentation; 6 and 9 are complex.
DTYPES = {1: "u1", 2: "i2", 3: "i4", 4: "f4", 5: "f8", 12: "u2", 13: "u4", 14: "i8", 15: "u8"}
_COMPLEX = {6, 9}
_DATA_SUFFIXES = (
    *(".img", ".dat", ".raw", ".bsq", ".bil", ".bip", ".bin", ".cube", ".rad", ".ref", ".rfl"),
    *(".sli", ".lib", ".slb"),
)
# Such files lie beside a header without being its data.
_NEVER_DATA = {".hdr", ".txt", ".csv", ".json", ".xml", ".md", ".pdf", ".zip", ".gz", ".tar"} | {
    ".png",
    ".jpg",
    ".jpeg",
    ".gif",
    ".bmp",
    ".webp",
    ".tfw",
    ".py",
}
_LONGEST_SHOWN = 40
_SIZES = ("samples", "lines", "bands")
_INTERLEAVES = ("bsq", "bil", "bip")
UNITS, WHITE, HISTORY, EXTRA = "data units", "white level", "processing history", "extra metadata"
OFFSETS, GAINS, SCALE = "data offset values", "data gain values", "reflectance scale factor"
TYPED_FIELDS = frozenset(
    [
        "samples",
        "lines",
        "bands",
        "header offset",
        "data type",
        "interleave",
        "byte order",
        "file type",
        "wavelength",
        "wavelength units",
        "fwhm",
        "bbl",
        "data ignore value",
    ]
) | {UNITS, WHITE, HISTORY, EXTRA, OFFSETS, GAINS, SCALE}


def sniff(path: Path, head: bytes) -> bool:
    """An ENVI header, or a data file with one beside it."""
    if head.lstrip(b"\xef\xbb\xbf").startswith(b"ENVI"):
        return True
    return bool(head) and path.suffix.lower() not in _NEVER_DATA and find_header(path) is not None


def find_header(path: Path) -> Path | None:
    """The header beside a data file, or None."""
    for candidate in (
        path.with_name(path.name + ".hdr"),
        path.with_suffix(".hdr"),
        path.with_name(path.name + ".HDR"),
        path.with_suffix(".HDR"),
    ):
        if candidate != path and candidate.is_file():
            with candidate.open("rb") as file:
                if file.read(8).lstrip(b"\xef\xbb\xbf").startswith(b"ENVI"):
                    return candidate
    return None


def claims(path: Path) -> bool:
    """Always: no other program than one for cubes has use for such a file."""
    del path
    return True


def files(path: Path) -> tuple[Path, ...]:
    """Header and data file of an image named by either of them, as far as they are there."""
    header = header_of(path)
    if header is None or header != path:
        return tuple(item for item in (header, path) if item is not None)
    data = data_beside(header)
    return (header, *data[:1])


def interleave(path: Path) -> str:
    """How the values lie in the data file: ``"bsq"``, ``"bil"`` or ``"bip"``."""
    header = header_of(path)
    fields = {} if header is None else envi_header.parse(_text(header))
    return fields.get("interleave", "bsq").lower()


def read(request: Request) -> HyperCube:
    """Open an ENVI image by its header or by its data file.

    Returns
    -------
    HyperCube
        `data` is a read-only memory map as (bands, y, x) for every interleave.

    Raises
    ------
    UserError
        If header and data file are damaged or do not fit each other.
    """
    request.refuse(
        "key", "bands_axis", "shape", "pixel_order", because="the ENVI header says it all"
    )
    path = request.path
    header = header_of(path)
    if header is None:
        request.fail("no ENVI header (.hdr) lies beside this data file; copy it there.")
    fields = envi_header.parse(_text(header))
    fields |= _extra(fields)
    _check_kind(header, fields)
    data, notes = open_data(header, fields, None if header == path else path)
    cube = _cube(header, {**fields, "bands": str(len(data))}, data, notes)
    classes = class_map.class_map(cube)
    if classes is None or (said := class_map.described(classes)) in cube.history:
        return cube
    return cube.replace(history=(*cube.history, said))


def header_of(path: Path) -> Path | None:
    """The header that a path is or that lies beside it, or None."""
    return path if _is_header(path) else find_header(path)


def is_library(fields: Mapping[str, str]) -> bool:
    """Whether a header is that of a spectral library."""
    return "spectral library" in fields.get("file type", "").lower()


def open_data(
    header: Path, fields: Mapping[str, str], data_path: Path | None
) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """Map the data file that goes with a header.

    Parameters
    ----------
    header : Path
    fields : mapping
        Of the header.
    data_path : Path or None
        Found beside the header if None.

    Returns
    -------
    data : read-only memory map, (bands, lines, samples)
    notes : tuple of str
        What was guessed.

    Raises
    ------
    UserError
        If header and data file do not fit each other.
    """
    fields, notes = _completed(header, fields, data_path)
    layout = _Layout(header, fields)
    if data_path is None:
        data_path, more = _find_data(header, layout.end_byte)
        notes = (*notes, *more)
    size = data_path.stat().st_size
    if size < layout.end_byte:
        raise UserError(
            f"{data_path}: the file is cut short, it has {size} bytes but {header.name} promises "
            f"{layout.end_byte}; copy it again, or correct samples, lines, bands or data type."
        )
    extra = size - layout.end_byte
    if extra >= layout.row_bytes:
        raise UserError(
            f"{data_path}: the file has {extra} bytes more than {header.name} promises "
            f"({layout.end_byte}); correct samples, lines, bands, data type or header offset."
        )
    if extra:
        notes = (*notes, f"Ignored {extra} bytes at the end of {data_path.name}.")
    return layout.open(data_path), notes


def _completed(
    header: Path, fields: Mapping[str, str], data_path: Path | None
) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """One of the three sizes, where the header lacks it and that of the data file gives it."""
    missing = [key for key in _SIZES if not fields.get(key, "").strip()]
    candidates = data_beside(header) if data_path is None else [data_path]
    if len(missing) != 1 or len(candidates) != 1:
        return fields, ()
    known = {**fields, missing[0]: "1"}
    # With a single band every interleave is the same.
    layout = _Layout(header, {"interleave": "bsq", **known})
    size = candidates[0].stat().st_size
    count, rest = divmod(size - layout.offset, layout.end_byte - layout.offset)
    if rest or count < 1:
        return fields, ()
    said = f"Took {count} {missing[0]}, which the header lacks, from the size of the data file."
    return {**fields, missing[0]: str(count)}, (said,)


class _Layout:
    """Where the values lie in the data file.

    Attributes
    ----------
    end_byte : int
        Size that the data file must have.
    row_bytes : int
        Size of one image row of all bands.
    offset : int
        First byte of the values.
    """

    def __init__(self, header: Path, fields: Mapping[str, str]) -> None:
        self._samples = _whole(header, fields, "samples", 1)
        self._lines = _whole(header, fields, "lines", 1)
        self._bands = _whole(header, fields, "bands", 1)
        self.offset = _whole(header, {"header offset": "0", **fields}, "header offset", 0)
        self._dtype = _dtype(header, fields)
        self._interleave = fields.get("interleave", "bsq" if self._bands == 1 else "").lower()
        if not self._interleave:
            raise UserError(f"{header}: the header lacks 'interleave'; add bsq, bil or bip.")
        if self._interleave not in _INTERLEAVES:
            raise UserError(
                f"{header}: the interleave '{_shown(self._interleave)}' is unknown; correct it to "
                "bsq, bil or bip."
            )
        self.row_bytes = self._samples * self._bands * self._dtype.itemsize
        self.end_byte = self.offset + self._lines * self.row_bytes

    def open(self, path: Path) -> npt.NDArray[Any]:
        """The memory map as (bands, y, x), without a copy."""
        stored, axes = {
            "bsq": ((self._bands, self._lines, self._samples), (0, 1, 2)),
            "bil": ((self._lines, self._bands, self._samples), (1, 0, 2)),
            "bip": ((self._lines, self._samples, self._bands), (2, 0, 1)),
        }[self._interleave]
        try:
            mapped = open_mapped(path, self._dtype, self.offset, stored)
        except OSError as error:
            raise UserError(f"{path}: cannot be opened ({error.strerror}); check it.") from None
        return mapped.transpose(axes)


def _cube(
    header: Path, fields: Mapping[str, str], data: npt.NDArray[Any], notes: tuple[str, ...]
) -> HyperCube:
    spectral = envi_header.spectral_fields(fields, header)
    place = envi_map.georeference(fields)
    gain, units = _gain(header, fields, len(data))
    typed = set(TYPED_FIELDS)
    if place is not None:
        typed |= {"map info", envi_map.WKT, envi_map.AFFINE, envi_map.EPSG}
    kept = {key: value for key, value in fields.items() if key not in typed}
    if fields.get(class_map.FILE_TYPE, "").lower().startswith("envi classification"):
        kept[class_map.FILE_TYPE] = class_map.CLASSIFICATION
    return HyperCube(
        data=data,
        name=header.stem,
        wavelengths_nm=spectral.wavelengths_nm,
        fwhm_nm=spectral.fwhm_nm,
        good_bands=spectral.good_bands,
        units=fields.get(UNITS, units),
        gain=gain,
        offset=_one_or_many(_for_bands(header, fields, OFFSETS, len(data)), 0.0),
        white_level=number(header, fields, WHITE),
        nodata=number(header, fields, "data ignore value"),
        georeference=place,
        source=str(header),
        history=(*_history(fields), *map(Guess, (*notes, *spectral.notes))),
        metadata=kept,
    )


def _gain(header: Path, fields: Mapping[str, str], bands: int) -> tuple[Any, str | None]:
    scale = number(header, fields, SCALE)
    gains = _for_bands(header, fields, GAINS, bands)
    if gains is None and scale:
        return 1.0 / scale, "reflectance"
    return _one_or_many(gains, 1.0), None


def _one_or_many(values: FloatArray | None, default: float) -> Any:
    if values is None:
        return default
    return float(values[0]) if np.all(values == values[0]) else values


def _for_bands(header: Path, fields: Mapping[str, str], key: str, bands: int) -> FloatArray | None:
    values = envi_header.numbers(fields, key, header)
    if values is not None and len(values) != bands:
        raise UserError(
            f"{header}: '{key}' has {len(values)} values for {bands} bands; correct it."
        )
    return values


def _history(fields: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(str(step) for step in _json_list(fields.get(HISTORY, "")))


def _extra(fields: Mapping[str, str]) -> dict[str, str]:
    return {str(key): str(value) for key, value in _json_list(fields.get(EXTRA, ""))}


def _json_list(text: str) -> list[Any]:
    import json

    try:
        value = json.loads(text)
    except ValueError:
        return []
    return value if isinstance(value, list) else []


def _is_header(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8).lstrip(b"\xef\xbb\xbf").startswith(b"ENVI")


def _text(header: Path) -> str:
    return envi_header.decoded(header.read_bytes())


def _check_kind(header: Path, fields: Mapping[str, str]) -> None:
    kind = fields.get("file type", "ENVI Standard")
    if is_library(fields):
        raise UserError(
            f"{header}: this is a spectral library, a list of spectra without a picture; open "
            "the image instead, and lay the library over its spectra in the dock Inspect."
        )
    if "tiff" in kind.lower():
        raise UserError(f"{header}: this header belongs to a TIFF file; open that file itself.")
    if "mosaic" in kind.lower() or "meta" in kind.lower():
        raise UserError(
            f"{header}: this header ({_shown(kind)}) only lists other files; save them as one ENVI "
            "Standard file."
        )
    if fields.get("file compression", "0").strip() not in {"", "0"}:
        raise UserError(f"{header}: compressed ENVI data is not supported; unpack it with ENVI.")
    frames = envi_header.listed(fields.get("major frame offsets", "")) + envi_header.listed(
        fields.get("minor frame offsets", "")
    )
    if any(item.strip() not in {"0", ""} for item in frames):
        raise UserError(f"{header}: frame offsets are not supported; save a plain ENVI file.")


def _whole(header: Path, fields: Mapping[str, str], key: str, least: int) -> int:
    text = fields.get(key)
    if text is None:
        raise UserError(f"{header}: the header lacks '{key}'; add it.")
    if not re.fullmatch(r"\d+", text.strip()) or int(text) < least:
        raise UserError(f"{header}: '{key} = {_shown(text)}' is not a whole number; correct it.")
    return int(text)


def _shown(value: str) -> str:
    """A value for a sentence: a brace that is never closed takes in half of the header."""
    line = " ".join(value.split())
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…"


def number(header: Path, fields: Mapping[str, str], key: str) -> float | None:
    """A field of one number, or None where the header has none.

    Raises
    ------
    UserError
        If it is something else.
    """
    text = fields.get(key, "").strip()
    if not text or text.lower() in {"none", "null"}:
        return None
    try:
        return float(text)
    except ValueError:
        raise UserError(
            f"{header}: '{key} = {_shown(text)}' is not a number; correct it."
        ) from None


def _dtype(header: Path, fields: Mapping[str, str]) -> np.dtype[Any]:
    code = _whole(header, fields, "data type", 1)
    if code in _COMPLEX:
        raise UserError(
            f"{header}: the values are complex numbers; save their magnitude as real numbers."
        )
    if code not in DTYPES:
        raise UserError(f"{header}: the data type {code} is unknown; correct it.")
    # Files without the field come from the machine that wrote them, nowadays always
    # little-endian.
    order = fields.get("byte order", "0").strip()
    if order not in {"0", "1"}:
        raise UserError(f"{header}: 'byte order = {_shown(order)}' is neither 0 nor 1; correct it.")
    return np.dtype(DTYPES[code]).newbyteorder(">" if order == "1" else "<")


def _find_data(header: Path, expected: int) -> tuple[Path, tuple[str, ...]]:
    """The data file beside a header: the one of the right size where several lie there."""
    bare = header.with_suffix("")
    found = data_beside(header)
    if not found:
        unusual = [
            item
            for item in sorted(header.parent.iterdir())
            if item.stem == bare.name
            and item.suffix.lower() not in _NEVER_DATA
            and item.is_file()
            and item.stat().st_size == expected
        ]
        if len(unusual) == 1:
            return unusual[0], (f"Took {unusual[0].name} as the data file: its size fits.",)
        raise UserError(
            f"{header}: its data file is missing; put {bare.name}, {bare.name}.img, .dat, .raw or "
            ".bsq into the same folder."
        )
    fitting = [name for name in found if name.stat().st_size == expected]
    chosen = (fitting or found)[0]
    if len(found) == 1:
        return chosen, ()
    others = ", ".join(name.name for name in found if name != chosen)
    return chosen, (f"Took {chosen.name} as the data file; {others} also lies beside the header.",)


def data_beside(header: Path) -> list[Path]:
    """Files that could be the data of a header, the likeliest first."""
    bare = header.with_suffix("")
    names = [bare, *(bare.with_name(bare.name + suffix) for suffix in _DATA_SUFFIXES)]
    names += [bare.with_name(bare.name + suffix.upper()) for suffix in _DATA_SUFFIXES]
    return [name for name in names if name != header and name.is_file()]
