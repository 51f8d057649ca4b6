"""Layers that pixels of a cube are painted on, to count as missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw
from napari.layers import Image, Labels, Layer, Shapes

from napari_hsi_restore.plugin.layers import METADATA_KEY, plane_options

_MOST_VALUES = 64_000_000
_LEAST_BRUSH, _BRUSH_SHARE = 3, 0.04
_ELLIPSE_CORNERS = 180


def mask_layers(layers: Iterable[Layer], source: Image) -> list[Layer]:
    """Those layers that a mask for a cube can be taken from.

    Parameters
    ----------
    layers : iterable of napari.layers.Layer
    source : napari.layers.Image
        The cube's layer, axes (band, y, x).

    Returns
    -------
    list of napari.layers.Layer
        Labels with as many rows and columns (and, if any, bands) on the same ground, and
        shapes drawn in the cube's pixels.
    """
    return [layer for layer in layers if _fits(layer, source)]


def new_mask_layer(source: Image) -> Labels:
    """Make an empty layer over a cube, ready to be painted on."""
    height, width = source.data.shape[-2:]
    layer = Labels(
        np.zeros((height, width), np.uint8),
        name=f"mask of {source.name}",
        metadata={METADATA_KEY: {"mask_of": source.unique_id}},
        **plane_options(source),
    )
    layer.brush_size = max(_LEAST_BRUSH, round(_BRUSH_SHARE * max(height, width)))
    return layer


def painted_pixels(layer: Layer, shape_yx: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The pixels that are painted or lie in a shape, bool (y, x).

    Parameters
    ----------
    layer : napari.layers.Layer
        One of `mask_layers`.
    shape_yx : tuple of int
        Rows and columns of the cube.
    """
    if isinstance(layer, Shapes):
        return _drawn(layer, shape_yx)
    painted = np.asarray(layer.data) != 0
    return np.asarray(painted if painted.ndim == 2 else painted.any(axis=0))


def _drawn(layer: Shapes, shape_yx: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The pixels in or on any shape; of millions of pixels, within a few milliseconds."""
    height, width = shape_yx
    picture = PIL.Image.new("L", (width, height))
    pen = PIL.ImageDraw.Draw(picture)
    for vertices, kind in zip(layer.data, layer.shape_type, strict=True):
        corners = np.asarray(vertices, float)[:, -2:]
        if kind == "ellipse":
            corners = _ellipse(corners)
        places = [(float(x), float(y)) for y, x in corners]
        if kind in ("line", "path"):
            pen.line(places, fill=1)
        else:
            pen.polygon(places, fill=1, outline=1)
    return np.asarray(picture, dtype=bool)


def _ellipse(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The outline of an ellipse from the corners of the box around it, which may be turned."""
    centre = corners.mean(axis=0)
    first, second = (corners[1] - corners[0]) / 2, (corners[3] - corners[0]) / 2
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)[:, None]
    return np.asarray(centre + np.cos(angles) * first + np.sin(angles) * second)


def _fits(layer: Layer, source: Image) -> bool:
    height, width = source.data.shape[-2:]
    if isinstance(layer, Labels):
        shape = tuple(layer.data.shape)
        if layer.multiscale or np.prod(shape) > _MOST_VALUES:
            return False
        if shape not in ((height, width), tuple(source.data.shape)):
            return False
    elif not isinstance(layer, Shapes) or layer.ndim not in (2, 3):
        return False
    corners = ((0.0, 0.0), (float(height), 0.0), (0.0, float(width)))
    return all(np.allclose(_ground(layer, c), _ground(source, c)) for c in corners)


def _ground(layer: Layer, pixel: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Where a pixel lies, (y, x) in the world."""
    place: Any = layer.data_to_world((0.0,) * (layer.ndim - 2) + pixel)
    return np.asarray(place, dtype=float)[-2:]
