"""A folder with one grey picture per band, such as the scenes of CAVE."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import FloatArray, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.container import Entry
from napari_hsi_restore.io.request import Guess, Request

_TIFF = {".tif", ".tiff"}
_SUFFIXES = {".png", ".bmp", ".jpg", ".jpeg"} | _TIFF
# Files that are cubes by themselves; people drop the folder round them.
_CUBES = {".hdr", ".mat", ".h5", ".hdf5", ".he5", ".npy", ".npz", ".tif", ".tiff", ".zarr"}
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)")
_NANOMETRES = re.compile(r"[ _-]?nm(?![a-z])", re.IGNORECASE)
_CAVE_BANDS = 31
# Numbers from here on, in even steps, are nanometres rather than a count.
_FIRST_NM = 200
_WHITE = {"uint8": 255.0, "uint16": 65535.0}


@dataclasses.dataclass(frozen=True)
class _Series:
    """Images of one name that differ in their number."""

    prefix: str
    files: tuple[tuple[float, Path], ...]
    in_nm: bool

    @property
    def numbers(self) -> list[float]:
        return [number for number, _ in self.files]

    @property
    def is_cave(self) -> bool:
        return self.prefix.lower().endswith("_ms_") and self.files[0][1].suffix.lower() == ".png"


def sniff(path: Path, head: bytes) -> bool:
    """Any folder; `read` says what is missing in it."""
    del head
    return path.is_dir()


def claims(path: Path) -> bool:
    """Whether at least three numbered grey images of one name lie in it."""
    found = _series(_inner(path)[0])
    if not found or len(found[0].files) < 3:
        return False
    if len(found) > 1 and len(found[1].files) >= len(found[0].files):
        return False
    from PIL import Image

    with Image.open(found[0].files[0][1]) as image:
        return found[0].is_cave or image.mode in {"L", "I;16", "I;16B", "I", "F"}


def read(request: Request) -> HyperCube:
    """Read the bands in the order of their numbers.

    Raises
    ------
    UserError
        If there are no such images, a number is missing, several series lie in the
        folder, or the images differ in size.
    """
    request.refuse(
        "bands_axis", "shape", "pixel_order", because="each image of the folder is a band"
    )
    folder, notes = _inner(request.path)
    found = _series(folder)
    if request.key is not None:
        found = [series for series in found if series.prefix == request.key]
    if not found:
        request.fail(
            f"no numbered PNG or TIFF images of bands in this folder; open {_instead(folder)}, "
            "or a folder with one image per band (name_01.png, name_02.png, ...)."
        )
    if len(found) > 1 and 2 * len(found[1].files) > len(found[0].files):
        names = ", ".join(f"{s.prefix} ({len(s.files)})" for s in found[:10])
        request.ask("key", f"several series of images: {names}; choose one with key.")
    if len(found) > 1:
        left = ", ".join(f"{s.prefix}*" for s in found[1:6])
        notes = (*notes, f"Took the images {found[0].prefix}*, not {left}.")
    return _read_series(request, found[0], notes)


def entries(path: Path) -> list[Entry]:
    """The series of images in a folder, their shape the number of images."""
    return [
        Entry(series.prefix, (len(series.files),), "uint8", lambda: None)
        for series in _series(_inner(path)[0])
    ]


def _instead(folder: Path) -> str:
    """A file in the folder that may be what the user wants."""
    likely = sorted(item.name for item in folder.iterdir() if item.suffix.lower() in _CUBES)
    return f"{likely[0]} in it" if likely else "the file of the cube"


def _inner(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The folder itself, or the only one inside that holds the images (CAVE's archives)."""
    if _series(path):
        return path, ()
    folders = [item for item in path.iterdir() if item.is_dir() and _series(item)]
    if len(folders) == 1:
        return folders[0], (f"Took the images in the folder {folders[0].name} inside.",)
    return path, ()


def _series(folder: Path) -> list[_Series]:
    """Series of two or more images, the longest first."""
    groups: dict[tuple[str, ...], list[tuple[list[str], Path]]] = {}
    for path in folder.iterdir():
        if path.suffix.lower() not in _SUFFIXES or path.name.startswith("."):
            continue
        # Text and numbers take turns: the texts name the series.
        parts = _NUMBER.split(path.stem)
        if len(parts) > 1:
            key = (*parts[::2], path.suffix.lower())
            groups.setdefault(key, []).append((parts[1::2], path))
    series = [one for key, files in groups.items() for one in _split(key, files)]
    return sorted((s for s in series if len(s.files) > 1), key=lambda s: -len(s.files))


def _split(texts: tuple[str, ...], files: list[tuple[list[str], Path]]) -> list[_Series]:
    """Series by the last number that differs; other numbers that differ keep them apart."""
    count = len(files[0][0])
    varying = [i for i in range(count) if len({numbers[i] for numbers, _ in files}) > 1]
    place = varying[-1] if varying else count - 1
    apart: dict[tuple[str, ...], list[tuple[float, Path]]] = {}
    for numbers, path in files:
        others = (*numbers[:place], *numbers[place + 1 :])
        apart.setdefault(others, []).append((float(numbers[place]), path))
    in_nm = _NANOMETRES.match(texts[place + 1]) is not None
    found = []
    for others, members in apart.items():
        before = itertools.chain(*zip(texts[:place], others[:place], strict=True), [texts[place]])
        found.append(_Series("".join(before), tuple(sorted(members)), in_nm))
    return found


def _read_series(request: Request, series: _Series, notes: tuple[str, ...]) -> HyperCube:
    wavelengths, more = _numbering(request, series)
    first = _image(series.files[0][1])
    stack = np.empty((len(series.files), *first.shape), first.dtype)
    for index, (_, path) in enumerate(series.files):
        band = first if index == 0 else _image(path)
        if band.shape != first.shape or band.dtype != first.dtype:
            raise UserError(
                f"{path}: this band is {band.shape} {band.dtype}, the first is {first.shape} "
                f"{first.dtype}; all images must be alike."
            )
        stack[index] = band
    picture = series.files[0][1].suffix.lower() not in _TIFF
    return HyperCube(
        data=stack,
        name=request.path.name,
        wavelengths_nm=wavelengths,
        white_level=_WHITE.get(stack.dtype.name) if picture else None,
        source=request.source,
        history=tuple(map(Guess, (*notes, *more))),
    )


def _numbering(request: Request, series: _Series) -> tuple[FloatArray | None, tuple[str, ...]]:
    numbers = series.numbers
    twice = next((n for n, m in itertools.pairwise(numbers) if n == m), None)
    if twice is not None:
        request.fail(f"two images of band {twice:g}; remove one.")
    if series.is_cave:
        _no_gap(request, series, range(1, _CAVE_BANDS + 1))
        centres = np.linspace(400.0, 700.0, _CAVE_BANDS)
        return centres, (
            "Took the wavelengths as 400 to 700 nm by 10 nm: 31 images named *_ms_01.png and so "
            "on are a scene of the CAVE multispectral database.",
        )
    first, last = numbers[0], numbers[-1]
    steps = np.diff(numbers)
    step = float(np.median(steps))
    if series.in_nm:
        said = f"Took the numbers {first:g} to {last:g} in the file names as nanometres."
        uneven = [f"{a:g} to {b:g}" for a, b in itertools.pairwise(numbers) if b - a > 1.5 * step]
        if uneven and np.mean(steps == step) > 0.5:
            said += f" There is no image from {', '.join(uneven[:5])} nm."
        return np.array(numbers, dtype=np.float64), (said,)
    if any(number != int(number) for number in numbers):
        request.fail(
            f"the numbers of the images {series.prefix}* are no whole numbers; number them from 1, "
            "or end the names in nm if they are wavelengths."
        )
    if first >= _FIRST_NM and step > 1:
        _no_gap(request, series, range(int(first), int(last) + 1, int(step)))
        return np.array(numbers, dtype=np.float64), (
            f"Took the numbers {first:g} to {last:g} in the file names as nanometres.",
        )
    _no_gap(request, series, range(int(first), int(last) + 1))
    if first > 1:
        return None, (f"The images begin with number {first:g}, it is the first band.",)
    return None, ()


def _no_gap(request: Request, series: _Series, expected: range) -> None:
    missing = sorted(set(expected) - set(series.numbers))
    if missing:
        shown = ", ".join(str(n) for n in missing[:10]) + (" ..." if len(missing) > 10 else "")
        request.fail(
            f"the images {series.prefix}* have a gap, number {shown} is missing; put it back, "
            "number the images without a gap, or end their names in nm if they are wavelengths."
        )
    if len(series.files) != len(expected):
        request.fail(
            f"{len(series.files)} images {series.prefix}*, expected {len(expected)} from number "
            f"{expected[0]} to {expected[-1]}; remove those that are no bands."
        )


def _image(path: Path) -> npt.NDArray[Any]:
    """One grey picture, (y, x)."""
    try:
        if path.suffix.lower() in _TIFF:
            import tifffile

            values = np.asarray(tifffile.imread(path)).squeeze()
        else:
            from PIL import Image

            with Image.open(path) as image:
                values = np.asarray(image)
    except Exception as error:  # decoders raise many kinds for a damaged file
        raise UserError(f"{path}: this image is damaged ({error}); copy it again.") from error
    if values.ndim == 3 and values.shape[2] in (2, 3, 4):
        colours = values[..., : 1 if values.shape[2] == 2 else 3]
        if np.all(colours == colours[..., :1]):
            values = colours[..., 0]
    if values.ndim != 2:
        raise UserError(
            f"{path}: a band must be a grey picture, this is {values.shape}; save it as one, or "
            "remove it."
        )
    return values
