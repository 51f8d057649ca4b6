"""The layers of pins and regions in a viewer: adding, drawing on, removing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from napari.components import ViewerModel
from napari.layers import Layer, Shapes


def add_marks(viewer: ViewerModel, layer: Layer, cube_layer: Layer) -> None:
    """Add a layer of marks; the cube layer stays the active one."""
    viewer.add_layer(layer)
    viewer.layers.selection.active = cube_layer


def begin_drawing(viewer: ViewerModel, shapes: Shapes) -> None:
    """Let the user draw rectangles."""
    viewer.layers.selection.active = shapes
    shapes.mode = "add_rectangle"


def end_drawing(viewer: ViewerModel, shapes: Shapes, cube_layer: Layer) -> None:
    """Go back to the cube layer."""
    shapes.mode = "pan_zoom"
    viewer.layers.selection.active = cube_layer


def is_drawing(viewer: ViewerModel, shapes: Shapes | None) -> bool:
    """Whether the user draws regions now."""
    return (
        shapes is not None
        and viewer.layers.selection.active == shapes
        and str(shapes.mode).startswith("add_")
    )


def may_pin(viewer: ViewerModel) -> bool:
    """Whether a click on the canvas belongs to nobody else, such as a layer being drawn on."""
    active: Any = viewer.layers.selection.active
    flat = viewer.dims.ndisplay == 2  # In 3D the cursor is a ray, and no pixel.
    return flat and (active is None or active.mode in ("pan_zoom", "transform"))


def remove_marks(viewer: ViewerModel, layers: Iterable[Layer | None]) -> None:
    """Remove these layers, as far as they are there."""
    for layer in layers:
        if layer is not None and layer in viewer.layers:
            viewer.layers.remove(layer)
