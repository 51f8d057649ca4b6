"""Files that people try to open as cubes, and what to tell them."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from napari_hsi_restore.io.request import Request

_NETCDF3 = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
_HDF4 = b"\x0e\x03\x13\x01"
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF")


def sniff_archive(path: Path, head: bytes) -> bool:
    """A zip, gzip, 7z, rar or tar archive."""
    magic = (b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")
    return head.startswith(magic) or (path.suffix == ".tar" and head[257:262] == b"ustar")


def read_archive(request: Request) -> NoReturn:
    """Say that an archive must be unpacked."""
    request.fail("this is an archive; unpack it and open the cube or the folder inside.")


def sniff_picture(path: Path, head: bytes) -> bool:
    """A photograph or drawing."""
    del path
    return head.startswith(_PICTURES)


def read_picture(request: Request) -> NoReturn:
    """Say that one picture is no cube."""
    request.fail(
        "this is an ordinary picture; a cube with one picture per band is opened by its folder."
    )


def sniff_older(path: Path, head: bytes) -> bool:
    """NetCDF of before 2008, or HDF of before 1998: neither is HDF5."""
    del path
    return head.startswith((*_NETCDF3, _HDF4))


def read_older(request: Request) -> NoReturn:
    """Say how it becomes a file of today."""
    with request.path.open("rb") as file:
        head = file.read(4)
    if head == _HDF4:
        request.fail(
            "this is HDF 4, which is not read; make HDF 5 of it: h4toh5convert old new.h5."
        )
    request.fail(
        "this is netCDF 3, which is not read; make netCDF 4 of it: nccopy -k nc4 old.nc new.nc."
    )


def sniff_library(path: Path, head: bytes) -> bool:
    """A text file of the ECOSTRESS or ASTER library."""
    return path.suffix.lower() == ".txt" and head.lstrip().lower().startswith(b"name:")


def read_library(request: Request) -> NoReturn:
    """Say what it is for."""
    request.fail(
        "this is a spectrum of a spectral library and no picture; open a cube, and lay the library "
        "over its spectra in the dock Inspect."
    )


def never(path: Path) -> bool:
    """No claim to open such a file."""
    del path
    return False
