"""Pinned pixels and drawn regions: napari layers that lie on a cube's pixels."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Layer, Points, Shapes
from skimage import draw

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


def find_marks(layers: Iterable[Layer], cube_layer: Layer | None) -> dict[str, Layer]:
    """Find the layers of pins and of regions of a cube layer, by ``pins_of`` and ``regions_of``."""
    return {
        kind: layer
        for layer in layers
        for kind in ("pins_of", "regions_of")
        if cube_layer is not None and mark_of(layer, kind, cube_layer)
    }


def mark_of(layer: Layer, kind: str, cube_layer: Layer) -> bool:
    """Whether a layer holds the marks (``"pins_of"``, ``"regions_of"``) of a cube layer."""
    entry: Any = layer.metadata.get(METADATA_KEY)
    return isinstance(entry, dict) and entry.get(kind) == cube_layer.unique_id


def title_of(layer: Layer) -> str | None:
    """What a picture or map of ours shows; None for any other layer."""
    entry: Any = layer.metadata.get(METADATA_KEY)
    title = entry.get("title") if isinstance(entry, dict) else None
    return title if isinstance(title, str) else None


def pinned_pixels(points: Points, shape_yx: tuple[int, int]) -> list[tuple[int, int, int]]:
    """List the pins that lie on the image as (index of the pin, row, column)."""
    pixels = [(i, round(float(y)), round(float(x))) for i, (y, x) in enumerate(points.data)]
    return [p for p in pixels if 0 <= p[1] < shape_yx[0] and 0 <= p[2] < shape_yx[1]]


@dataclasses.dataclass(frozen=True, eq=False)
class Region:
    """Pixels of a drawn shape.

    Attributes
    ----------
    top, left : int
        Row and column of the first pixel of `mask`.
    mask : bool ndarray, (y, x)
        True inside; only as large as the shape, whatever the size of the image.
    """

    top: int
    left: int
    mask: npt.NDArray[np.bool_]

    @property
    def n_pixels(self) -> int:
        """Number of pixels inside."""
        return int(self.mask.sum())


def drawn_regions(shapes: Shapes, shape_yx: tuple[int, int]) -> list[Region]:
    """List the pixels of each drawn shape: those whose centre lies in it, or that a line meets.

    Parameters
    ----------
    shapes : napari.layers.Shapes
        In the pixels of an image of this shape.
    shape_yx : tuple of int

    Returns
    -------
    list of Region
        One a shape, in order; without pixels where a shape lies off the image.
    """
    return [
        _region(np.asarray(vertices, float)[:, -2:], str(kind), shape_yx)
        for vertices, kind in zip(shapes.data, shapes.shape_type, strict=True)
    ]


def _region(vertices: npt.NDArray[np.float64], kind: str, shape_yx: tuple[int, int]) -> Region:
    if kind == "ellipse":
        # Four corners of the box around it, which may be rotated.
        centre = vertices.mean(axis=0)
        first = (vertices[1] - vertices[0]) / 2
        second = (vertices[3] - vertices[0]) / 2
        angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)[:, None]
        vertices = centre + np.cos(angles) * first + np.sin(angles) * second
    low = np.maximum(np.floor(vertices.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(vertices.max(axis=0)), np.asarray(shape_yx) - 1).astype(int)
    if np.any(high < low):
        return Region(0, 0, np.zeros((0, 0), bool))
    mask = np.zeros(tuple(high - low + 1), bool)
    inside = vertices - low
    if kind in ("line", "path"):
        corners = np.round(inside).astype(int)
        for start, end in itertools.pairwise(corners):
            rows, columns = draw.line(*start, *end)  # type: ignore[no-untyped-call]
            on = (rows >= 0) & (rows < mask.shape[0]) & (columns >= 0) & (columns < mask.shape[1])
            mask[rows[on], columns[on]] = True
    else:
        ys, xs = inside.T
        rows, columns = draw.polygon(ys, xs, mask.shape)  # type: ignore[no-untyped-call]
        mask[rows, columns] = True
    return Region(int(low[0]), int(low[1]), mask)
