"""The growth of the noise with the signal, of all bands that can be restored."""

from __future__ import annotations

import dataclasses

import numpy as np

from napari_hsi_restore.noise.measured import Float, Mask, Measured
from napari_hsi_restore.noise.signal_dependence import SignalDependence, signal_dependence

_SAMPLE_VALUES = 20_000_000
_MOSTLY = 0.9


def shot_of(measured: Measured) -> SignalDependence | None:
    """Fit the growth of the noise with the signal.

    The middle rows of a large cube are measured, and of the bands those that are mostly
    there.

    Returns
    -------
    SignalDependence or None
        Of the active bands, NaN in those that were not fitted. Those of the whole image
        where they are known. None where it cannot be told.
    """
    if measured.whole.shot is not None:
        return measured.whole.shot
    _, height, width = measured.cube.shape
    count = min(height, max(8, _SAMPLE_VALUES // (len(measured.active) * width)))
    start = (height - count) // 2
    values, valid = measured.block(slice(start, start + count))
    good = np.flatnonzero(valid.mean(axis=(1, 2)) > _MOSTLY)
    if not good.size:
        return None
    inside: Mask = np.all(valid[good], axis=0)
    found = signal_dependence(values[good], inside)
    if found is None:
        return None

    def of_all(fitted: Float) -> Float:
        spread = np.full(len(measured.active), np.nan)
        spread[good] = fitted
        return spread

    return dataclasses.replace(
        found,
        read=of_all(found.read),
        gain=of_all(found.gain),
        at_mean=of_all(found.at_mean),
        at_most=of_all(found.at_most),
    )
