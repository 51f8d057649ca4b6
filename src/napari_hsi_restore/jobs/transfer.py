"""Cubes between two processes: values as memory-mapped files, the rest as JSON.

Nothing is pickled or unpickled. A cube whose values already lie in a
memory-mapped file is described (path, type, shape, offset, strides) and not copied.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import CubeData, Georeference, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.mapped import part_of_file

INPUT = "input"
OUTPUT = "output"
RESIDUAL = "residual"
NOISE = "noise.json"
MASK = "mask.npy"
REMOVED = "removed.npz"

# One block takes a few milliseconds to copy: cancelling is noticed between blocks.
_BLOCK_BYTES = 8 << 20
# What the statistics of a cube depend on beside its values.
_COUNTING_FIELDS = ("nodata", "white_level", "good_bands")


class TransferCancelledError(Exception):
    """Writing a cube was given up because the caller no longer wants it."""


def write_cube(
    cube: HyperCube, folder: Path, name: str, cancelled: Callable[[], bool] = lambda: False
) -> None:
    """Write a cube as ``name.json`` and, unless it is mapped already, ``name.npy``.

    Parameters
    ----------
    cube : HyperCube
        Values of any type, (bands, y, x); read and written in blocks.
    folder : Path
        An existing folder.
    name : str
        `INPUT`, `OUTPUT` or `RESIDUAL`.
    cancelled : callable
        Asked between two blocks.

    Raises
    ------
    TransferCancelledError
        When `cancelled` says so.
    UserError
        If the disk of the folder is too full.
    """
    place = _mapped_place(cube.data)
    if place is None:
        write_array(cube.data, folder / f"{name}.npy", cancelled)
        place = {"npy": f"{name}.npy"}
    (folder / f"{name}.json").write_text(
        json.dumps({"array": place, "cube": _fields(cube)}), encoding="utf-8"
    )


def read_cube(folder: Path, name: str) -> HyperCube:
    """Return the cube that `write_cube` put there, its values memory-mapped read-only."""
    described = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return _from_fields(described["cube"], _map(described["array"], folder))


def fingerprint(folder: Path, name: str) -> str:
    """A word that is another one as soon as the values, or which of them count, change.

    Parameters
    ----------
    folder : Path
    name : str
        As for `write_cube`, which put the cube there.

    Returns
    -------
    str
        From all values; for a file that its owner only reads, from its place, size
        and time of change, so that a large one is not read for this.
    """
    described = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    place = described["array"]
    fields = {key: described["cube"][key] for key in _COUNTING_FIELDS}
    digest = hashlib.blake2b(json.dumps(fields).encode())
    if place.get("read_only"):
        status = Path(place["path"]).stat()
        seen = [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]
        digest.update(json.dumps([place, seen]).encode())
    else:
        values = _map(place, folder)
        digest.update(json.dumps([values.shape, values.dtype.str]).encode())
        for plane in values:
            digest.update(np.ascontiguousarray(plane).data)
    return digest.hexdigest()


def write_array(data: CubeData, path: Path, cancelled: Callable[[], bool] = lambda: False) -> None:
    """Write an array of any real type and shape as ``.npy``, block by block.

    Raises
    ------
    TransferCancelledError
        When `cancelled` says so.
    UserError
        If the disk is too full.
    """
    target = new_array(path, data.shape, np.dtype(data.dtype))
    for block in _blocks(data):
        if cancelled():
            raise TransferCancelledError
        target[block] = np.asarray(data[block])


def new_array(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Make a ``.npy`` file of zeros and return it memory-mapped for writing.

    Raises
    ------
    UserError
        If the disk is too full.
    """
    needed = math.prod(shape) * dtype.itemsize
    check_disk(path.parent, needed)
    try:
        target: npt.NDArray[Any] = np.lib.format.open_memmap(
            path, mode="w+", dtype=dtype, shape=shape
        )
        if hasattr(os, "posix_fallocate") and needed:
            # A mapped file with holes kills the process when the disk fills up.
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _disk_full(path.parent, needed) from error
        raise UserError(
            f"{path.parent}: temporary files cannot be written there ({error.strerror}); set "
            "TMPDIR to another folder and start again."
        ) from error
    return target


def check_disk(folder: Path, needed: int) -> None:
    """Refuse a number of bytes that the disk of a folder for temporary files cannot hold.

    Raises
    ------
    UserError
    """
    if shutil.disk_usage(folder).free < needed:
        raise _disk_full(folder, needed)


def read_array(path: Path) -> npt.NDArray[Any]:
    """Return the array of a ``.npy`` file, memory-mapped read-only."""
    mapped: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def _blocks(data: CubeData) -> Iterator[tuple[slice, ...]]:
    if isinstance(data, da.Array):
        # The chunks of a lazy array are what its file is read in.
        edges = [np.cumsum((0, *sizes)) for sizes in data.chunks]
        ranges = [[slice(int(a), int(b)) for a, b in itertools.pairwise(edge)] for edge in edges]
        yield from itertools.product(*ranges)
        return
    if data.ndim < 2:
        yield (slice(None),) * data.ndim
        return
    row_bytes = max(1, math.prod(data.shape[2:]) * data.dtype.itemsize)
    rows = max(1, min(data.shape[1], _BLOCK_BYTES // row_bytes))
    planes = max(1, _BLOCK_BYTES // (row_bytes * max(1, data.shape[1])))
    for first in range(0, data.shape[0], planes):
        for row in range(0, data.shape[1], rows):
            yield slice(first, first + planes), slice(row, row + rows)


def _mapped_place(data: CubeData) -> dict[str, Any] | None:
    """Where in which file the values lie, or None if they are not simply there."""
    if not isinstance(data, np.ndarray):
        return None
    root: Any = data
    found: np.memmap[Any, Any] | None = None
    while isinstance(root, np.ndarray):
        if isinstance(root, np.memmap):
            found = root
        root = root.base
    # Copy-on-write maps may differ from their file; an unlinked file has no path.
    if found is None or found.mode == "c" or found.filename is None:
        return None
    path = Path(found.filename)
    if not path.is_file():
        return None
    ahead = data.__array_interface__["data"][0] - found.__array_interface__["data"][0]
    return {
        "path": str(path.resolve()),
        "read_only": found.mode == "r",
        "dtype": data.dtype.str,
        "shape": list(data.shape),
        "offset": int(found.offset) + int(ahead),
        "strides": list(data.strides),
    }


def _map(place: dict[str, Any], folder: Path) -> npt.NDArray[Any]:
    if "npy" in place:
        return read_array(folder / place["npy"])
    # Another program may cut the user's file short meanwhile, which must not end the child.
    return part_of_file(
        Path(place["path"]),
        np.dtype(place["dtype"]),
        place["offset"],
        tuple(place["shape"]),
        tuple(place["strides"]),
    )


def _fields(cube: HyperCube) -> dict[str, Any]:
    georeference = cube.georeference
    return {
        "name": cube.name,
        "wavelengths_nm": _listed(cube.wavelengths_nm),
        "fwhm_nm": _listed(cube.fwhm_nm),
        "good_bands": _listed(cube.good_bands),
        "units": cube.units,
        "gain": _listed(cube.gain),
        "offset": _listed(cube.offset),
        "white_level": _listed(cube.white_level),
        "nodata": _listed(cube.nodata),
        "georeference": georeference
        and {"crs": georeference.crs, "transform": list(georeference.transform)},
        "source": cube.source,
        "history": list(cube.history),
        "metadata": dict(cube.metadata),
    }


def _from_fields(fields: dict[str, Any], data: npt.NDArray[Any]) -> HyperCube:
    georeference = fields["georeference"]
    if georeference is not None:
        a, b, c, d, e, f = georeference["transform"]
        georeference = Georeference(georeference["crs"], (a, b, c, d, e, f))
    history = tuple(fields["history"])
    return HyperCube(data, **{**fields, "georeference": georeference, "history": history})


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _disk_full(folder: Path, needed: int) -> UserError:
    return UserError(
        f"{folder}: the disk for temporary files is too full, {needed / 2**30:.1f} GiB are needed; "
        "free some space or set TMPDIR to a folder on a larger disk."
    )
