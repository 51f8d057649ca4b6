"""Spectral libraries: spectra of known materials, without a picture.

ENVI libraries, the text files of the ECOSTRESS and ASTER libraries, and tables with a column
of wavelengths and a column for each spectrum.
"""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_hsi_restore.cube import FloatArray
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.damage import explained
from napari_hsi_restore.io.formats import envi, envi_header
from napari_hsi_restore.io.wavelengths import to_nm

LIBRARY_SUFFIXES = (".sli", ".hdr", ".csv", ".txt", ".tsv", ".asc")
"""What a file dialogue should offer; the content decides."""

_MOST_BYTES = 2**30
_WAVELENGTH = re.compile(r"wave|wl|lambda|^nm$|^um$|^µm$", re.IGNORECASE)
_MICROMETRES = re.compile(r"µm|μm|um\b|_um|micro", re.IGNORECASE)
_NANOMETRES = re.compile(r"nm\b|nano", re.IGNORECASE)
_WAVENUMBERS = re.compile(r"wavenumber|cm-1|cm\^-1|1/cm", re.IGNORECASE)
_MISSING = {"", "nan", "na", "n/a", "null", "none", "-", "--"}
# The library of the USGS marks deleted channels with -1.23e34.
_DELETED = -1e30


@dataclasses.dataclass(frozen=True, eq=False)
class SpectralLibrary:
    """Spectra of known materials on one axis of wavelengths.

    Attributes
    ----------
    names : tuple of str, (n,)
        One for each spectrum; never empty.
    wavelengths_nm : float64 ndarray, (bands,)
        Ascending, in nanometres.
    spectra : float64 ndarray, (n, bands)
        NaN where there is no value.
    source : str or None
        Path of the file.
    units : str
        Such as ``"reflectance"``, then 1 is all of the light; empty where the file does not say.
    notes : tuple of str
        What was guessed about the file, one sentence each.

    Raises
    ------
    UserError
        If the shapes do not fit each other, or there is no spectrum.
    """

    names: tuple[str, ...]
    wavelengths_nm: FloatArray
    spectra: FloatArray
    source: str | None
    units: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n, bands = len(self.names), len(self.wavelengths_nm)
        if self.spectra.shape != (n, bands) or n == 0 or bands == 0:
            raise UserError(
                f"{self.source or 'library'}: {n} names and {bands} wavelengths do not fit spectra "
                f"of the shape {self.spectra.shape}; correct the file."
            )


def read_library(path: str | Path) -> SpectralLibrary:
    """Read a spectral library.

    Parameters
    ----------
    path : str or Path
        An ENVI library by its header or its data (``.sli``); a text file of the ECOSTRESS or
        ASTER library, whose percent become fractions of 1; or a table (comma, semicolon, tab
        or blanks between the columns) with a column called like a wavelength and one column
        for each spectrum.

    Returns
    -------
    SpectralLibrary

    Raises
    ------
    UserError
        If there is no such file, it is no library, or it is damaged.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; check the path.")
    with explained(path):
        header = envi.header_of(path)
        if header is not None:
            return _from_envi(path, header)
        if path.stat().st_size > _MOST_BYTES:
            raise UserError(f"{path}: the file is too large for a list of spectra; check the path.")
        text = envi_header.decoded(path.read_bytes())
        if "\0" in text:
            raise UserError(
                f"{path}: this is no spectral library; give an ENVI library with its header "
                "beside it, a text file of the ECOSTRESS library, or a table with a column of "
                "wavelengths."
            )
        return _from_ecostress(path, text) if is_ecostress(text) else _from_table(path, text)


def is_ecostress(text: str) -> bool:
    """Whether a text begins as those of the ECOSTRESS and ASTER libraries do."""
    head = text[:4000].lower()
    return head.lstrip().startswith("name:") and ("x units:" in head or "y units:" in head)


def _sorted(  # noqa: PLR0917
    path: Path,
    names: Sequence[str],
    values: FloatArray,
    unit: str | None,
    spectra: FloatArray,
    units: str,
) -> SpectralLibrary:
    """In nanometres and ascending."""
    if not np.all(np.isfinite(values) & (values > 0)):
        raise UserError(f"{path}: not all wavelengths are positive numbers; correct them.")
    centres, _, note = to_nm(values, None, unit)
    if centres is None:
        raise UserError(f"{path}: the unit of the wavelengths, {unit}, is no length; correct it.")
    order = np.argsort(centres, kind="stable")
    spectra = np.where(spectra < _DELETED, np.nan, spectra)
    named = tuple(name or f"spectrum {i + 1}" for i, name in enumerate(names))
    return SpectralLibrary(
        named,
        centres[order],
        np.ascontiguousarray(spectra[:, order]),
        str(path),
        units,
        (note,) if note else (),
    )


def _from_envi(path: Path, header: Path) -> SpectralLibrary:
    fields = envi_header.parse(envi_header.decoded(header.read_bytes()))
    if not envi.is_library(fields):
        raise UserError(
            f"{path}: this is an ENVI image and no spectral library; open it as a cube."
        )
    data, _ = envi.open_data(header, fields, None if path == header else path)
    if len(data) != 1:
        raise UserError(
            f"{header}: a spectral library has one band, this has {len(data)}; correct 'bands'."
        )
    spectra = np.asarray(data[0], dtype=np.float64)
    nodata = envi.number(header, fields, "data ignore value")
    if nodata is not None:
        spectra = np.where(spectra == nodata, np.nan, spectra)
    scale = envi.number(header, fields, envi.SCALE)
    if scale and scale != 1:
        spectra = spectra / scale
    wavelengths = envi_header.numbers(fields, "wavelength", header)
    count, bands = spectra.shape
    if wavelengths is None or len(wavelengths) != bands:
        found = "no wavelengths" if wavelengths is None else f"{len(wavelengths)} wavelengths"
        raise UserError(
            f"{header}: it has {found} for spectra of {bands} values; correct 'wavelength'."
        )
    names = envi_header.listed(fields.get("spectra names", ""))
    if len(names) != count:
        names = [""] * count
    said = envi_header.listed(fields.get("z plot titles", ""))
    units = said[1] if len(said) == 2 and said[1].lower() != "value" else ""
    units = fields.get(envi.UNITS, "reflectance" if scale else units.lower())
    return _sorted(path, names, wavelengths, fields.get("wavelength units"), spectra, units)


def _from_ecostress(path: Path, text: str) -> SpectralLibrary:
    """Source: the headers of the ECOSTRESS spectral library 1.0 and the ASTER library 2.0."""
    fields: dict[str, str] = {}
    rows: list[tuple[float, float]] = []
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        parts = line.split()
        numbers = [_number(part) for part in parts]
        if len(parts) >= 2 and numbers[0] is not None and numbers[1] is not None:
            rows.append((numbers[0], numbers[1]))
        elif colon and not rows:
            fields.setdefault(key.strip().lower(), value.strip())
        elif parts and rows:
            raise UserError(
                f"{path}: the line {line.strip()[:40]!r} is no pair of numbers; copy it again."
            )
    if not rows:
        raise UserError(f"{path}: no values follow its header; open the file with the spectrum.")
    promised = fields.get("number of x values", "")
    if promised.isdigit() and int(promised) != len(rows):
        raise UserError(
            f"{path}: it promises {promised} values and has {len(rows)}; copy it again."
        )
    pairs = np.array(rows, dtype=np.float64)
    values, quantity = pairs[:, 1], fields.get("y units", "")
    percent = "percent" in quantity.lower()
    if percent:
        values = values / 100.0
    units = re.split(r"[\s(]", quantity.strip().lower())[0]
    unit = _unit(fields.get("x units", ""))
    library = _sorted(path, [fields["name"]], pairs[:, 0], unit, values[None], units)
    said = ("Divided the percent of the file by 100.",) if percent else ()
    return dataclasses.replace(library, notes=(*library.notes, *said))


def _from_table(path: Path, text: str) -> SpectralLibrary:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise UserError(f"{path}: the file is empty; copy it again.")
    mark = next((mark for mark in "\t;," if mark in lines[0]), None)
    rows = list(csv.reader(lines, delimiter=mark)) if mark else [line.split() for line in lines]
    rows = [[cell.strip() for cell in row] for row in rows]
    if mark == ";":
        # Where semicolons part the columns, the comma is that of a decimal fraction.
        rows = [rows[0], *([cell.replace(",", ".") for cell in row] for row in rows[1:])]
    titles = rows[0]
    named = any(cell.lower() not in _MISSING and _number(cell) is None for cell in titles)
    body = rows[1:] if named else rows
    column = _wavelength_column(path, titles) if named else 0
    if not named:
        titles = ["wavelength", *(f"spectrum {i}" for i in range(1, len(titles)))]
    kept = [i for i, name in enumerate(titles) if i != column and "fwhm" not in name.lower()]
    if not kept or not body:
        raise UserError(
            f"{path}: no spectra in it; give one column of wavelengths and one for each spectrum."
        )
    table = np.array([[_cell(path, row, i, titles) for i in (column, *kept)] for row in body])
    unit = _unit(titles[column])
    return _sorted(path, [titles[i] for i in kept], table[:, 0], unit, table[:, 1:].T, "")


def _wavelength_column(path: Path, titles: Sequence[str]) -> int:
    found = next((i for i, name in enumerate(titles) if _WAVELENGTH.search(name)), None)
    if found is None:
        raise UserError(
            f"{path}: no column is called 'wavelength', only {', '.join(titles)[:200]}; name the "
            "one of wavelengths so, with its unit such as 'wavelength (nm)'."
        )
    return found


def _cell(path: Path, row: Sequence[str], column: int, titles: Sequence[str]) -> float:
    text = row[column] if column < len(row) else ""
    if text.lower() in _MISSING:
        return float("nan")
    value = _number(text)
    if value is None:
        raise UserError(
            f"{path}: {text[:40]!r} in the column {titles[column][:40]!r} is not a number; correct "
            "or remove it."
        )
    return value


def _unit(text: str) -> str | None:
    """The unit of wavelengths in a title such as ``Wavelength (micrometers)``."""
    for pattern, unit in (
        (_WAVENUMBERS, "wavenumber"),
        (_MICROMETRES, "um"),
        (_NANOMETRES, "nm"),
    ):
        if pattern.search(text):
            return unit
    return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
