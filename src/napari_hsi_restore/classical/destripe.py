"""Removing the stripes of push-broom sensors and nothing else."""

from __future__ import annotations

import numpy as np

from napari_hsi_restore.classical.low_rank import Restoring
from napari_hsi_restore.noise.measured import Float, Measured
from napari_hsi_restore.noise.portion import portion
from napari_hsi_restore.noise.stripes import find_stripes


def destripe(measured: Measured, sigma: Float) -> Restoring:
    """Remove the stripes of a cube.

    Parameters
    ----------
    measured : Measured
    sigma : float64 ndarray, (active,)
        Noise in stored units.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (bands, y, x)
        Values of lines without a stripe stay exactly as they were.
    """
    level = yield from portion(find_stripes(measured, sigma), 0.0, 0.8)
    cube = measured.cube
    result = measured.new_result()
    for rows in measured.row_blocks():
        result[:, rows] = cube.data[:, rows, :]
        part = result[measured.active, rows]
        valid = measured.block(rows)[1]
        shift = level if level.shape[1] == 1 else level[:, rows]
        part[valid] -= np.broadcast_to(shift, valid.shape)[valid]
        result[measured.active, rows] = part
        yield 0.8 + 0.2 * rows.stop / cube.shape[1]
    return result
