"""Which pixel and which band of a cube layer the viewer shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer


def pixel_at(layer: Layer, world: Sequence[float]) -> tuple[int, int] | None:
    """Find the pixel of a cube layer at a place in the world.

    Parameters
    ----------
    layer : napari.layers.Layer
        Axes (band, y, x).
    world : sequence of float
        As in ``viewer.cursor.position``.

    Returns
    -------
    (row, column) or None
        None outside of the image.
    """
    row, column = (round(float(value)) for value in layer.world_to_data(world)[-2:])
    data = layer.data[0] if layer.multiscale else layer.data
    height, width = data.shape[-2:]
    return (row, column) if 0 <= row < height and 0 <= column < width else None


def shown_band(viewer: ViewerModel, layer: Layer) -> int:
    """Find the band of a cube layer that the viewer's sliders select."""
    band = round(float(layer.world_to_data(viewer.dims.point)[-3]))
    return int(np.clip(band, 0, layer.data.shape[-3] - 1))


def show_band(viewer: ViewerModel, layer: Layer, band: int) -> None:
    """Move the viewer's band slider to a band of a cube layer."""
    axis = viewer.dims.ndim - 3
    viewer.dims.set_point(axis, float(layer.data_to_world((band, 0, 0))[-3]))
