"""Removing the stripes of push-broom sensors and nothing else."""

from __future__ import annotations

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
        Values of lines without a stripe stay exactly as they were; of the others the shift
        is subtracted, and they are divided by their gain where that stands out.
    """
    stripes = yield from portion(find_stripes(measured, sigma), 0.0, 0.8)
    cube = measured.cube
    result = measured.new_result()
    for rows in measured.row_blocks():
        result[:, rows] = cube.data[:, rows, :]
        part = result[measured.active, rows]
        valid = measured.block(rows)[1]
        part[valid] = stripes.taken_off(part, rows)[valid]
        result[measured.active, rows] = part
        yield 0.8 + 0.2 * rows.stop / cube.shape[1]
    return result
