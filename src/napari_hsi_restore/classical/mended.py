"""Stripes taken off and what is missing filled, then the noise removed.

For cubes in which few bands have stripes, dead lines or stuck pixels: what those leave is a
scene with Gaussian or shot noise, and its usual method is run once (ours). `sparse` looks for
outliers in several rounds, which takes longer and is needed only where single pixels jump out.
"""

from __future__ import annotations

import dataclasses

from napari_hsi_restore.classical.inpaint import inpaint
from napari_hsi_restore.classical.low_rank import Restoring
from napari_hsi_restore.classical.photon import through_stabilised
from napari_hsi_restore.noise.measured import Float, Measured
from napari_hsi_restore.noise.portion import portion
from napari_hsi_restore.noise.shot import shot_of
from napari_hsi_restore.noise.stripes import find_stripes

_BEGIN = 0.1


def mended(measured: Measured, sigma: Float) -> Restoring:
    """Take stripes off, fill what is missing, and remove the noise.

    Parameters
    ----------
    measured : Measured
        With dead lines and stuck pixels as outliers.
    sigma : float64 ndarray, (active,)
        Noise in stored units, where it grows with the signal that at the mean signal.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (bands, y, x)
    """
    stripes = yield from portion(find_stripes(measured, sigma), 0.0, _BEGIN)
    even = dataclasses.replace(measured, stripes=stripes)
    shot = shot_of(even)
    if shot is not None and shot.share:
        steps = through_stabilised(even, sigma, _filled, fills=True)
    else:
        steps = _filled(even, sigma)
    return (yield from portion(steps, _BEGIN, 1.0))


def _filled(measured: Measured, sigma: Float) -> Restoring:
    return inpaint(measured, sigma, written="all")
