"""Separable resampling with a kernel that widens when the image shrinks.

The sampling grid is that of MATLAB's `imresize`: outer corners stay where they
are, so output pixel i (from 0) looks at input position ``(i + 0.5) / scale - 0.5``.
Borders are mirrored (``... 1 0 | 0 1 ...``).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse

from napari_hsi_restore.degradations.gaussian import Floats

Values = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Offsets = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Kernel:
    """An even function that weighs input pixels by their distance.

    Attributes
    ----------
    weight : callable
        From distances in input pixels to weights (any constant factor: the
        weights of an output pixel are normalised to sum to 1).
    width : float
        Length of the interval around 0 outside which the weight is 0.
    """

    weight: Callable[[Offsets], Offsets]
    width: float


def cubic(distance: Offsets) -> Offsets:
    """Weigh with Keys' cubic kernel of a = -0.5, zero beyond a distance of 2.

    Keys, "Cubic convolution interpolation for digital image processing", IEEE
    Trans. ASSP 29(6), 1981.
    """
    x = np.abs(distance)
    near = 1.5 * x**3 - 2.5 * x**2 + 1.0
    far = -0.5 * x**3 + 2.5 * x**2 - 4.0 * x + 2.0
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def antialiased_cubic(scale: float) -> Kernel:
    """Return the cubic kernel, widened by 1/`scale` when the image shrinks (`scale` < 1)."""
    squeeze = min(scale, 1.0)
    return Kernel(lambda distance: cubic(distance * squeeze), 4.0 / squeeze)


def resampling_matrix(length: int, new_length: int, scale: float, kernel: Kernel) -> Any:
    """Return the sparse (new_length, length) matrix of one axis; its rows sum to 1."""
    centre = (np.arange(new_length) + 0.5) / scale - 0.5
    taps = math.ceil(kernel.width) + 2
    first = np.floor(centre - kernel.width / 2).astype(np.intp)
    columns = first[:, None] + np.arange(taps)[None, :]
    weights = kernel.weight(centre[:, None] - columns)
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = columns % (2 * length)
    mirrored = np.where(mirrored < length, mirrored, 2 * length - 1 - mirrored)
    rows = np.repeat(np.arange(new_length), taps)
    entries = (weights.ravel(), (rows, mirrored.ravel()))
    matrix = scipy.sparse.csr_array(entries, shape=(new_length, length))
    matrix.eliminate_zeros()
    return matrix


def resample(
    array: Values, down_y: Any, down_x: Any, valid: Mask | None = None
) -> tuple[Floats, Mask | None]:
    """Apply one resampling matrix to the rows and one to the columns of every band.

    Parameters
    ----------
    array : ndarray, (bands, y, x)
    down_y, down_x : sparse matrix, (new y, y) and (new x, x)
        From `resampling_matrix`.
    valid : bool ndarray, (bands, y, x), optional
        Values that count. The weights of the others are given to their valid
        neighbours.

    Returns
    -------
    resampled : ndarray, (bands, new y, new x)
        float64 for float64 input, else float32; 0 where not valid.
    still_valid : bool ndarray of the same shape, or None
        False where less than half of the weight lay on valid values; None if
        `valid` was None.
    """
    shape = (array.shape[0], down_y.shape[0], down_x.shape[0])
    resampled = np.empty(shape, dtype=np.float64 if array.dtype == np.float64 else np.float32)
    still_valid = None if valid is None else np.empty(shape, dtype=bool)
    for index in range(shape[0]):
        band = np.asarray(array[index], dtype=np.float64)
        if valid is None or still_valid is None or valid[index].all():
            resampled[index] = _both_axes(band, down_y, down_x)
            if still_valid is not None:
                still_valid[index] = True
            continue
        weight = _both_axes(valid[index].astype(np.float64), down_y, down_x)
        values = _both_axes(np.where(valid[index], band, 0.0), down_y, down_x)
        still_valid[index] = weight >= 0.5
        resampled[index] = np.divide(
            values, weight, out=np.zeros_like(values), where=still_valid[index]
        )
    return resampled, still_valid


def _both_axes(band: Floats, down_y: Any, down_x: Any) -> Floats:
    return np.asarray((down_x @ (down_y @ band).T).T)


def resize_bicubic(
    array: Values,
    *,
    scale: float | None = None,
    size: tuple[int, int] | None = None,
) -> Floats:
    """Enlarge or shrink every band by bicubic resampling, antialiased when shrinking.

    The same as MATLAB's ``imresize(A, scale, 'bicubic')`` or
    ``imresize(A, [rows columns], 'bicubic')`` on floating arrays.

    Parameters
    ----------
    array : ndarray, (bands, y, x)
        Any unit; every value counts (see `downscale` for cubes with no-data).
    scale : float, optional
        Above 0; the new lengths are ``ceil(scale * length)``.
    size : tuple of int, optional
        New (y, x) instead of `scale`.

    Returns
    -------
    ndarray, (bands, new y, new x), not clipped
        float64 for float64 input, else float32.

    Raises
    ------
    ValueError
        If not exactly one of `scale` and `size` is given, or it is not above 0.
    """
    lengths = array.shape[1:]
    if (scale is None) == (size is None):
        raise ValueError("give either a scale or a size")
    if scale is not None:
        scales = (float(scale), float(scale))
        size = (scaled_length(lengths[0], scale), scaled_length(lengths[1], scale))
    else:
        assert size is not None
        scales = (size[0] / lengths[0], size[1] / lengths[1])
    if min(size) < 1:
        raise ValueError("the new size must be at least one pixel")
    matrices = [
        resampling_matrix(length, new, factor, antialiased_cubic(factor))
        for length, new, factor in zip(lengths, size, scales, strict=True)
    ]
    return resample(array, matrices[0], matrices[1])[0]


def scaled_length(length: int, scale: float) -> int:
    """Return ``ceil(scale * length)``, safe against rounding such as 1/3 * 300 > 100."""
    return math.ceil(round(length * scale, 9))
