"""What OME-Zarr says of the arrays of a store: levels of resolution, axes, channels.

Source: OME-NGFF specification, versions 0.3 to 0.5 (``multiscales``, ``omero``).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from napari_hsi_restore.cube import FloatArray
from napari_hsi_restore.io.wavelengths import from_names

Array = TypeVar("Array")


@dataclasses.dataclass(frozen=True, eq=False)
class Image:
    """One image of several resolutions.

    Attributes
    ----------
    array : str
        Path of the array of the full resolution.
    coarser : tuple of str
        Paths of the others.
    axes : tuple of str
        Names of the axes, such as ``("c", "y", "x")``; empty where the file has none.
    wavelengths : tuple or None
        Numbers, (channels,), and their unit, where the channels are called by them.
    """

    array: str
    coarser: tuple[str, ...]
    axes: tuple[str, ...]
    wavelengths: tuple[FloatArray, str] | None


def images(groups: Mapping[str, Mapping[str, Any]]) -> list[Image]:
    """The images among the groups of a store.

    Parameters
    ----------
    groups : mapping
        Attributes of the groups by their paths, the root's being empty.
    """
    found = []
    for path, attributes in groups.items():
        # Version 0.5 keeps everything under one key.
        inner = attributes.get("ome")
        said = inner if isinstance(inner, Mapping) else attributes
        scales = said.get("multiscales")
        if not isinstance(scales, list) or not scales or not isinstance(scales[0], Mapping):
            continue
        levels = [
            f"{path}/{level['path']}".strip("/")
            for level in scales[0].get("datasets", ())
            if isinstance(level, Mapping) and isinstance(level.get("path"), str)
        ]
        if levels:
            axes = _axes(scales[0].get("axes"))
            found.append(Image(levels[0], tuple(levels[1:]), axes, _channels(said.get("omero"))))
    return found


def full_resolution(arrays: Mapping[str, Array], found: list[Image]) -> dict[str, Array]:
    """The arrays without coarser levels, and without the labels of an image."""
    coarser = {name for image in found for name in image.coarser}
    return {
        name: array
        for name, array in arrays.items()
        if name not in coarser and not (found and "labels" in name.split("/"))
    }


def _axes(said: Any) -> tuple[str, ...]:
    names = [
        one.get("name") if isinstance(one, Mapping) else one
        for one in (said if isinstance(said, list) else ())
    ]
    return tuple(map(str, names)) if all(isinstance(name, str) for name in names) else ()


def _channels(omero: Any) -> tuple[FloatArray, str] | None:
    channels = omero.get("channels") if isinstance(omero, Mapping) else None
    if not isinstance(channels, list):
        return None
    labels = [str(one.get("label", "")) for one in channels if isinstance(one, Mapping)]
    return from_names(labels)
