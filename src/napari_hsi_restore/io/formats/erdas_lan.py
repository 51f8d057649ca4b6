"""ERDAS 7.x images (``.lan``), opened as a memory map; the header is read by `spectral`."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io.mapped import open_mapped
from napari_hsi_restore.io.request import Guess, Request

_MAGIC = (b"HEAD74", b"HEADER")
_HEADER_BYTES = 128
_MOST_BANDS, _LONGEST = 4096, 10**6
# "Type of data" of the header; 1 is half a byte for each value.
_DTYPES = {0: "u1", 2: "i2"}


def sniff(path: Path, head: bytes) -> bool:
    """One of the two words such a file begins with, before a plausible type of data."""
    del path
    return head.startswith(_MAGIC) and len(head) >= _HEADER_BYTES and bool(_orders(head))


def claims(path: Path) -> bool:
    """Always: no other program than one for cubes has use for such a file."""
    del path
    return True


def _orders(head: bytes) -> list[str]:
    """The byte orders in which type and number of bands make sense; the header does not say."""
    found = []
    for order in "<>":
        packing, bands = struct.unpack_from(f"{order}2h", head, 6)
        if packing in (0, 1, 2) and 0 < bands <= _MOST_BANDS:
            found.append(order)
    return found


def read(request: Request) -> HyperCube:
    """Open an image, lazily; the format knows no wavelengths.

    Raises
    ------
    UserError
        If the file is damaged or has half a byte for each value.
    """
    from spectral.io.erdas import read_erdas_lan_header

    request.refuse(
        "key", "bands_axis", "shape", "pixel_order", because="the header of the file says it all"
    )
    path = request.path
    with path.open("rb") as file:
        orders = _orders(file.read(_HEADER_BYTES))
    size = path.stat().st_size
    headers = [(order, read_erdas_lan_header(str(path), int(order == ">"))) for order in orders]
    # In the wrong order the sizes are enormous, or do not fit the file.
    order, header = min(headers, key=lambda one: abs(_expected(one[1]) - size))
    bands, rows, columns = header["nbands"], header["nrows"], header["ncols"]
    dtype = _DTYPES.get(header["packing"])
    if dtype is None:
        request.fail("it has half a byte for each value, which is not supported; save 8 or 16 bit.")
    if not (0 < rows <= _LONGEST and 0 < columns <= _LONGEST):
        request.fail(
            f"its header says {rows} rows of {columns} pixels; it is damaged, copy it again."
        )
    expected = _expected(header)
    if size < expected:
        request.fail(
            f"the file is cut short, it has {size} bytes but its header promises {expected}; copy "
            "it again."
        )
    stored = open_mapped(path, order + dtype, _HEADER_BYTES, (rows, bands, columns))
    notes = (
        (f"Ignored {size - expected} bytes at the end of {path.name}.",) if size > expected else ()
    )
    return HyperCube(
        data=stored.transpose(1, 0, 2),
        name=path.stem,
        source=request.source,
        history=tuple(map(Guess, notes)),
    )


def _expected(header: dict[str, Any]) -> int:
    """Size in bytes that the file must have."""
    width = 1 if header["packing"] == 0 else 2
    values = int(header["nrows"]) * int(header["ncols"]) * int(header["nbands"])
    return _HEADER_BYTES + values * width
