"""Zarr stores, where the `zarr` package is installed."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import container, lazy, record
from napari_hsi_restore.io.blocks import blocks
from napari_hsi_restore.io.container import Entry
from napari_hsi_restore.io.formats import ome_zarr
from napari_hsi_restore.io.request import Request

_MARKERS = ("zarr.json", ".zgroup", ".zarray")
_XARRAY = "_ARRAY_DIMENSIONS"
_CHUNK_BYTES = 4 * 2**20


def sniff(path: Path, head: bytes) -> bool:
    """A folder with one of Zarr's own files."""
    del head
    return path.is_dir() and any((path / marker).is_file() for marker in _MARKERS)


def claims(path: Path) -> bool:
    """Whether some array could be a cube."""
    return container.has_cube(entries(path))


def read(request: Request) -> HyperCube:
    """Open one array of a store, lazily.

    Raises
    ------
    UserError
        If `zarr` is not installed, or which array is the cube is not clear.
    """
    return container.read(entries(request.path), request, convention=None, pixel_order="row-major")


def _zarr(path: Path) -> Any:
    try:
        import zarr
    except ImportError:
        raise UserError(
            f"{path}: Zarr needs the package zarr; install it, or use .h5 or .npy."
        ) from None
    return zarr


def _local(zarr: Any, path: Path) -> Any:
    """The store of a folder; of a text Zarr would make an address on the net if it has "::"."""
    return zarr.storage.LocalStore(path)


def entries(path: Path) -> list[Entry]:
    """The arrays of a store; of an OME-Zarr image its full resolution only."""
    zarr = _zarr(path)
    try:
        node = zarr.open(store=_local(zarr, path), mode="r")
        images: list[ome_zarr.Image] = []
        if isinstance(node, zarr.Array):
            arrays = {"data": node}
        else:
            members = dict(node.members(None))
            arrays = {name: item for name, item in members.items() if isinstance(item, zarr.Array)}
            groups = {"": node} | {k: g for k, g in members.items() if isinstance(g, zarr.Group)}
            images = ome_zarr.images({name: dict(group.attrs) for name, group in groups.items()})
        attributes = dict(node.attrs)
        found = _listed(path, ome_zarr.full_resolution(arrays, images), images)
    except Exception as error:  # zarr raises many kinds for a damaged store
        raise UserError(f"{path}: this Zarr store is damaged ({error}); copy it again.") from error
    text = attributes.get(container.RECORD)
    if isinstance(text, str):
        found.append(Entry(container.RECORD, (), "str", lambda: text))
    return found


def _listed(path: Path, arrays: dict[str, Any], images: list[ome_zarr.Image]) -> list[Entry]:
    named = {image.array: image.axes for image in images}
    found = []
    for name, array in arrays.items():
        dimensions = named.get(name) or _dimensions(array)
        unit = array.attrs.get("units")
        found.append(
            Entry(
                name,
                tuple(array.shape),
                np.dtype(array.dtype).name,
                _Loader(path, array),
                dimensions,
                unit if isinstance(unit, str) else None,
            )
        )
        found += container.listed_attributes(name, array.attrs)
    for image in images:
        if image.wavelengths is not None:
            values, unit = image.wavelengths
            load = functools.partial(np.asarray, values)
            name = f"{image.array}/channels/wavelengths"
            found.append(Entry(name, values.shape, values.dtype.name, load, (), unit))
    return found


def _dimensions(array: Any) -> tuple[str, ...]:
    """Names of the axes as version 3 or xarray keep them; empty where one has none."""
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get(_XARRAY)
    if not isinstance(names, list | tuple) or not all(isinstance(one, str) for one in names):
        return ()
    return tuple(names)


@dataclasses.dataclass(frozen=True)
class _Loader:
    path: Path
    array: Any

    def __call__(self) -> Any:
        if self.array.ndim < 2:
            return self.array[...]
        return lazy.from_pieces(_Present(self.path, self.array), self.array.chunks, self.path)


class _Present:
    """An array whose store is still there: of one that is gone Zarr reads zeros."""

    def __init__(self, path: Path, array: Any) -> None:
        self.path = path
        self.array = array
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.ndim = len(self.shape)
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, item: Any) -> npt.NDArray[Any]:
        if not sniff(self.path, b""):
            raise FileNotFoundError(str(self.path))
        values: npt.NDArray[Any] = self.array[item]
        return values


def write(cube: HyperCube, target: Path) -> None:
    """Write a group with ``data`` (bands, y, x), ``wavelengths`` and the record.

    Raises
    ------
    UserError
        If `zarr` is not installed.
    """
    zarr = _zarr(target)
    group = zarr.open_group(store=_local(zarr, target), mode="w")
    bands, height, width = cube.shape
    rows = max(1, min(height, _CHUNK_BYTES // max(1, bands * cube.dtype.itemsize * 64)))
    array = group.create_array(
        "data", shape=cube.shape, dtype=cube.dtype, chunks=(bands, rows, min(width, 64))
    )
    for place, values in blocks(cube.data):
        array[place] = values
    if cube.wavelengths_nm is not None:
        stored = group.create_array("wavelengths", shape=(bands,), dtype="float64")
        stored[...] = cube.wavelengths_nm
    group.attrs[container.RECORD] = record.to_json(cube)
