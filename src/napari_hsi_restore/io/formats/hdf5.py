"""HDF5: MATLAB 7.3, NEON reflectance and generic files, through `h5py`."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import CubeData, Georeference, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import container, lazy, record
from napari_hsi_restore.io.blocks import blocks
from napari_hsi_restore.io.container import Entry
from napari_hsi_restore.io.formats import envi_map
from napari_hsi_restore.io.request import Request

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Below this an array in memory is quicker than a lazy one and costs little.
_EAGER_BYTES = 64 * 2**20
_LONGEST_LIST = 2**16
_ATTRIBUTES = {"scalefactor", "dataignorevalue", "fillvalue", "nodata", "units"}
_CHUNK_BYTES = 16 * 2**20


def sniff(path: Path, head: bytes) -> bool:
    """The HDF5 signature at the start or behind a MATLAB 7.3 text header."""
    del path
    return head.startswith(_SIGNATURE) or head[512:520] == _SIGNATURE


def claims(path: Path) -> bool:
    """Any MATLAB file, else whether some data set could be a cube (reads the names only)."""
    return _is_matlab(path) or container.has_cube(_entries(path, False))


def read(request: Request) -> HyperCube:
    """Open one data set, lazily if it is large.

    Raises
    ------
    UserError
        If the file is damaged, or which data set is the cube is not clear.
    """
    matlab = _is_matlab(request.path)
    cube = container.read(
        _entries(request.path, matlab),
        request,
        convention="last" if matlab else None,
        pixel_order="column-major" if matlab else "row-major",
    )
    return cube if matlab else _with_attributes(cube, request.path)


def _is_matlab(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(10) == b"MATLAB 7.3"


class LazyDataset:
    """An HDF5 data set that opens its file anew for each piece.

    No handle stays open, so that it can be used from threads, after a fork and
    in another process (h5py's handles cannot).
    """

    def __init__(self, path: Path, name: str, shape: tuple[int, ...], dtype: str) -> None:
        self.path = path
        self.name = name
        self.shape = shape
        self.ndim = len(shape)
        self.dtype = np.dtype(dtype)

    def __getitem__(self, item: Any) -> npt.NDArray[Any]:
        import h5py

        with h5py.File(self.path, "r") as file:
            values: npt.NDArray[Any] = file[self.name][item]
        return values


@dataclasses.dataclass(frozen=True)
class _Loader:
    path: Path
    name: str
    matlab: bool

    def __call__(self) -> Any:
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                dataset = file[self.name]
                if not dataset.shape or dataset.dtype.kind not in "uifbc":
                    return dataset[()]
                # HDF5 lists MATLAB's axes in reverse.
                loaded: CubeData
                if dataset.nbytes <= _EAGER_BYTES:
                    loaded = dataset[()]
                else:
                    chunks = _chunks(dataset.shape, dataset.dtype.itemsize, dataset.chunks)
                    pieces = LazyDataset(self.path, self.name, dataset.shape, dataset.dtype.str)
                    loaded = lazy.from_pieces(pieces, chunks, self.path)
                return loaded.T if self.matlab else loaded
        except (OSError, RuntimeError) as error:
            raise _damaged(self.path, error) from error


def _chunks(
    shape: tuple[int, ...], itemsize: int, stored: tuple[int, ...] | None
) -> tuple[int, ...]:
    """Chunks of about 16 MiB, made of whole stored chunks, near-cubical in their number."""
    base = list(stored or (1,) * (len(shape) - 1) + (shape[-1],))
    while True:
        growing = [i for i in range(len(shape)) if base[i] < shape[i]]
        if not growing or int(np.prod(base, dtype=np.int64)) * itemsize * 2 > _CHUNK_BYTES:
            return tuple(min(b, n) for b, n in zip(base, shape, strict=True))
        smallest = min(growing, key=lambda i: base[i] / shape[i])
        base[smallest] *= 2


def entries(path: Path) -> list[Entry]:
    """The data sets of a file, in the axis order that the program which wrote it shows."""
    return _entries(path, _is_matlab(path))


def _entries(path: Path, matlab: bool) -> list[Entry]:
    import h5py

    entries: list[Entry] = []

    def visit(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or name.startswith("#"):
            return
        shape = tuple(reversed(item.shape or ())) if matlab else tuple(item.shape or ())
        kind = item.dtype.newbyteorder("=").name if item.dtype.kind in "uifbc" else "object"
        if item.dtype.names == ("real", "imag"):
            kind = "complex128"
        entries.append(Entry(name, shape, kind, _Loader(path, name, matlab)))
        if not matlab:
            entries.extend(container.listed_attributes(name, _lists(item)))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(visit)
    except (OSError, RuntimeError) as error:
        raise _damaged(path, error) from error
    return entries


def _lists(item: Any) -> dict[str, Any]:
    """The attributes of an object that are lists of numbers.

    Nothing else is read: in a damaged file the HDF5 library may never come back from an
    attribute of texts, and a size may be any number.
    """
    found = {}
    for key in item.attrs:
        inside = item.attrs.get_id(key)
        shape: tuple[int, ...] = inside.shape or ()
        kind = inside.dtype.kind
        if len(shape) == 1 and kind in "uif" and shape[0] <= _LONGEST_LIST:
            found[key] = item.attrs[key]
    return found


def _said(item: Any) -> dict[str, Any]:
    """The attributes that say something of the values, by their plain names."""
    found = {}
    for key in item.attrs:
        plain = re.sub(r"[^a-z]", "", key.lower())
        shape = item.attrs.get_id(key).shape or ()
        if plain in _ATTRIBUTES and math.prod(shape) == 1:
            found[plain] = _attribute(item.attrs[key])
    return found


def _damaged(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: this HDF5 file is cut short or damaged ({error}); copy it again.")


def _with_attributes(cube: HyperCube, path: Path) -> HyperCube:
    """Scale, no-data and place as NEON and others keep them beside the data set."""
    import h5py

    name = (cube.source or "").rpartition("::")[2]
    with h5py.File(path, "r") as file:
        if name not in file:
            return cube
        attributes = _said(file[name])
        places: dict[str, str] = {}

        def visit(inner: str, item: Any) -> None:
            plain = re.sub(r"[^a-z]", "", inner.rpartition("/")[2].lower())
            wanted = {"epsgcode": envi_map.EPSG, "mapinfo": "map info"}.get(plain)
            if wanted and isinstance(item, h5py.Dataset):
                places[wanted] = str(_attribute(item[()]))

        file.visititems(visit)
    changes: dict[str, Any] = {}
    scale = attributes.get("scalefactor")
    if cube.gain == 1.0 and isinstance(scale, float) and scale > 0:
        # NEON divides by its factor of 10000; CF and HDF-EOS multiply by 0.0001.
        changes["gain"] = scale if scale < 1 else 1.0 / scale
        if "reflectance" in name.lower():
            changes["units"] = "reflectance"
    for key in ("dataignorevalue", "fillvalue", "nodata"):
        if cube.nodata is None and isinstance(attributes.get(key), float):
            changes["nodata"] = attributes[key]
    if cube.units is None and isinstance(attributes.get("units"), str):
        changes.setdefault("units", attributes["units"])
    if cube.georeference is None:
        place: Georeference | None = envi_map.georeference(places)
        changes["georeference"] = place
    return cube.replace(**changes) if changes else cube


def _attribute(value: Any) -> float | str | None:
    items = np.ravel(value)
    if items.size != 1:
        return None
    item = items[0]
    if isinstance(item, bytes):
        return item.decode("utf-8", "replace")
    if isinstance(item, str):
        return item
    return float(item) if np.asarray(item).dtype.kind in "uif" else None


def write(cube: HyperCube, target: Path) -> None:
    """Write ``data`` (bands, y, x), ``wavelengths``, ``fwhm``, ``bbl`` and the record."""
    import h5py

    try:
        with h5py.File(target, "w") as file:
            _write(cube, file)
    except RuntimeError as error:
        # h5py raises this on closing a file for which the disk was too small.
        raise OSError(str(error)) from error


def _write(cube: HyperCube, file: Any) -> None:
    dataset = file.create_dataset("data", cube.shape, cube.dtype)
    for place, values in blocks(cube.data):
        dataset[place] = values
    if cube.units:
        dataset.attrs["units"] = cube.units
    # Of fixed length: from a damaged heap of texts of free length the HDF5 library may never
    # come back.
    file.create_dataset(container.RECORD, data=np.bytes_(record.to_json(cube).encode()))
    for name, value in (
        ("wavelengths", cube.wavelengths_nm),
        ("fwhm", cube.fwhm_nm),
        ("bbl", cube.good_bands),
    ):
        if value is not None:
            file.create_dataset(name, data=value)
