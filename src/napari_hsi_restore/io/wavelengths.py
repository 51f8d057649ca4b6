"""Wavelengths: units to nanometres, and tables that the user brings along."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from napari_hsi_restore.cube import FloatArray
from napari_hsi_restore.errors import UserError

_NM_PER_UNIT = {
    "nm": 1.0,
    "nanometer": 1.0,
    "nanometre": 1.0,
    "um": 1e3,
    "µm": 1e3,
    "μm": 1e3,
    "micron": 1e3,
    "micrometer": 1e3,
    "micrometre": 1e3,
    "mm": 1e6,
    "millimeter": 1e6,
    "millimetre": 1e6,
    "angstrom": 0.1,
    "m": 1e9,
    "meter": 1e9,
    "metre": 1e9,
}
_NAMED = re.compile(
    r"(?<![\d.])(\d+(?:\.\d+)?)\s*(nm|nanomet(?:er|re)s?|um|µm|μm|micromet(?:er|re)s?)\W*$",
    re.IGNORECASE,
)
# The hardest ultraviolet and the farthest infrared of any imaging spectrometer are within.
_SHORTEST_NM, _LONGEST_NM = 100.0, 1e5
_COLUMNS = re.compile(r"wave|wl|lambda|cent(er|re)|^cw$|^nm$", re.IGNORECASE)


def to_nm(
    values: FloatArray, fwhm: FloatArray | None, unit: str | None
) -> tuple[FloatArray | None, FloatArray | None, str | None]:
    """Band centres and widths in nanometres.

    Parameters
    ----------
    values, fwhm : float64 ndarray, (bands,)
        In `unit`.
    unit : str or None
        As the file spells it; None or an unknown word makes this a guess by size.

    Returns
    -------
    wavelengths_nm, fwhm_nm : float64 ndarray or None
    note : str or None
        A sentence about the guess, for the history.
    """
    word = (unit or "").strip().lower()
    factor = factor_said = _NM_PER_UNIT.get(word) or _NM_PER_UNIT.get(word.removesuffix("s"))
    if factor is not None and _plausible(_scaled(values, factor)):
        return _scaled(values, factor), None if fwhm is None else _scaled(fwhm, factor), None
    if word in {"index", "mhz", "ghz"}:
        return None, None, f"Left out the wavelengths, their unit is {unit}."
    if word.startswith("wavenumber") or word in {"cm-1", "1/cm", "cm^-1"}:
        if np.any(values <= 0):
            return None, None, "Left out the wavelengths, not all wavenumbers are positive."
        centres = 1e7 / values
        # d(lambda) = 1e7 / k^2 dk, from lambda [nm] = 1e7 / k [1/cm].
        return centres, None if fwhm is None else centres**2 * fwhm / 1e7, None
    largest = float(np.nanmax(values)) if np.isfinite(values).any() else 0.0
    if largest <= 0:
        return None, None, "Left out the wavelengths, none of them is a positive number."
    guess, factor = ("nanometres", 1.0) if largest > 100 else ("micrometres", 1e3)
    said = f"is {unit!r}" if unit else "is not given"
    if factor_said is not None:
        said = f"cannot be {unit!r} as the file says"
    note = f"Took the wavelengths as {guess}: their unit {said}, the largest is {largest:g}."
    return _scaled(values, factor), None if fwhm is None else _scaled(fwhm, factor), note


def _plausible(values_nm: FloatArray) -> bool:
    """Whether no wavelength is beyond the infrared, as nanometres called micrometres are."""
    return not np.any(values_nm > _LONGEST_NM)


def _scaled(values: FloatArray, factor: float) -> FloatArray:
    # Decimal micrometres such as 0.46 must not become 460.00000000000006 nm.
    return values if factor == 1.0 else np.round(values * factor, 9)


def from_names(names: Sequence[str]) -> tuple[FloatArray, str] | None:
    """Band centres out of names such as ``450.2 nm`` or ``Band 3 (0.45 micrometers)``.

    Returns
    -------
    tuple or None
        The numbers and their unit, if every name ends in one number of one unit.
    """
    matches = [_NAMED.search(name) for name in names]
    found = [match for match in matches if match]
    units = {match[2].lower() for match in found}
    if not names or len(found) != len(names) or len(units) != 1:
        return None
    return np.array([float(match[1]) for match in found]), units.pop()


def from_user(
    wavelengths: str | Path | Sequence[float] | FloatArray,
) -> tuple[FloatArray, FloatArray | None]:
    """Wavelengths that the user gave, as numbers or as a file.

    Parameters
    ----------
    wavelengths : path or sequence of float
        Nanometres; or a text or CSV file with one column of nanometres, or with
        named columns of which one is called like a wavelength (and maybe one ``fwhm``);
        or an ENVI header; or a .npy or .mat file of one list of nanometres.

    Returns
    -------
    wavelengths_nm : float64 ndarray, (bands,)
    fwhm_nm : float64 ndarray, (bands,), or None

    Raises
    ------
    UserError
        If the file cannot be read or holds no wavelengths.

    Notes
    -----
    Columns are separated by commas, semicolons, tabs or blanks; with semicolons and tabs
    numbers may have decimal commas.
    """
    if not isinstance(wavelengths, str | Path):
        try:
            values = np.asarray(wavelengths, dtype=np.float64)
        except (TypeError, ValueError):
            raise UserError("wavelengths: give numbers in nanometres, or a file.") from None
        if values.ndim != 1 or not values.size or not np.all(np.isfinite(values) & (values > 0)):
            raise UserError("wavelengths: give one positive number of nanometres for each band.")
        _check_nm("wavelengths", values)
        return values, None
    path = Path(wavelengths).expanduser()
    if path.suffix.lower() in {".npy", ".mat"} and path.is_file():
        return _from_array(path), None
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise UserError(
            f"{path}: the wavelength file cannot be read ({error.strerror}); check its path."
        ) from None
    if text.startswith("ENVI"):
        return _from_envi(path, text)
    return _from_table(path, text)


def _from_envi(path: Path, text: str) -> tuple[FloatArray, FloatArray | None]:
    from napari_hsi_restore.io.formats.envi_header import parse, spectral_fields

    spectral = spectral_fields(parse(text), path)
    if spectral.wavelengths_nm is None:
        raise UserError(f"{path}: this ENVI header holds no wavelengths; give another file.")
    return spectral.wavelengths_nm, spectral.fwhm_nm


def _from_array(path: Path) -> FloatArray:
    from napari_hsi_restore.io.formats import matlab5

    try:
        lists = (
            [np.load(path, allow_pickle=False)]
            if path.suffix.lower() == ".npy"
            else [entry.load() for entry in matlab5.entries(path) if entry.is_numeric]
        )
    except (ValueError, EOFError) as error:
        raise UserError(
            f"{path}: this .npy file is damaged ({error}); give one number of nanometres a line."
        ) from error
    lists = [
        np.ravel(values) for values in lists if values.size > 1 and values.size in values.shape
    ]
    if len(lists) != 1 or lists[0].dtype.kind not in "uif":
        raise UserError(
            f"{path}: it holds {len(lists)} lists of numbers; give a file of the wavelengths only."
        )
    values = np.asarray(lists[0], dtype=np.float64)
    if not np.all(np.isfinite(values) & (values > 0)):
        raise UserError(f"{path}: not all wavelengths are positive numbers; correct them.")
    _check_nm(str(path), values)
    return values


def _from_table(path: Path, text: str) -> tuple[FloatArray, FloatArray | None]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or "\0" in text:
        raise UserError(f"{path}: no wavelengths in it; give one number of nanometres a line.")
    delimiter = next((mark for mark in ";\t," if mark in lines[0]), None)
    rows = (
        list(csv.reader(lines, delimiter=delimiter))
        if delimiter
        else [line.split() for line in lines]
    )
    names = [name.strip() for name in rows[0]]
    if delimiter in {";", "\t"}:
        # Such tables come from where numbers have decimal commas.
        rows = [[cell.replace(",", ".") for cell in row] for row in rows]
    if all(_number(name) is not None for name in names):
        if len(rows) == 1:
            rows = [[value] for value in rows[0]]
        if any(len(row) != 1 for row in rows):
            raise UserError(
                f"{path}: several columns without names; name the one of nanometres 'wavelength'."
            )
        values = _column(path, rows, 0)
        _check_nm(str(path), values)
        return values, None
    candidates = [i for i, name in enumerate(names) if _COLUMNS.search(name)]
    if len(names) == 1:
        candidates = [0]
    if not candidates:
        raise UserError(
            f"{path}: no column is called 'wavelength', only {', '.join(names)[:200]}; rename the "
            "one of nanometres."
        )
    centre = candidates[0]
    values = _column(path, rows[1:], centre)
    widths = [i for i, name in enumerate(names) if "fwhm" in name.lower() and i != centre]
    fwhm = _column(path, rows[1:], widths[0]) if widths else None
    unit = "um" if re.search(r"µm|μm|um\b|micro", names[centre], re.IGNORECASE) else "nm"
    nm, fwhm_nm, _ = to_nm(values, fwhm, unit)
    assert nm is not None
    _check_nm(str(path), nm)
    return nm, fwhm_nm


def _check_nm(where: str, values: FloatArray) -> None:
    if values.max() < _SHORTEST_NM:
        raise UserError(
            f"{where}: the largest wavelength is {values.max():g}, which looks like micrometres; "
            "give nanometres."
        )


def _column(path: Path, rows: list[list[str]], column: int) -> FloatArray:
    values = [_number(row[column]) if column < len(row) else None for row in rows]
    wrong = next((i for i, value in enumerate(values) if value is None or value <= 0), None)
    if wrong is not None or not values:
        raise UserError(
            f"{path}: row {(wrong or 0) + 1} of the wavelengths is not a positive number; "
            "give one for each band."
        )
    return np.array(values, dtype=np.float64)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
