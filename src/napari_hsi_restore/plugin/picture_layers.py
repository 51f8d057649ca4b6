"""Colour pictures of a cube as layers of the viewer."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Layer

from napari_hsi_restore.plugin.layers import METADATA_KEY, plane_options
from napari_hsi_restore.plugin.marks import mark_of

_KEPT = "kind"


def pictures_of(viewer: ViewerModel, cube_layer: Layer | None) -> list[Layer]:
    """List the colour pictures of a cube layer, the topmost last."""
    if cube_layer is None:
        return []
    return [layer for layer in viewer.layers if mark_of(layer, "picture_of", cube_layer)]


def find_picture(viewer: ViewerModel, cube_layer: Layer, kind: str) -> Layer | None:
    """Find the picture of one kind of a cube layer; the lowest if the user copied it."""
    for layer in pictures_of(viewer, cube_layer):
        entry: Any = layer.metadata[METADATA_KEY]
        if entry.get(_KEPT) == kind:
            return layer
    return None


def show_picture(
    viewer: ViewerModel,
    cube_layer: Layer,
    kind: str,
    title: str,
    picture: npt.NDArray[np.uint8],
    *,
    step: int = 1,
) -> Layer:
    """Show a picture on top, in the layer of its kind if there is one.

    Parameters
    ----------
    viewer : ViewerModel
    cube_layer : napari.layers.Layer
        Stays the active layer.
    kind : str
        There is one picture of a kind for each cube layer.
    title : str
        For people; stands in the name of the layer.
    picture : uint8 ndarray, (y, x, 3)
        Of every `step`-th row and column.
    step : int

    Returns
    -------
    napari.layers.Layer
    """
    name = f"{cube_layer.name} [{title}]"
    known = find_picture(viewer, cube_layer, kind)
    if known is not None:
        known.data = picture
        known.name = name
        known.metadata[METADATA_KEY]["title"] = title
        known.visible = True
        # On top of the other pictures, where it is seen.
        viewer.layers.move(viewer.layers.index(known), -1)
    else:
        options = plane_options(cube_layer)
        options["scale"] = options["scale"] * step
        entry = {"picture_of": cube_layer.unique_id, "title": title, _KEPT: kind}
        options["metadata"] = {METADATA_KEY: entry}
        known = viewer.add_image(picture, rgb=True, name=name, **options)
    viewer.layers.selection.active = cube_layer
    return known


def hide_pictures(viewer: ViewerModel, cube_layer: Layer | None) -> None:
    """Hide the pictures of a cube layer; they would cover its bands."""
    for layer in pictures_of(viewer, cube_layer):
        # napari tells of every assignment, even one that changes nothing.
        if layer.visible:
            layer.visible = False
