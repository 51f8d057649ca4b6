"""Windows on held-out pixels, spread evenly where there are more than can be judged."""

from __future__ import annotations

import numpy as np

from napari_hsi_restore.training.finetune.cubes import Part


def windows_of(part: Part, side: int, pixels: float, multiple: int = 1) -> list[Part]:
    """Rectangles that do not overlap inside a part of an image.

    Parameters
    ----------
    part : pair of slice
    side : int
        Largest side of a window.
    pixels : float
        About so many pixels in all windows together; at least one window.
    multiple : int
        Sides are multiples of this.

    Returns
    -------
    list of pair of slice
        Empty if the part is smaller than `multiple`.
    """
    rows, columns = (_runs(axis, side, multiple) for axis in part)
    every = [(row, column) for row in rows for column in columns]
    if not every:
        return []
    area = (rows[0].stop - rows[0].start) * (columns[0].stop - columns[0].start)
    count = max(1, round(min(float(len(every)), pixels / area)))
    chosen = np.unique(np.linspace(0, len(every) - 1, count).round().astype(int))
    return [every[int(index)] for index in chosen]


def _runs(axis: slice, side: int, multiple: int) -> list[slice]:
    """Equal runs of at most `side` pixels that nearly fill an axis."""
    length = axis.stop - axis.start
    count = max(1, -(-length // side))
    each = length // count // multiple * multiple
    if each == 0:
        return []
    return [slice(axis.start + n * each, axis.start + (n + 1) * each) for n in range(count)]
