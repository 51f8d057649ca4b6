"""Single values that belong neither to their neighbours nor to the other bands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_hsi_restore.noise.measured import Block, Mask
from napari_hsi_restore.noise.scale import robust_sigma

_LIMIT = 8.0
_TIMES_AROUND, _AROUND = 6.0, 5
_SHARED = 0.25
_ALL = 0.99
_LEAST_VALUES = 400
_SAMPLE = 65536
# A pixel and the ones that touch it.
_NINE = np.ones((3, 3), dtype=np.float32)


def lone_outliers(jump: Block, others: list[Block], valid: Mask, least: float) -> Mask:
    """Pixels of a band that jump out of it alone (ours).

    A value is one when its difference from the median of the nine pixels around exceeds
    `least`, eight times the usual size of such differences and six times their mean in the 11 x
    11 pixels around, other bands have hardly
    any difference there, and no pixel that touches it is one too: the edges and
    highlights of a scene are seen in several bands, and along lines.

    Parameters
    ----------
    jump : float32 ndarray, (y, x)
        `jumps` of the band.
    others : list of float32 ndarray, (y, x)
        `jumps` of bands near to it, scaled to its contrast, infinite where they are not
        measured. Without any, nothing is found.
    valid : bool ndarray, (y, x)
    least : float
        Smaller jumps are none, in the units of the band.

    Returns
    -------
    bool ndarray, (y, x)
    """
    if not others or valid.sum() < _LEAST_VALUES or min(jump.shape) < 3:
        return np.zeros(jump.shape, dtype=bool)
    size = np.abs(jump)
    usual = robust_sigma(_sampled(jump[valid]), resist=True)
    if usual == 0.0:
        # So few levels, such as hardly any photon, that most pixels are the same.
        return np.zeros(jump.shape, dtype=bool)
    far: Mask = valid & (size > max(_LIMIT * usual, least))
    for other in others:
        far &= np.abs(other) < _SHARED * size
    if not far.any():
        return far
    # Bright ground beside quiet water has noise of its own.
    near, alone = 2 * _AROUND + 1, np.where(valid, size, np.float32(0.0))
    shared = (ndimage.uniform_filter(alone, near, mode="reflect") * near**2 - size) / (near**2 - 1)
    far &= size > _TIMES_AROUND * shared
    # Beside a gap the median is of too few pixels.
    far &= ndimage.uniform_filter(valid.astype(np.float32), size=3, mode="nearest") > _ALL
    crowd = ndimage.convolve(far.astype(np.float32), _NINE, mode="constant")
    return np.asarray(far & (crowd < 1.5))


def jumps(band: Block, valid: Mask) -> Block:
    """Difference from the median of the nine pixels around, 0 where not valid, (y, x)."""
    if not valid.any() or min(band.shape) < 3:
        return np.zeros_like(band)
    level = float(np.median(_sampled(band[valid])))
    filled = np.where(valid, band, np.float32(level))
    return np.where(valid, filled - _median_of_nine(filled), np.float32(0.0))


def _median_of_nine(image: Block) -> Block:
    """The median of every pixel and the eight around it, the image mirrored at its rim.

    Columns of three are sorted once for the three windows that they are in: the median of
    all nine is that of the largest of the lowest, the middle of the middle ones and the
    smallest of the highest. Many times as fast as a general rank filter.
    """
    padded = np.pad(image, 1, mode="reflect")
    low, middle, high = _sorted(padded[:-2], padded[1:-1], padded[2:])
    lowest = np.maximum(np.maximum(low[:, :-2], low[:, 1:-1]), low[:, 2:])
    highest = np.minimum(np.minimum(high[:, :-2], high[:, 1:-1]), high[:, 2:])
    _, centre, _ = _sorted(middle[:, :-2], middle[:, 1:-1], middle[:, 2:])
    return _sorted(lowest, centre, highest)[1]


def _sorted(first: Block, second: Block, third: Block) -> tuple[Block, Block, Block]:
    """Three images, sorted pixel by pixel."""
    small, large = np.minimum(first, second), np.maximum(first, second)
    rest = np.minimum(large, third)
    return np.minimum(small, rest), np.maximum(small, rest), np.maximum(large, third)


def _sampled(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return values[:: max(1, values.size // _SAMPLE)]
