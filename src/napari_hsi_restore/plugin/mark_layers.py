"""The layers of pins and regions in a viewer: adding, drawing on, removing."""

from __future__ import annotations

from typing import Any

from napari.components import ViewerModel
from napari.layers import Layer

from napari_hsi_restore.plugin.marks import find_marks, pins_layer, regions_layer


class MarkLayers:
    """The pins and regions of one cube layer, which are layers of napari themselves.

    Parameters
    ----------
    viewer : ViewerModel

    Attributes
    ----------
    cube_layer : napari.layers.Layer or None
        Whose marks these are.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.cube_layer: Layer | None = None

    @property
    def points(self) -> Any:
        """The layer of pins, or None."""
        return find_marks(self._viewer.layers, self.cube_layer).get("pins_of")

    @property
    def shapes(self) -> Any:
        """The layer of regions, or None."""
        return find_marks(self._viewer.layers, self.cube_layer).get("regions_of")

    @property
    def drawing(self) -> bool:
        """Whether the user draws regions now."""
        shapes = self.shapes
        return (
            shapes is not None
            and self._viewer.layers.selection.active == shapes
            and str(shapes.mode).startswith("add_")
        )

    @property
    def may_pin(self) -> bool:
        """Whether a click on the canvas belongs to nobody else, such as a layer being drawn on."""
        active: Any = self._viewer.layers.selection.active
        flat = self._viewer.dims.ndisplay == 2  # In 3D the cursor is a ray, and no pixel.
        return flat and (active is None or active.mode in ("pan_zoom", "transform"))

    def pin(self, row: int, column: int) -> None:
        """Add a pixel to the pins."""
        if self.cube_layer is None:
            return
        if self.points is None:
            self._add(pins_layer(self.cube_layer))
        points = self.points
        points.add([row, column])
        points.selected_data = set()

    def begin_drawing(self) -> None:
        """Let the user draw rectangles."""
        if self.cube_layer is None:
            return
        if self.shapes is None:
            self._add(regions_layer(self.cube_layer))
        shapes = self.shapes
        self._viewer.layers.selection.active = shapes
        shapes.mode = "add_rectangle"

    def end_drawing(self) -> None:
        """Go back to the cube layer, if regions are drawn."""
        if self.drawing:
            self.shapes.mode = "pan_zoom"
            self._viewer.layers.selection.active = self.cube_layer

    def clear(self) -> None:
        """Remove all pins and regions."""
        for layer in (self.points, self.shapes):
            if layer is not None:
                self._viewer.layers.remove(layer)
        if self.cube_layer is not None:
            self._viewer.layers.selection.active = self.cube_layer

    def _add(self, layer: Layer) -> None:
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = self.cube_layer
