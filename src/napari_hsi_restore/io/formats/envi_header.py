"""The text header of ENVI files: parse, render, and the fields about the spectrum.

Fields as listed in "ENVI Header Files", NV5 Geospatial documentation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import FloatArray
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.wavelengths import from_names, to_nm


@dataclasses.dataclass(frozen=True, eq=False)
class SpectralFields:
    """What a header says about its bands; `notes` are guesses, for the history."""

    wavelengths_nm: FloatArray | None
    fwhm_nm: FloatArray | None
    good_bands: npt.NDArray[np.bool_] | None
    notes: tuple[str, ...]


def parse(text: str) -> dict[str, str]:
    """Fields of a header in lower case; a value in braces keeps its inside only.

    A brace opens a value of several lines, which ends at the line that closes it.
    Comment lines begin with a semicolon.
    """
    fields: dict[str, str] = {}
    lines = iter(text.splitlines()[1:])
    for line in lines:
        if line.lstrip().startswith(";") or "=" not in line:
            continue
        key, _, value = line.partition("=")
        value = value.strip()
        if value.startswith("{"):
            collected = [value]
            while collected[-1].rstrip()[-1:] != "}":
                following = next(lines, None)
                if following is None:
                    break
                if not following.lstrip().startswith(";"):
                    collected.append(following.strip())
            value = "\n".join(collected).strip().removeprefix("{").removesuffix("}").strip()
        fields[key.strip().lower()] = value
    return fields


def decoded(raw: bytes) -> str:
    """Text of a header; what is no UTF-8 is taken as Latin-1, as old programs wrote."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def render(fields: Mapping[str, str | Sequence[str]]) -> str:
    """Header text; a sequence becomes a list in braces."""
    lines = ["ENVI"]
    for key, value in fields.items():
        if isinstance(value, str):
            lines.append(f"{key} = {value}")
        else:
            lines.append(f"{key} = {{{', '.join(value)}}}")
    return "\n".join(lines) + "\n"


def listed(value: str) -> list[str]:
    """The items of a list value."""
    return [item.strip() for item in value.replace("\n", " ").split(",") if item.strip()]


def numbers(fields: Mapping[str, str], key: str, path: Path) -> FloatArray | None:
    """A list of numbers, or None where the header has no such field.

    Raises
    ------
    UserError
        If an item is not a number.
    """
    if not fields.get(key, "").strip():
        return None
    try:
        return np.array([float(item) for item in listed(fields[key])], dtype=np.float64)
    except ValueError as error:
        raise UserError(
            f"{path}: the field '{key}' is not a list of numbers ({error}); correct it."
        ) from None


def spectral_fields(fields: Mapping[str, str], path: Path) -> SpectralFields:
    """Wavelengths and widths in nanometres and the bad-band list.

    Lists that do not fit the number of bands are left out, with a note.

    Raises
    ------
    UserError
        If a list holds something else than numbers.
    """
    notes: list[str] = []
    bands = int(fields["bands"]) if fields.get("bands", "").isdigit() else None

    def fitting(key: str) -> FloatArray | None:
        values = numbers(fields, key, path)
        if values is not None and bands is not None and len(values) != bands:
            notes.append(f"Left out '{key}': {len(values)} values for {bands} bands.")
            return None
        return values

    unit = fields.get("wavelength units")
    centres, widths, good = fitting("wavelength"), fitting("fwhm"), fitting("bbl")
    if centres is None and bands is not None:
        centres, unit = _from_band_names(fields, bands, unit)
        if centres is not None:
            notes.append("Took the wavelengths from the band names, the header has no others.")
    if centres is not None:
        centres, widths, note = to_nm(centres, widths, unit)
        notes.extend([note] if note else [])
    elif widths is not None:
        widths = to_nm(widths, None, unit)[0]
    return SpectralFields(centres, widths, None if good is None else good != 0, tuple(notes))


def _from_band_names(
    fields: Mapping[str, str], bands: int, unit: str | None
) -> tuple[FloatArray | None, str | None]:
    names = listed(fields.get("band names", ""))
    found = from_names(names) if len(names) == bands else None
    return (None, unit) if found is None else found
