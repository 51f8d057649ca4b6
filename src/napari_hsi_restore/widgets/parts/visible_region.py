"""Which pixels of a cube the canvas shows."""

from __future__ import annotations

from collections.abc import Sequence

from napari.layers import Image

Region = tuple[int, int, int, int]


def visible_region(layer: Image, largest_side: int, centre: Sequence[float]) -> Region:
    """Return the rows and columns in view, at most a square of some size in their middle.

    Parameters
    ----------
    layer : napari.layers.Image
        Axes (band, y, x).
    largest_side : int
        Most rows and most columns.
    centre : sequence of float
        Where the camera looks, in the world; (..., y, x).

    Returns
    -------
    tuple of 4 int
        (top, bottom, left, right), ends left out. Where the layer is out of view, the
        middle of the image.
    """
    first, last = layer.corner_pixels[:, -2:]
    if layer.multiscale:
        # There the corners are those of what is loaded, which may be far more than is in view.
        middle = layer.world_to_data((0.0, *centre[-2:]))[-2:]
        first, last = middle - largest_side / 2, middle + largest_side / 2 - 1
    height, width = (layer.data[0] if layer.multiscale else layer.data).shape[-2:]
    top, bottom = _middle(int(first[0]), int(last[0]) + 1, int(height), largest_side)
    left, right = _middle(int(first[1]), int(last[1]) + 1, int(width), largest_side)
    return top, bottom, left, right


def _middle(start: int, stop: int, length: int, most: int) -> tuple[int, int]:
    start, stop = max(0, start), min(length, stop)
    if stop - start < 2:
        start, stop = 0, length
    start = max(start, (start + stop - most) // 2)
    return start, min(stop, start + most)
