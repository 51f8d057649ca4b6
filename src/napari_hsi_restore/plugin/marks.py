"""Pinned pixels and drawn regions: napari layers that lie on a cube's pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Layer, Points, Shapes

from napari_hsi_restore.plugin.layers import METADATA_KEY, plane_options

COLORS = (
    "#e6550d",
    "#3182bd",
    "#31a354",
    "#c51b8a",
    "#756bb1",
    "#d9a400",
    "#00a5a5",
    "#a6611a",
)
"""Distinct on dark and on light backgrounds."""


def color_of(index: int) -> str:
    """Colour of the n-th mark, ``"#rrggbb"``."""
    return COLORS[index % len(COLORS)]


def region_color(index: int) -> str:
    """Colour of the n-th region: from the other end, so that it is not that of the n-th pin."""
    return color_of(-1 - index)


def pins_layer(cube_layer: Layer) -> Points:
    """Make an empty layer of pinned pixels for a cube layer."""
    height, width = cube_layer.data.shape[-2:]
    return Points(
        np.empty((0, 2)),
        ndim=2,
        name=f"pins of {cube_layer.name}",
        size=max(1.0, 0.02 * max(height, width)),
        border_color="white",
        metadata={METADATA_KEY: {"pins_of": cube_layer.unique_id}},
        **plane_options(cube_layer),
    )


def regions_layer(cube_layer: Layer) -> Shapes:
    """Make an empty layer of regions for a cube layer."""
    height, width = cube_layer.data.shape[-2:]
    return Shapes(
        ndim=2,
        name=f"regions of {cube_layer.name}",
        face_color="transparent",
        edge_width=max(0.5, 0.006 * max(height, width)),
        edge_color=region_color(0),
        metadata={METADATA_KEY: {"regions_of": cube_layer.unique_id}},
        **plane_options(cube_layer),
    )


def mark_of(layer: Layer, kind: str, cube_layer: Layer) -> bool:
    """Whether a layer holds the marks (``"pins_of"``, ``"regions_of"``) of a cube layer."""
    entry: Any = layer.metadata.get(METADATA_KEY)
    return isinstance(entry, dict) and entry.get(kind) == cube_layer.unique_id


def pinned_pixels(points: Points, shape_yx: tuple[int, int]) -> list[tuple[int, int, int]]:
    """List the pins that lie on the image as (index of the pin, row, column)."""
    pixels = [(i, round(float(y)), round(float(x))) for i, (y, x) in enumerate(points.data)]
    return [p for p in pixels if 0 <= p[1] < shape_yx[0] and 0 <= p[2] < shape_yx[1]]


def region_masks(shapes: Shapes, shape_yx: tuple[int, int]) -> list[npt.NDArray[np.bool_]]:
    """List the pixels inside each region.

    Parameters
    ----------
    shapes : napari.layers.Shapes
    shape_yx : tuple of int

    Returns
    -------
    list of bool ndarray, (y, x)
    """
    if shapes.nshapes == 0:
        return []
    return list(np.asarray(shapes.to_masks(mask_shape=shape_yx), dtype=bool))
