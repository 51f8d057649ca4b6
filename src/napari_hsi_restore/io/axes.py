"""Which axis holds the bands, and how a (band, pixel) matrix becomes an image.

Every guess comes with a sentence for the history; where no guess is good enough,
a `UserError` names the option that settles it.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

from napari_hsi_restore.cube import CubeData
from napari_hsi_restore.io.request import PixelOrder, Request

# The odd axis must stand out this much more than the next one, as a ratio of
# logarithms of lengths; below it a cube such as (300, 200, 120) stays undecided.
_CLEARLY_ODD = 1.5
# A matrix longer than this is hardly a picture.
_LONGEST_PICTURE = 10.0
_LAST = 2


def to_cube(
    array: CubeData,
    request: Request,
    *,
    convention: Literal["last"] | None,
    n_wavelengths: int | None = None,
    counts: tuple[int, int] | None = None,
    pixel_order: PixelOrder,
) -> tuple[CubeData, tuple[str, ...]]:
    """Bring a stored array into the order (bands, y, x) without copying it.

    Parameters
    ----------
    array : array of 2, 3 or more axes
        With more than three axes, those of length 1 are dropped.
    request : Request
        `bands_axis`, `shape` and `pixel_order` overrule everything else.
    convention : ``"last"`` or None
        Where this kind of file usually has its bands.
    n_wavelengths : int or None
        Number of wavelengths that came with the array.
    counts : tuple of int or None
        (rows, columns) that the file states for a (band, pixel) matrix.
    pixel_order : str
        Order of the pixels of a matrix that is usual for this kind of file.

    Returns
    -------
    cube : array, (bands, y, x)
    notes : tuple of str
        What was guessed.

    Raises
    ------
    UserError
        If the shape leaves the band axis open.
    """
    shape = tuple(int(n) for n in array.shape)
    notes: tuple[str, ...] = ()
    if 0 in shape:
        request.fail(f"the array {shape} is empty; save the cube again.")
    if len(shape) > 3:
        bands = None if request.bands_axis is None else checked_axis(request, len(shape))
        kept = tuple(axis for axis, n in enumerate(shape) if n != 1 or axis == bands)
        array = array.reshape(tuple(shape[axis] for axis in kept))
        if array.ndim == 3 and bands is None:
            notes = (f"Dropped the axes of length 1 of {shape}.",)
        if bands is not None:
            request = dataclasses.replace(request, bands_axis=kept.index(bands))
        shape = tuple(int(n) for n in array.shape)
    if len(shape) == 2:
        cube, more = _matrix(array, request, n_wavelengths, counts, pixel_order)
        return cube, notes + more
    if len(shape) != 3:
        request.fail(
            f"the array has the shape {shape}, a cube has three axes; save one cube by itself, or "
            f"choose another data set ({request.path.name}::KEY) if there are several."
        )
    if request.shape is not None or request.pixel_order is not None:
        request.fail(
            "shape and pixel_order are for (band, pixel) matrices, this array has three axes "
            f"{shape}; leave them out."
        )
    if request.bands_axis is not None:
        return bands_first(array, checked_axis(request, 3)), notes
    axis, note = _find(shape, request, convention, request.n_wavelengths or n_wavelengths)
    return bands_first(array, axis), (*notes, note)


def bands_first(array: CubeData, axis: int) -> CubeData:
    """The array with one axis moved to the front, as a view."""
    return array.transpose((axis, *(i for i in range(array.ndim) if i != axis)))


def checked_axis(request: Request, ndim: int) -> int:
    """The user's band axis, counted from 0.

    Raises
    ------
    UserError
        If the array has no such axis.
    """
    axis = request.bands_axis
    assert axis is not None
    if not -ndim <= axis < ndim:
        request.fail(f"bands_axis {axis} does not exist; the array has axes 0 to {ndim - 1}.")
    return axis % ndim


def _find(
    shape: tuple[int, ...],
    request: Request,
    convention: str | None,
    n_wavelengths: int | None,
) -> tuple[int, str]:
    if n_wavelengths is not None:
        fitting = [axis for axis, n in enumerate(shape) if n == n_wavelengths]
        if len(fitting) == 1:
            return fitting[0], (
                f"Took axis {fitting[0]} of {shape} as bands: it is as long as the list of "
                f"{n_wavelengths} wavelengths."
            )
        if not fitting and request.n_wavelengths is not None:
            request.fail(
                f"{n_wavelengths} wavelengths were given, but no axis of {shape} is that long; "
                "give one for each band."
            )
    if 1 in shape and shape.count(1) == 1:
        axis = shape.index(1)
        return axis, f"Took axis {axis} of {shape} as bands: a single band."
    odd, others_equal = _odd_one_out(shape)
    if others_equal and odd != 1:
        others = [n for axis, n in enumerate(shape) if axis != odd]
        return odd, f"Took axis {odd} of {shape} as bands: the other two are both {others[0]}."
    if not others_equal:
        short = clearly_short(shape)
        if convention == "last" and len(set(shape)) == 3 and short in (None, _LAST):
            return _LAST, f"Took axis 2 of {shape} as bands: the last axis, as is usual here."
        if convention is None and short is not None and short != 1:
            return short, f"Took axis {short} of {shape} as bands: it is clearly the shortest."
    request.ask(
        "bands_axis",
        f"which axis of {shape} holds the bands is not clear; say it with bands_axis "
        "(--bands-axis) 0, 1 or 2, or give the wavelengths.",
    )


def clearly_short(shape: tuple[int, ...]) -> int | None:
    """The axis of three that is much shorter than two that are like each other, or None.

    The longest axis is never taken for the bands: scenes such as (512, 217, 204) have it
    along the flight.
    """
    low, middle, high = (math.log(n) for n in sorted(shape))
    if middle - low <= _CLEARLY_ODD * (high - middle):
        return None
    return shape.index(min(shape))


def _odd_one_out(shape: tuple[int, ...]) -> tuple[int, bool]:
    """The axis least like the others, and whether the others are equal to each other."""
    logs = [math.log(n) for n in shape]
    distance = [
        min(abs(logs[axis] - other) for i, other in enumerate(logs) if i != axis)
        for axis in range(3)
    ]
    odd = max(range(3), key=lambda axis: distance[axis])
    rest = [n for axis, n in enumerate(shape) if axis != odd]
    return odd, rest[0] == rest[1] and distance[odd] > 0


def _matrix(
    array: CubeData,
    request: Request,
    n_wavelengths: int | None,
    counts: tuple[int, int] | None,
    pixel_order: PixelOrder,
) -> tuple[CubeData, tuple[str, ...]]:
    shape = (int(array.shape[0]), int(array.shape[1]))
    rows_columns = request.shape or counts
    order = request.pixel_order or pixel_order
    if rows_columns is None:
        return _picture(array, shape, request, n_wavelengths)
    rows, columns = rows_columns
    if rows < 1 or columns < 1:
        request.fail(f"shape {rows_columns} is not a number of rows and columns; give both.")
    if shape == (rows, columns) and request.bands_axis is None:
        return array[None], (f"Took the two-dimensional array {shape} as one band.",)
    fitting = [axis for axis in (0, 1) if shape[axis] == rows * columns]
    if request.bands_axis is not None:
        fitting = [axis for axis in fitting if axis != checked_axis(request, 2)]
    if len(fitting) != 1:
        found = "both axes are" if fitting else "no axis is"
        request.ask(
            "shape",
            f"{found} as long as {rows} x {columns} pixels in the array {shape}; "
            "say shape=(rows, columns) and bands_axis.",
        )
    pixels_last = array if fitting[0] == 1 else array.T
    bands = shape[1 - fitting[0]]
    if order == "column-major":
        cube = pixels_last.reshape((bands, columns, rows)).transpose(0, 2, 1)
    else:
        cube = pixels_last.reshape((bands, rows, columns))
    said = "as asked" if request.shape else "by the counts in the file"
    note = (
        f"Took the array {shape} as {bands} bands of {rows} rows and {columns} columns {said}, "
        f"pixels {order}."
    )
    return cube, (note,)


def _picture(
    array: CubeData, shape: tuple[int, int], request: Request, n_wavelengths: int | None
) -> tuple[CubeData, tuple[str, ...]]:
    known = request.n_wavelengths or n_wavelengths
    longish = max(shape) > _LONGEST_PICTURE * max(1, min(shape))
    if request.bands_axis is not None or longish or (known or 0) > 1:
        request.ask(
            "shape",
            f"the array {shape} has two axes and looks like bands and pixels; say "
            "shape=(rows, columns) (--shape), also to take it as a picture of one band.",
        )
    note = (
        f"Took the two-dimensional array {shape} as one band; if it holds bands and pixels, say "
        "shape=(rows, columns)."
    )
    return array[None], (note,)
