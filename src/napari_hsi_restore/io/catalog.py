"""The file formats: a literal table, and which of them a path is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.container import Entry
from napari_hsi_restore.io.formats import (
    band_folder,
    dlr_product,
    envi,
    envi_write,
    erdas_lan,
    hdf5,
    matlab5,
    netcdf,
    not_cubes,
    numpy_files,
    tiff,
    zarr_store,
)
from napari_hsi_restore.io.request import Request, split_key

_HEAD_BYTES = 1024


@dataclasses.dataclass(frozen=True)
class FormatSpec:
    """One file format.

    Attributes
    ----------
    name : str
        For people and for ``info``.
    suffixes : tuple of str
        Of the files that are written; the first is the usual one.
    sniff : callable
        Whether a path with these first bytes (empty for a folder) is of this format.
    claims : callable
        Whether such a path is a cube rather than any other image (cheap).
    read : callable
    write : callable or None
        Takes the cube, the temporary paths, one for each of `parts`.
    parts : callable
        The files that writing a target makes, the target first.
    check : callable
        Raises a `UserError` if a target cannot be written for a reason of this format.
    files : callable
        The files or folders that an existing cube consists of.
    stored : callable
        The type that values of a type have after writing and reading.
    entries : callable
        The arrays in a file, unnamed where there can be only one; empty where the
        file itself says everything.
    """

    name: str
    suffixes: tuple[str, ...]
    sniff: Callable[[Path, bytes], bool]
    claims: Callable[[Path], bool]
    read: Callable[[Request], HyperCube]
    write: Callable[..., None] | None = None
    parts: Callable[[Path], tuple[Path, ...]] = lambda target: (target,)
    check: Callable[[Path], None] = lambda target: None
    files: Callable[[Path], tuple[Path, ...]] = lambda path: (path,)
    stored: Callable[[np.dtype[Any]], np.dtype[Any]] = lambda dtype: dtype.newbyteorder("=")
    entries: Callable[[Path], list[Entry]] = lambda path: []


# The order matters where two formats look alike: the narrower one first.
FORMATS: tuple[FormatSpec, ...] = (
    FormatSpec(
        "Zarr",
        (".zarr",),
        zarr_store.sniff,
        zarr_store.claims,
        zarr_store.read,
        zarr_store.write,
        entries=zarr_store.entries,
    ),
    FormatSpec(
        "EnMAP or DESIS product",
        (),
        dlr_product.sniff,
        dlr_product.claims,
        dlr_product.read,
        files=dlr_product.files,
        entries=dlr_product.entries,
    ),
    FormatSpec(
        "band folder",
        (),
        band_folder.sniff,
        band_folder.claims,
        band_folder.read,
        entries=band_folder.entries,
    ),
    FormatSpec(
        "TIFF",
        (".tif", ".tiff", ".gtiff"),
        tiff.sniff,
        tiff.claims,
        tiff.read,
        tiff.write,
        entries=tiff.entries,
    ),
    FormatSpec(
        "NetCDF",
        (".nc", ".nc4"),
        netcdf.sniff,
        hdf5.claims,
        hdf5.read,
        netcdf.write,
        entries=hdf5.entries,
    ),
    FormatSpec(
        "HDF5",
        (".h5", ".hdf5", ".he5"),
        hdf5.sniff,
        hdf5.claims,
        hdf5.read,
        hdf5.write,
        entries=hdf5.entries,
    ),
    FormatSpec(
        "NumPy",
        (".npy",),
        numpy_files.sniff_npy,
        numpy_files.claims_npy,
        numpy_files.read_npy,
        numpy_files.write_npy,
        parts=lambda target: (target, numpy_files.sidecar(target)),
        files=lambda path: (path, numpy_files.sidecar(path)),
        entries=numpy_files.npy_entries,
    ),
    FormatSpec(
        "NumPy archive",
        (".npz",),
        numpy_files.sniff_npz,
        numpy_files.claims_npz,
        numpy_files.read_npz,
        numpy_files.write_npz,
        entries=numpy_files.npz_entries,
    ),
    FormatSpec(
        "MATLAB",
        (".mat",),
        matlab5.sniff,
        matlab5.claims,
        matlab5.read,
        matlab5.write,
        entries=matlab5.entries,
    ),
    FormatSpec("ERDAS", (), erdas_lan.sniff, erdas_lan.claims, erdas_lan.read),
    FormatSpec(
        "ENVI",
        (".hdr",),
        envi.sniff,
        envi.claims,
        envi.read,
        envi_write.write,
        envi_write.parts,
        envi_write.check,
        envi.files,
        envi_write.stored,
    ),
    FormatSpec("older HDF", (), not_cubes.sniff_older, not_cubes.never, not_cubes.read_older),
    FormatSpec(
        "spectral library", (), not_cubes.sniff_library, not_cubes.never, not_cubes.read_library
    ),
    FormatSpec("archive", (), not_cubes.sniff_archive, not_cubes.never, not_cubes.read_archive),
    FormatSpec("picture", (), not_cubes.sniff_picture, not_cubes.never, not_cubes.read_picture),
)


def find(path: Path) -> FormatSpec:
    """The format of a file or folder, found by looking into it.

    Raises
    ------
    UserError
        If there is no such path, or it is of no known format.
    """
    if path.is_dir():
        head = b""
    elif path.exists():
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        if not head:
            raise UserError(f"{path}: the file is empty; copy it again.")
    else:
        raise UserError(f"{path}: there is no such file; check the path.")
    for spec in FORMATS:
        if spec.sniff(path, head):
            return spec
    promised = next((s.name for s in FORMATS if path.suffix.lower() in s.suffixes), None)
    if promised is not None:
        raise UserError(
            f"{path}: what is in it is not {promised}, as its name says, nor another format of "
            "cubes; copy or save it again."
        )
    raise UserError(
        f"{path}: this is no cube in a known format ({', '.join(spec.name for spec in writable())} "
        "or a folder of bands); a raw data file needs its ENVI header (.hdr) beside it."
    )


def writable() -> tuple[FormatSpec, ...]:
    """The formats that can be written."""
    return tuple(spec for spec in FORMATS if spec.write is not None)


def for_target(target: Path) -> FormatSpec:
    """The format that a target's suffix asks for.

    Raises
    ------
    UserError
        If no writable format has this suffix.
    """
    for spec in writable():
        if target.suffix.lower() in spec.suffixes:
            return spec
    known = ", ".join(spec.suffixes[0] for spec in writable())
    raise UserError(f"{target}: cannot write files ending in {target.suffix!r}; use {known}.")


def describe(path: str | Path) -> tuple[str, str | None]:
    """Name of the format, and the interleave where the format has one.

    Raises
    ------
    UserError
        As `find`.
    """
    place = _without_key(path)
    spec = find(place)
    return spec.name, envi.interleave(place) if spec.name == "ENVI" else None


def bytes_on_disk(path: str | Path) -> int:
    """Size of all files of a cube, in bytes.

    Raises
    ------
    UserError
        As `find`.
    """
    place = _without_key(path)
    total = 0
    for part in find(place).files(place):
        inner = part.rglob("*") if part.is_dir() else (part,)
        total += sum(file.stat().st_size for file in inner if file.is_file())
    return total


def can_read(path: str | Path) -> bool:
    """Whether a path is a hyperspectral cube for `read`; fast, never raises.

    False for ordinary pictures, pages of text, photographs as TIFF, and folders of
    unrelated files, so that napari leaves those to its other readers.
    """
    try:
        place = _without_key(path)
        spec = find(place)
    except (UserError, OSError):
        return False
    try:
        return spec.claims(place)
    except UserError:
        # A damaged cube is still a cube: `read` has a better sentence than napari.
        return True
    except Exception:  # whatever else a broken file does, leave it to others
        return False


def _without_key(path: str | Path) -> Path:
    return Path(path) if Path(path).exists() else Path(split_key(str(path))[0])
