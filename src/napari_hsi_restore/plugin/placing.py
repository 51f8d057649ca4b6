"""Which pixel and which band of a cube layer the viewer shows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
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


def pixel_on(other: Layer, layer: Layer, pixel: tuple[int, int]) -> tuple[int, int] | None:
    """Find the pixel of another cube layer at the centre of one of this layer's pixels.

    Parameters
    ----------
    other, layer : napari.layers.Layer
        Axes (band, y, x); `pixel` is (row, column) of `layer`.

    Returns
    -------
    (row, column) or None
        None where the other layer does not reach.
    """
    return pixel_at(other, layer.data_to_world((0, *pixel)))


def overlap(first: Layer, second: Layer) -> bool:
    """Whether two cube layers cover some ground together, by the boxes around them."""
    boxes = [layer.extent.world[:, -2:] for layer in (first, second)]
    low = np.maximum(boxes[0].min(axis=0), boxes[1].min(axis=0))
    high = np.minimum(boxes[0].max(axis=0), boxes[1].max(axis=0))
    return bool((low <= high).all())


def shown_band(viewer: ViewerModel, layer: Layer) -> int:
    """Find the band of a cube layer that the viewer's sliders select."""
    band = round(float(layer.world_to_data(viewer.dims.point)[-3]))
    return int(np.clip(band, 0, layer.data.shape[-3] - 1))


def show_band(viewer: ViewerModel, layer: Layer, band: int) -> None:
    """Move the viewer's band slider to a band of a cube layer."""
    axis = viewer.dims.ndim - 3
    viewer.dims.set_point(axis, float(layer.data_to_world((band, 0, 0))[-3]))


def lie_apart(first: Layer, second: Layer) -> bool:
    """Whether two layers of as many pixels show them at different places.

    Parameters
    ----------
    first, second : napari.layers.Layer
        Axes (band, y, x). Of other shapes the answer is no: their pixels do not
        belong to each other.
    """
    if first.data.shape[-2:] != second.data.shape[-2:]:
        return False
    ours, theirs = _ends(first), _ends(second)
    # A hundredth of a pixel is not seen.
    size = np.abs(ours[1] - ours[0]).max() / max(first.data.shape[-2:])
    return bool(np.abs(ours - theirs).max() > 0.01 * size)


def lay_over(layer: Layer, ground: Layer) -> None:
    """Move a layer onto another one of as many pixels; its values stay.

    Parameters
    ----------
    layer, ground : napari.layers.Layer
        Axes (band, y, x).
    """
    for name in ("scale", "rotate", "shear", "translate", "affine", "units"):
        setattr(layer, name, getattr(ground, name))


def _ends(layer: Layer) -> npt.NDArray[np.float64]:
    """Where the first and the last pixel lie, (2, [y, x])."""
    height, width = layer.data.shape[-2:]
    pixels = ((0, 0), (height - 1, width - 1))
    return np.array([layer.data_to_world((0, *pixel))[-2:] for pixel in pixels], dtype=np.float64)
