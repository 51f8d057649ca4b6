"""Denoising in the spectral subspace: reading, filtering, writing."""

from __future__ import annotations

from collections.abc import Callable, Generator

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.classical.collaborative import Filtering
from napari_hsi_restore.classical.measured import Float, Measured, moments
from napari_hsi_restore.classical.portion import portion
from napari_hsi_restore.classical.subspace import Subspace, find_subspace, reduce

Image = npt.NDArray[np.float32]
Filter = Callable[[Image, int], Filtering]
Restoring = Generator[float, None, Image]
"""Yields the fraction done and returns the restored cube, float32 (bands, y, x)."""

_MOMENTS_END, _REDUCED_END, _FILTERED_END = 0.04, 0.08, 0.96


def denoise_components(
    measured: Measured, sigma: Float, filtering: Filter, reservoir: int
) -> Restoring:
    """Denoise a cube through its components.

    Parameters
    ----------
    measured : Measured
    sigma : float64 ndarray, (active,)
        Noise in stored units.
    filtering : callable
        ``filtering(components, strong)`` denoises components, (components, y, x), whose
        noise is 1.
    reservoir : int
        Components beyond those that stand out of the noise.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (bands, y, x)
        What is not measured stays as it was.
    """
    found = yield from portion(moments(measured), 0.0, _MOMENTS_END)
    subspace = find_subspace(found, sigma, reservoir)
    noisy = yield from portion(reduce(measured, subspace), _MOMENTS_END, _REDUCED_END)
    clean = yield from portion(filtering(noisy, subspace.strong), _REDUCED_END, _FILTERED_END)
    return (yield from portion(expand(measured, subspace, clean), _FILTERED_END, 1.0))


def expand(measured: Measured, subspace: Subspace, components: Image) -> Restoring:
    """The cube of some components; what is not measured stays as it was.

    Parameters
    ----------
    components : float32 ndarray, (components, y, x)
    """
    cube = measured.cube
    result = np.empty(cube.shape, np.float32)
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        flat = components[:, rows].reshape(len(components), -1)
        known = np.where(valid, values, subspace.mean.astype(np.float32)[:, None, None])
        spectra = subspace.spectra(flat, known.reshape(len(values), -1))
        result[:, rows] = cube.data[:, rows, :]
        part = result[measured.active, rows]
        part[valid] = spectra.reshape(values.shape)[valid]
        result[measured.active, rows] = part
        yield rows.stop / cube.shape[1]
    return result
