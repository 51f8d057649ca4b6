"""Files that hold several named arrays: which one is the cube, and what goes with it."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from napari_hsi_restore.cube import CubeData, FloatArray, HyperCube
from napari_hsi_restore.io import axes, record
from napari_hsi_restore.io.request import Guess, PixelOrder, Request, is_real_number
from napari_hsi_restore.io.wavelengths import to_nm

RECORD = "hsi_restore_record"

_WAVELENGTHS = re.compile(
    r"wl|wls|lambdas?|wv|cw|nm|(\w*)(wavelengths?|wavlen|wavelen)(nm|um)?|cent(er|re)wavelengths?(nm|um)?"
)
_FWHM = re.compile(r"fwhm(nm|um)?|bandwidths?")
_GOOD_BANDS = re.compile(r"bbl|goodbands|goodwavelengths|badbandslist")
# Lists about the wavelengths that are none themselves, such as EMIT's good_wavelengths.
_ABOUT = re.compile(r"(good|bad|valid|num|number|index|n)(of)?(wave|band)\w*")
# Dimensions under which netCDF and Zarr files keep the bands.
_BAND_AXIS = re.compile(
    r"bands?|wavelengths?|wl|channels?|c|lambda|nbands?|nwavelengths?|spectral(channels?|bands?)?"
    r"|bandnumber|numberofbands"
)
# Names under which the same authors keep the rows and the columns of a matrix.
_COUNTS = (
    ("nrow", "ncol"),
    ("nrows", "ncols"),
    ("rows", "cols"),
    ("rows", "columns"),
    ("row", "col"),
    ("lines", "cols"),
    ("lines", "samples"),
    ("nlines", "nsamples"),
    ("nl", "ns"),
    ("height", "width"),
    ("h", "w"),
    ("nr", "nc"),
    ("ny", "nx"),
    ("sizey", "sizex"),
)
# A cube is this much larger than the next array, or the choice is left to the user.
_CLEARLY_LARGER = 2
_LONGEST_NAME = 120


@dataclasses.dataclass(frozen=True)
class Entry:
    """One array of a file.

    Attributes
    ----------
    name : str
        As the user would write it after ``::``.
    shape : tuple of int
        In the axis order that the writing program shows.
    dtype : str
        numpy's name of the type, or another word for what is no plain array.
    load : callable
        Gives the array, lazily where possible.
    dimensions : tuple of str
        Names of the axes where the file has some.
    unit : str or None
        Of the values of a list, as the file spells it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    load: Callable[[], Any]
    dimensions: tuple[str, ...] = ()
    unit: str | None = None

    @property
    def plain_name(self) -> str:
        """Last part of the name in lower-case letters and digits only."""
        return re.sub(r"[^a-z0-9]", "", self.name.rpartition("/")[2].lower())

    @property
    def size(self) -> int:
        """Number of values."""
        # Python's own integers: a damaged file may say any shape.
        return math.prod(self.shape)

    @property
    def is_numeric(self) -> bool:
        """Whether a cube could hold its values."""
        try:
            return is_real_number(self.dtype)
        except TypeError:
            return False


def read(
    entries: Sequence[Entry],
    request: Request,
    *,
    convention: Literal["last"] | None,
    pixel_order: PixelOrder,
) -> HyperCube:
    """The cube among some arrays, with the wavelengths that lie beside it.

    Raises
    ------
    UserError
        If no array is a cube, several are, or its axes are not clear.
    """
    own = next((e for e in entries if e.plain_name == RECORD.replace("_", "")), None)
    written = record.parse(_text(own.load())) if own is not None else None
    told = (request.bands_axis, request.shape, request.pixel_order) != (None, None, None)
    if written is not None and request.key in (None, "data") and not told:
        data = next((e for e in entries if e.name == "data"), None)
        if data is not None and len(data.shape) == 3:
            array = data.load()
            ordered = np.moveaxis(array, 2, 0) if convention == "last" else array
            return record.to_cube(ordered, written, name=request.path.stem, source=request.source)
    counts = _counts(entries)
    entry, notes = _choose(entries, request, counts)
    if entry.dtype.startswith("complex"):
        request.fail(f"{entry.name} holds complex numbers; save their magnitude instead.")
    beside = [e for e in entries if e is not entry and e.is_numeric]
    lengths = set(entry.shape)
    centres = _vector(beside, _WAVELENGTHS, lengths)
    named, named_note = _named_axis(entry, request)
    cube, more = axes.to_cube(
        entry.load(),
        dataclasses.replace(request, bands_axis=named),
        convention=convention,
        n_wavelengths=None if centres is None else len(centres[1]),
        counts=counts if len(entry.shape) == 2 else None,
        pixel_order=pixel_order,
    )
    bands = {int(cube.shape[0])}
    wavelengths = fwhm = None
    found: list[str] = []
    centres = _vector(beside, _WAVELENGTHS, bands)
    if centres is not None:
        widths = _vector(beside, _FWHM, bands)
        unit = centres[0].unit or ("um" if centres[0].plain_name.endswith("um") else None)
        wavelengths, fwhm, note = to_nm(centres[1], widths[1] if widths else None, unit)
        found = [f"Took the wavelengths from {centres[0].name}.", *([note] if note else [])]
    good = _vector(beside, _GOOD_BANDS, bands)
    return HyperCube(
        data=cube,
        name=request.path.stem,
        wavelengths_nm=wavelengths,
        fwhm_nm=fwhm,
        good_bands=None if good is None else good[1] != 0,
        source=f"{request.path}::{entry.name}",
        history=tuple(map(Guess, (*notes, *named_note, *more, *found))),
    )


def _named_axis(entry: Entry, request: Request) -> tuple[int | None, tuple[str, ...]]:
    """The axis whose dimension is called like bands, where the user says nothing else."""
    told = (request.bands_axis, request.n_wavelengths, request.shape) != (None, None, None)
    if told or len(entry.dimensions) != len(entry.shape):
        return request.bands_axis, ()
    plain = [re.sub(r"[^a-z]", "", name.lower()) for name in entry.dimensions]
    named = [axis for axis, name in enumerate(plain) if _BAND_AXIS.fullmatch(name)]
    long_axes = sum(n > 1 for n in entry.shape)
    if len(named) != 1 or long_axes < 2 or (entry.shape[named[0]] == 1 and long_axes > 2):
        return None, ()
    said = f"Took axis {named[0]} of {entry.shape} as bands: it is called {plain[named[0]]}."
    return named[0], (said,)


def listed_attributes(name: str, attributes: Mapping[str, Any]) -> list[Entry]:
    """Lists of numbers among the attributes of an array, as entries ``name/attribute``.

    Some programs keep the wavelengths there rather than in an array of their own.
    """
    found: list[Entry] = []
    for key, value in attributes.items():
        if not isinstance(value, str | bytes):
            values = np.asarray(value) if np.ndim(value) == 1 else np.empty(0)
            if values.size > 1 and values.dtype.kind in "uif":
                kind = values.dtype.name
                load = functools.partial(np.asarray, values)
                found.append(Entry(f"{name}/{key}", values.shape, kind, load))
    return found


def has_cube(entries: Sequence[Entry]) -> bool:
    """Whether some array could be a cube: three axes, or two with their pixel counts."""
    if any(entry.plain_name == RECORD.replace("_", "") for entry in entries):
        return True
    counts = _counts(entries)
    return any(_plausible(entry, counts) for entry in entries)


def _plausible(entry: Entry, counts: tuple[int, int] | None) -> bool:
    if not entry.is_numeric or _is_colour_picture(entry):
        return False
    long_axes = [n for n in entry.shape if n > 1]
    if len(long_axes) == 3:
        return True
    return len(entry.shape) == 2 and counts is not None and counts[0] * counts[1] in entry.shape


def _is_colour_picture(entry: Entry) -> bool:
    return entry.dtype == "uint8" and len(entry.shape) == 3 and entry.shape[2] in (3, 4)


def _choose(
    entries: Sequence[Entry], request: Request, counts: tuple[int, int] | None
) -> tuple[Entry, tuple[str, ...]]:
    if request.key is not None:
        wanted = request.key.strip("/")
        for entry in entries:
            # MATLAB itself writes struct.field.
            if entry.name.strip("/") in (wanted, wanted.replace(".", "/")):
                if not entry.is_numeric and not entry.dtype.startswith("complex"):
                    request.fail(
                        f"{wanted} is no array of numbers but {entry.dtype}; choose one of "
                        f"{_list([e for e in entries if e.is_numeric])}."
                    )
                return entry, ()
        request.fail(f"there is no {wanted!r} in it; choose one of {_list(entries)}.")
    plausible = [entry for entry in entries if _plausible(entry, counts)]
    if not plausible:
        plausible = [
            e
            for e in entries
            if (e.is_numeric or e.dtype.startswith("complex")) and sum(n > 1 for n in e.shape) >= 2
        ]
    if not plausible:
        request.fail(f"no array in it could be a cube; it holds {_list(entries)}.")
    plausible.sort(key=lambda entry: -entry.size)
    if len(plausible) == 1:
        return plausible[0], ()
    first, second = plausible[:2]
    if first.size < _CLEARLY_LARGER * second.size:
        request.ask(
            "key",
            f"several arrays could be the cube; choose with {request.path.name}::key or the "
            f"option key: {_list(plausible)}.",
        )
    others = ", ".join(_printable(entry.name) for entry in plausible[1:])
    return first, (f"Took {first.name} as the cube: it is the largest; not taken: {others}.",)


def _list(entries: Sequence[Entry]) -> str:
    shown = [f"{_printable(e.name)} {e.shape} {e.dtype}" for e in entries[:20]]
    if len(entries) > 20:
        shown.append(f"and {len(entries) - 20} more")
    return ", ".join(shown) or "nothing"


def _printable(name: str) -> str:
    """A name for a sentence; in a damaged file it may be any bytes."""
    text = "".join(letter if letter.isprintable() else "?" for letter in name)
    return text if len(text) <= _LONGEST_NAME else f"{text[:_LONGEST_NAME]}…"


def _counts(entries: Sequence[Entry]) -> tuple[int, int] | None:
    scalars = {e.plain_name: e for e in entries if e.size == 1 and e.is_numeric}
    for rows, columns in _COUNTS:
        if rows in scalars and columns in scalars:
            values = [float(np.ravel(scalars[n].load())[0]) for n in (rows, columns)]
            if all(value >= 1 and value == int(value) for value in values):
                return int(values[0]), int(values[1])
    return None


def _vector(
    entries: Sequence[Entry], pattern: re.Pattern[str], lengths: set[int]
) -> tuple[Entry, FloatArray] | None:
    for entry in entries:
        if (
            entry.size in lengths
            and entry.size > 1
            and max(entry.shape) == entry.size
            and pattern.fullmatch(entry.plain_name)
            and not (pattern is _WAVELENGTHS and _ABOUT.fullmatch(entry.plain_name))
        ):
            values = np.ravel(np.asarray(entry.load())).astype(np.float64)
            if np.isfinite(values).all():
                return entry, values
    return None


def _text(value: CubeData | str | bytes) -> str:
    array = np.asarray(value)
    if array.dtype.kind == "u":  # MATLAB characters in HDF5 are numbers
        return "".join(chr(code) for code in array.ravel(order="F"))
    if array.dtype == np.dtype("S1") and array.ndim == 1:  # netCDF characters
        return array.tobytes().decode("utf-8")
    item: Any = array.ravel()[0]
    return item.decode("utf-8") if isinstance(item, bytes) else str(item)
