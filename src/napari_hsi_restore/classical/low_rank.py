"""Denoising in the spectral subspace: reading, filtering, writing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_hsi_restore.classical.collaborative import Filtering
from napari_hsi_restore.classical.subspace import Components, find_subspace, reduce
from napari_hsi_restore.noise.measured import Float, Measured, moments
from napari_hsi_restore.noise.portion import portion

Image = npt.NDArray[np.float32]
Written = Literal["measured", "missing", "all"]
Filter = Callable[[Image, int], Filtering]
Restoring = Generator[float, None, Image]
"""Yields the fraction done and returns the restored cube, float32 (bands, y, x)."""

_MOMENTS_END, _REDUCED_END, FILTERED_END = 0.04, 0.08, 0.96


def find_components(
    measured: Measured,
    sigma: Float,
    filtering: Filter,
    reservoir: int,
    guide: Components | None = None,
) -> Generator[float, None, Components]:
    """Denoise the components of a cube.

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
    guide : Components, optional
        An earlier estimate, which missing values are taken from.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    Components
    """
    found = yield from portion(moments(measured), 0.0, _MOMENTS_END)
    subspace = find_subspace(found, sigma, reservoir)
    noisy = yield from portion(reduce(measured, subspace, guide), _MOMENTS_END, _REDUCED_END)
    clean = yield from portion(filtering(noisy, subspace.strong), _REDUCED_END, 1.0)
    return Components(subspace, clean)


def denoise_components(
    measured: Measured, sigma: Float, filtering: Filter, reservoir: int
) -> Restoring:
    """Denoise a cube through its components; what is not measured stays as it was.

    Parameters are those of `find_components`; yields the fraction done and returns the
    cube, float32 (bands, y, x).
    """
    clean = yield from portion(
        find_components(measured, sigma, filtering, reservoir), 0.0, FILTERED_END
    )
    return (yield from portion(expand(measured, clean, "measured"), FILTERED_END, 1.0))


def expand(measured: Measured, components: Components, written: Written) -> Restoring:
    """The cube of some components.

    Parameters
    ----------
    measured : Measured
    components : Components
    written : str
        Which values of the active bands are replaced: the ``"measured"`` ones, so that
        what is missing stays missing; only the ``"missing"`` ones; or ``"all"``. Gaps in
        all bands that reach the border of the image stay gaps, unless they were hidden by
        the user: they are not within the scene (ours). What is filled goes no further beyond
        the measured values of its band than these go apart (ours): of few, noisy bands a
        spectrum may follow badly.

    Yields
    ------
    float
        Fraction done, after every block of rows.

    Returns
    -------
    float32 ndarray, (bands, y, x)
    """
    cube = measured.cube
    result = measured.new_result()
    outside = find_outside(measured)
    low, high = _bounds(measured) if written != "measured" else (None, None)
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        spectra = components.spectra(rows, values, valid)
        if low is not None and not valid.all():
            spectra = np.where(valid, spectra, np.clip(spectra, low, high))
        result[:, rows] = cube.data[:, rows, :]
        part = result[measured.active, rows]
        if written == "measured":
            chosen = valid
        elif written == "missing":
            chosen = ~valid & ~outside[rows]
        else:
            chosen = valid | ~outside[rows]
        part[chosen] = spectra[chosen]
        result[measured.active, rows] = part
        yield rows.stop / cube.shape[1]
    return result


def _bounds(measured: Measured) -> tuple[Image, Image]:
    """How far filled values of every active band may go, (active, 1, 1) each."""
    low = np.full((len(measured.active), 1, 1), np.inf, np.float32)
    high = -low
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        low = np.minimum(
            low, np.min(values, axis=(1, 2), keepdims=True, where=valid, initial=np.inf)
        )
        high = np.maximum(
            high, np.max(values, axis=(1, 2), keepdims=True, where=valid, initial=-np.inf)
        )
    known = high >= low
    apart = np.where(known, high - low, np.float32(np.inf))
    return np.where(known, low, 0) - apart, np.where(known, high, 0) + apart


def find_outside(measured: Measured) -> npt.NDArray[np.bool_]:
    """Gaps in all active bands that reach the border, (y, x), without those hidden."""
    if measured.whole.outside is not None:
        return measured.whole.outside
    _, height, width = measured.cube.shape
    empty = np.empty((height, width), dtype=bool)
    for rows in measured.row_blocks():
        empty[rows] = ~measured.block(rows)[1].any(axis=0)
    labels, _ = ndimage.label(empty)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    outside = empty & np.isin(labels, border)
    if measured.hidden is not None:
        outside &= ~measured.hidden
    return np.asarray(outside)
