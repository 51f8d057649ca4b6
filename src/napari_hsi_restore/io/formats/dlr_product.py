"""Products of EnMAP and DESIS: a GeoTIFF of the spectra and a metadata file in XML beside it.

Sources: EnMAP HSI Level 1B, 1C, 2A product format specification (EN-PCV-ICD-2009); DESIS L1A,
L1B, L1C, L2A processors, products and processes description: ``bandCharacterisation``.
"""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np

from napari_hsi_restore.cube import FloatArray, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.container import Entry
from napari_hsi_restore.io.formats import tiff
from napari_hsi_restore.io.request import Request

_IMAGE = re.compile(r"(.*)SPECTRAL_IMAGE(?:_(VNIR|SWIR))?\.tiff?", re.IGNORECASE)
_METADATA = re.compile(r"(.*)METADATA\.xml", re.IGNORECASE)
_LEVEL = re.compile(r"L(1[ABC]|2A)(?![0-9A-Z])", re.IGNORECASE)
_MOST_BYTES = 64 * 2**20
_RADIANCE = {"EnMAP": "W/(m^2 sr nm)", "DESIS": "mW/(cm^2 sr um)"}


@dataclasses.dataclass(frozen=True, eq=False)
class _Bands:
    """What the metadata say of the bands, all of the product."""

    sensor: str
    wavelengths_nm: FloatArray
    fwhm_nm: FloatArray | None
    gain: FloatArray | None
    offset: FloatArray | None
    detectors: dict[str, list[int]]
    background: float | None


def sniff(path: Path, head: bytes) -> bool:
    """The image, the metadata file or the folder of a product, if both lie there."""
    if path.is_dir() or (head.lstrip(b"\xef\xbb\xbf").startswith(b"<") and _is_metadata(path)):
        return bool(_images(path)) and _metadata(path) is not None
    match = _IMAGE.fullmatch(path.name)
    return match is not None and tiff.sniff(path, head) and _metadata(path) is not None


def claims(path: Path) -> bool:
    """Always: the names leave no doubt."""
    del path
    return True


def files(path: Path) -> tuple[Path, ...]:
    """The images and the metadata file."""
    metadata = _metadata(path)
    return (*_images(path), *([] if metadata is None else [metadata]))


def entries(path: Path) -> list[Entry]:
    """The images of a product: one, or those of both spectrometers of a Level 1B."""
    images = _images(path)
    if len(images) == 1:
        return tiff.entries(images[0])
    found = []
    for image in images:
        [entry] = tiff.entries(image)
        found.append(dataclasses.replace(entry, name=_detector(image)))
    return found


def read(request: Request) -> HyperCube:
    """The image, with wavelengths, widths, gains and offsets of the metadata file.

    Raises
    ------
    UserError
        If image or metadata are damaged or do not fit each other, or it is open which
        of two images is meant.
    """
    path = request.path
    images = _images(path)
    if request.key is not None:
        images = [image for image in images if _detector(image) == request.key.upper()]
        if not images:
            request.fail(f"there is no image {request.key!r}; choose VNIR or SWIR.")
    if len(images) > 1:
        named = " or ".join(f"{path.name}::{_detector(image)}" for image in images)
        request.ask("key", f"VNIR and SWIR are images of their own here; choose {named}.")
    metadata = _metadata(path)
    assert metadata is not None
    bands = _parse(metadata)
    cube = tiff.read(dataclasses.replace(request, path=images[0], key=None))
    chosen = _of_image(bands, images[0], cube.n_bands)
    if chosen is None:
        said = (
            f"Left out the wavelengths of {metadata.name}: it describes "
            f"{len(bands.wavelengths_nm)} bands, the image has {cube.n_bands}."
        )
        return cube.replace(source=request.source, history=(*cube.history, said))
    return _described(cube, bands, chosen, images[0]).replace(source=request.source)


def _described(cube: HyperCube, bands: _Bands, chosen: list[int], image: Path) -> HyperCube:
    level = _LEVEL.search(image.name)
    reflectance = level is not None and level[1].upper() == "2A"
    gain, offset = _picked(bands.gain, chosen, 1.0), _picked(bands.offset, chosen, 0.0)
    history = cube.history
    if np.ndim(gain) or np.ndim(offset):
        said = (
            "The values are kept as stored; gain and offset of the metadata differ from band to "
            "band and go along."
        )
        history = (*history, said)
    units = "reflectance" if reflectance else _RADIANCE.get(bands.sensor)
    return cube.replace(
        wavelengths_nm=bands.wavelengths_nm[chosen],
        fwhm_nm=None if bands.fwhm_nm is None else bands.fwhm_nm[chosen],
        gain=gain,
        offset=offset,
        units=units if bands.gain is not None else cube.units,
        nodata=cube.nodata if cube.nodata is not None else bands.background,
        history=history,
        metadata={**cube.metadata, "sensor type": bands.sensor},
    )


def _is_metadata(path: Path) -> bool:
    return _METADATA.fullmatch(path.name) is not None


def _images(path: Path) -> list[Path]:
    """The images that go with a path: itself, or those of its folder with the same beginning."""
    if not path.is_dir() and _IMAGE.fullmatch(path.name):
        return [path]
    own = None if path.is_dir() else _METADATA.fullmatch(path.name)
    folder = path if path.is_dir() else path.parent
    found = []
    for item in sorted(folder.iterdir()):
        match = _IMAGE.fullmatch(item.name)
        if match is not None and (own is None or match[1] == own[1]):
            found.append(item)
    return found


def _metadata(path: Path) -> Path | None:
    """The metadata file that goes with a path, or None; also if several could."""
    if not path.is_dir() and _is_metadata(path):
        return path
    match = None if path.is_dir() else _IMAGE.fullmatch(path.name)
    folder = path if path.is_dir() else path.parent
    found = []
    for item in folder.iterdir():
        own = _METADATA.fullmatch(item.name)
        if own is not None and (match is None or match[1] == own[1]):
            found.append(item)
    return found[0] if len(found) == 1 else None


def _detector(image: Path) -> str:
    match = _IMAGE.fullmatch(image.name)
    return (match[2] or "").upper() if match is not None else ""


def _parse(path: Path) -> _Bands:
    if path.stat().st_size > _MOST_BYTES:
        raise UserError(f"{path}: this is no metadata file, it is too large; copy it again.")
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as error:
        raise UserError(
            f"{path}: this metadata file is damaged ({error}); copy it again."
        ) from error
    rows = [row for row in map(_row, root.iter()) if "wavelengthcenterofband" in row]
    try:
        centres = np.array([float(row["wavelengthcenterofband"]) for row in rows])
    except ValueError as error:
        raise UserError(
            f"{path}: a wavelength in it is not a number ({error}); copy it again."
        ) from error
    sensor = "DESIS" if "desis" in path.name.lower() or "hsi_doc" in root.tag else "EnMAP"
    return _Bands(
        sensor,
        centres,
        _column(rows, "fwhmofband", "wavelengthwidthofband"),
        _column(rows, "gainofband"),
        _column(rows, "offsetofband"),
        {which: _channels(root, which.lower()) for which in ("VNIR", "SWIR")},
        _background(root),
    )


def _row(element: ET.Element) -> dict[str, str]:
    return {_local(child): (child.text or "").strip() for child in element if len(child) == 0}


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _column(rows: list[dict[str, str]], *names: str) -> FloatArray | None:
    for name in names:
        try:
            values = np.array([float(row[name]) for row in rows], dtype=np.float64)
        except (KeyError, ValueError):
            continue
        if values.size and np.isfinite(values).all():
            return values
    return None


def _channels(root: ET.Element, detector: str) -> list[int]:
    """Which bands one spectrometer of EnMAP gives, counted from 0."""
    for element in root.iter():
        if _local(element) == f"{detector}productquality":
            for child in element:
                if _local(child) == "expectedchannelslist":
                    return [int(item) - 1 for item in re.findall(r"\d{1,5}", child.text or "")]
    return []


def _background(root: ET.Element) -> float | None:
    for element in root.iter():
        if _local(element) == "backgroundvalue":
            try:
                return float((element.text or "").strip())
            except ValueError:
                return None
    return None


def _of_image(bands: _Bands, image: Path, count: int) -> list[int] | None:
    """Which of the product's bands an image holds; None where that is not clear."""
    total = len(bands.wavelengths_nm)
    if count == total:
        return list(range(total))
    detector = _detector(image)
    listed = bands.detectors.get(detector, [])
    if len(listed) == count and all(0 <= band < total for band in listed):
        return listed
    if 0 < count < total and detector:
        # Products of before 2022 list VNIR first and then SWIR.
        return list(range(count)) if detector == "VNIR" else list(range(total - count, total))
    return None


def _picked(values: FloatArray | None, chosen: list[int], default: float) -> Any:
    if values is None:
        return default
    picked = values[chosen]
    return float(picked[0]) if np.all(picked == picked[0]) else picked
