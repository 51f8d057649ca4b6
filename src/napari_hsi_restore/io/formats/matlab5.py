"""MATLAB files up to version 7 (level 5), through `scipy.io`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import container, record
from napari_hsi_restore.io.container import Entry
from napari_hsi_restore.io.request import Request

# MATLAB class names as `scipy.io.whosmat` gives them.
_NUMPY_NAMES = {"double": "float64", "single": "float32", "logical": "bool"}
# A level-5 file counts the bytes of a variable in 31 bits (MAT-File Format, R2021a).
_MOST_BYTES = 2**31 - 2**16


def sniff(path: Path, head: bytes) -> bool:
    """A level-5 text header, or the name of an older MATLAB file."""
    if head.startswith(b"MATLAB 5.0") or head[126:128] in (b"IM", b"MI"):
        return True
    return path.suffix.lower() == ".mat" and b"\x89HDF" not in head


def claims(path: Path) -> bool:
    """Always: a user who opens a MATLAB file here wants to hear what is wrong with it."""
    del path
    return True


def read(request: Request) -> HyperCube:
    """Read one variable; integers that MATLAB stored as such stay integers.

    Raises
    ------
    UserError
        If the file is damaged, or which variable is the cube is not clear.
    """
    return container.read(
        entries(request.path), request, convention="last", pixel_order="column-major"
    )


def entries(path: Path) -> list[Entry]:
    """The variables of a file; those of a struct as ``name/field``.

    Raises
    ------
    UserError
        If the file is damaged.
    """
    import scipy.io

    try:
        listing = scipy.io.whosmat(str(path))
    except Exception as error:  # scipy raises a dozen kinds for a damaged file
        raise _damaged(path, error) from error
    found: list[Entry] = []
    for name, shape, kind in listing:
        load = _Loader(path, name)
        if kind == "struct" and all(n == 1 for n in shape):
            found += _fields(name, load()[0, 0])
        else:
            found.append(Entry(name, tuple(shape), _NUMPY_NAMES.get(kind, kind), load))
    return found


def _fields(name: str, struct: Any) -> list[Entry]:
    """The fields of a struct, and of structs inside it, as ``name/field``."""
    found: list[Entry] = []
    for field in struct.dtype.names or ():
        value = struct[field]
        inner = f"{name}/{field}"
        if value.dtype.names and value.size == 1:
            found += _fields(inner, value.ravel()[0])
        else:
            kind = "cell or struct" if value.dtype.kind == "O" else value.dtype.name
            found.append(Entry(inner, value.shape, kind, functools.partial(np.asarray, value)))
    return found


class _Loader:
    """Loads one variable of a file when called."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    def __call__(self) -> Any:
        import scipy.io

        try:
            values = scipy.io.loadmat(str(self._path), variable_names=[self._name])
            return values[self._name]
        except Exception as error:
            raise _damaged(self._path, error) from error


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: this MATLAB file is cut short or damaged ({error}); copy or save it again."
    )


def write(cube: HyperCube, target: Path) -> None:
    """Write ``data`` as (y, x, band), ``wavelengths``, ``fwhm``, ``bbl`` and the record.

    Raises
    ------
    UserError
        If the values take more than 2 GB, which level 5 cannot hold.
    """
    import scipy.io

    dtype = cube.dtype
    stored = np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")
    nbytes = int(np.prod(cube.shape, dtype=np.int64)) * stored.itemsize
    if nbytes > _MOST_BYTES:
        raise UserError(
            f"{target}: {nbytes / 2**30:.1f} GiB are too many for a MATLAB 5 file (2 GiB); "
            "write .h5 instead, which MATLAB's h5read opens."
        )
    fields: dict[str, Any] = {
        "data": np.moveaxis(cube.array(), 0, 2).astype(stored, copy=False),
        container.RECORD: record.to_json(cube),
    }
    for name, value in (
        ("wavelengths", cube.wavelengths_nm),
        ("fwhm", cube.fwhm_nm),
        ("bbl", cube.good_bands),
    ):
        if value is not None:
            fields[name] = value[None]
    with target.open("wb") as file:
        scipy.io.savemat(file, fields, do_compression=True)
