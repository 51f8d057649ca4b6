"""Spectral smoothing, for comparison: it knows nothing of the neighbours of a pixel.

Savitzky and Golay, "Smoothing and differentiation of data by simplified least squares
procedures", Analytical Chemistry 36(8), 1964.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import savgol_filter

from napari_hsi_restore.classical.low_rank import Restoring
from napari_hsi_restore.noise.measured import Float, Measured

_WINDOW, _DEGREE = 7, 2
# Spectra are not smoothed across a gap of so many times the usual distance of bands.
_GAP = 3.0


def smooth(measured: Measured, sigma: Float) -> Restoring:
    """Fit a parabola to seven neighbouring bands, at every band of every pixel.

    Missing values are bridged by straight lines for their neighbours' sake, and stay
    missing. Bands are taken in the order of their wavelengths where these are known.

    Parameters
    ----------
    measured : Measured
    sigma : float64 ndarray, (active,)
        Not used.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (bands, y, x)
    """
    del sigma
    cube = measured.cube
    result = measured.new_result()
    runs = _runs(measured)
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        smoothed = values.copy()
        for run in runs:
            window = min(_WINDOW, len(run) - 1 + len(run) % 2)
            if window > _DEGREE:
                bridged = _bridged(values[run], valid[run])
                smoothed[run] = savgol_filter(bridged, window, _DEGREE, axis=0, mode="interp")
        result[:, rows] = cube.data[:, rows, :]
        part = result[measured.active, rows]
        part[valid] = smoothed[valid]
        result[measured.active, rows] = part
        yield rows.stop / cube.shape[1]
    return result


def _runs(measured: Measured) -> list[npt.NDArray[np.intp]]:
    """Active bands in the order of wavelength, cut at gaps."""
    wavelengths = measured.cube.wavelengths_nm
    if wavelengths is None:
        return [np.arange(len(measured.active))]
    known = wavelengths[measured.active]
    order = np.argsort(known, kind="stable")
    steps = np.diff(known[order])
    if not steps.size:
        return [order]
    cuts = np.flatnonzero(steps > _GAP * max(float(np.median(steps)), 1e-9)) + 1
    return list(np.split(order, cuts))


def _bridged(
    values: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Spectra, (bands, y, x), with missing values on straight lines between valid ones."""
    if valid.all():
        return values
    flat, mask = values.reshape(len(values), -1).copy(), valid.reshape(len(values), -1)
    bands = np.arange(len(values))
    for pixel in np.flatnonzero(~mask.all(axis=0) & mask.any(axis=0)):
        known = mask[:, pixel]
        flat[~known, pixel] = np.interp(bands[~known], bands[known], flat[known, pixel])
    return flat.reshape(values.shape)
