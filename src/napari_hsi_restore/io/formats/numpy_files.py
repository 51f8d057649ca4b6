"""NumPy: ``.npy`` as a memory map with a JSON file beside it, and ``.npz``."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import axes, container, record
from napari_hsi_restore.io.blocks import blocks
from napari_hsi_restore.io.container import Entry
from napari_hsi_restore.io.mapped import Mapped
from napari_hsi_restore.io.request import Guess, Request
from napari_hsi_restore.io.staging import reserve

_MAGIC = b"\x93NUMPY"
_PLANE_BYTES = 64 * 2**20


def sniff_npy(path: Path, head: bytes) -> bool:
    """The magic word of .npy."""
    del path
    return head.startswith(_MAGIC)


def sniff_npz(path: Path, head: bytes) -> bool:
    """A zip archive whose first member is an array."""
    del path
    return head.startswith(b"PK\x03\x04") and b".npy" in head[30:300]


def sidecar(path: Path) -> Path:
    """The JSON file that goes with an .npy file."""
    return path.with_name(path.name + ".json")


def claims_npy(path: Path) -> bool:
    """Whether the array has three axes."""
    return bool(np.load(path, mmap_mode="r", allow_pickle=False).ndim == 3)


def claims_npz(path: Path) -> bool:
    """Whether some member could be a cube."""
    return container.has_cube(npz_entries(path))


def read_npy(request: Request) -> HyperCube:
    """Map an .npy file; the axes are (bands, y, x) if its JSON file says so.

    Raises
    ------
    UserError
        If the file is damaged or which axis holds the bands is not clear.
    """
    request.refuse("key", because="an .npy file holds one array")
    path = request.path
    try:
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False).view(Mapped)
    except (ValueError, OSError, EOFError) as error:
        raise _damaged_npy(path, error) from error
    beside = sidecar(path)
    if beside.is_file() and request.bands_axis is None and request.shape is None:
        written = record.parse(beside.read_bytes())
        if written is None:
            raise UserError(f"{beside}: this is no record of a cube; correct or remove it.")
        return record.to_cube(array, written, name=path.stem, source=str(path))
    if array.dtype.kind == "c":
        request.fail("the values are complex numbers; save their magnitude instead.")
    cube, notes = axes.to_cube(array, request, convention=None, pixel_order="row-major")
    return HyperCube(data=cube, name=path.stem, source=str(path), history=tuple(map(Guess, notes)))


def read_npz(request: Request) -> HyperCube:
    """Load one array of an .npz file.

    Raises
    ------
    UserError
        If the file is damaged or which array is the cube is not clear.
    """
    return container.read(
        npz_entries(request.path), request, convention=None, pixel_order="row-major"
    )


def npy_entries(path: Path) -> list[Entry]:
    """The one array of an .npy file, without a name."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise _damaged_npy(path, error) from error
    return [Entry("", array.shape, array.dtype.name, lambda: array)]


def npz_entries(path: Path) -> list[Entry]:
    """The arrays of an .npz file."""
    try:
        entries = []
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                if not member.endswith(".npy"):
                    continue
                with archive.open(member) as file:
                    version = np.lib.format.read_magic(file)
                    header = (
                        np.lib.format.read_array_header_1_0
                        if version == (1, 0)
                        else np.lib.format.read_array_header_2_0
                    )
                    shape, _, dtype = header(file)
                name = member.removesuffix(".npy")
                kind = dtype.newbyteorder("=").name
                entries.append(Entry(name, tuple(shape), kind, _Loader(path, name)))
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from error
    return entries


class _Loader:
    """Loads one array when called."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    def __call__(self) -> Any:
        try:
            with np.load(self._path, allow_pickle=False) as archive:
                return archive[self._name]
        except (ValueError, OSError, zipfile.BadZipFile) as error:
            raise _damaged(self._path, error) from error


def _damaged_npy(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: this .npy file is cut short, damaged or holds Python objects ({error}); "
        "save a plain array."
    )


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: this .npz file is cut short, damaged or holds Python objects ({error}); "
        "save it again."
    )


def write_npy(cube: HyperCube, target: Path, beside: Path) -> None:
    """Write the array in C order (bands, y, x), and its record as `beside`."""
    with target.open("wb") as file:
        _header(file, cube)
        start = file.tell()
    size = int(np.prod(cube.shape, dtype=np.int64)) * cube.dtype.itemsize
    reserve(target, start + size)
    mapped = np.memmap(target, cube.dtype, "r+", start, cube.shape)
    for place, values in blocks(cube.data):
        mapped[place] = values
    mapped.flush()
    beside.write_text(record.to_json(cube) + "\n", encoding="ascii")


def write_npz(cube: HyperCube, target: Path) -> None:
    """Write ``data``, ``wavelengths``, ``fwhm``, ``bbl`` and the record, compressed."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("data.npy", "w", force_zip64=True) as file:
            _header(file, cube)
            _stream(file, cube)
        small: dict[str, Any] = {
            "wavelengths": cube.wavelengths_nm,
            "fwhm": cube.fwhm_nm,
            "bbl": cube.good_bands,
            container.RECORD: np.array(record.to_json(cube)),
        }
        for name, value in small.items():
            if value is not None:
                with archive.open(f"{name}.npy", "w") as file:
                    np.lib.format.write_array(file, value, allow_pickle=False)


def _header(file: Any, cube: HyperCube) -> None:
    described = {
        "descr": np.lib.format.dtype_to_descr(cube.dtype),
        "fortran_order": False,
        "shape": cube.shape,
    }
    np.lib.format.write_array_header_1_0(file, described)


def _stream(file: Any, cube: HyperCube) -> None:
    """Write the values in C order, some whole bands at a time."""
    plane = cube.shape[1] * cube.shape[2] * cube.dtype.itemsize
    step = max(1, _PLANE_BYTES // plane)
    for start in range(0, cube.n_bands, step):
        bands = np.asarray(cube.data[start : start + step])
        file.write(np.ascontiguousarray(bands).data)
