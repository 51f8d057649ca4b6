"""Single values that belong neither to their neighbours nor to the other bands."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_hsi_restore.noise.measured import Block, Mask
from napari_hsi_restore.noise.scale import robust_sigma

_LIMIT = 8.0
_SHARED = 0.25
_ALL = 0.99
_LEAST_VALUES = 400
_SAMPLE = 65536
# A pixel and the ones that touch it.
_NINE = np.ones((3, 3), dtype=np.float32)


def lone_outliers(jump: Block, others: list[Block], valid: Mask, least: float) -> Mask:
    """Pixels of a band that jump out of it alone (ours).

    A value is one when its difference from the median of the nine pixels around exceeds
    `least` and eight times the usual size of such differences, other bands have hardly
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
    far: Mask = valid & (size > max(_LIMIT * usual, least))
    # Beside a gap the median is of too few pixels.
    far &= ndimage.uniform_filter(valid.astype(np.float32), size=3, mode="nearest") > _ALL
    for other in others:
        far &= np.abs(other) < _SHARED * size
    if not far.any():
        return far
    crowd = ndimage.convolve(far.astype(np.float32), _NINE, mode="constant")
    return np.asarray(far & (crowd < 1.5))


def jumps(band: Block, valid: Mask) -> Block:
    """Difference from the median of the nine pixels around, 0 where not valid, (y, x)."""
    if not valid.any():
        return np.zeros_like(band)
    level = float(np.median(_sampled(band[valid])))
    filled = np.where(valid, band, np.float32(level))
    return np.where(
        valid, filled - ndimage.median_filter(filled, size=3, mode="mirror"), np.float32(0.0)
    )


def _sampled(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return values[:: max(1, values.size // _SAMPLE)]
