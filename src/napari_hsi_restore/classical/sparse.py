"""Gaussian noise mixed with impulses, dead lines and stripes: low rank plus sparse.

The model is that of L1HyMixDe (Zhuang and Ng, "Hyperspectral mixed noise removal by
l1-norm-based subspace representation", IEEE JSTARS 13, 2020): a cube is a scene in a
spectral subspace, plus Gaussian noise of its own level in every band, plus a sparse part.
There a sum of absolute values finds the sparse part; ours alternates: denoise the
components, look at what is left, count as missing what is too large for Gaussian noise and
as a stripe what a line has in common, and denoise again without them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.classical.fasthyde import EXTRA, fasthyde
from napari_hsi_restore.classical.low_rank import FILTERED_END, Restoring, expand, find_components
from napari_hsi_restore.classical.refined import RESERVOIR, refined
from napari_hsi_restore.classical.subspace import Components
from napari_hsi_restore.noise.measured import Float, Mask, Measured, moments
from napari_hsi_restore.noise.portion import portion
from napari_hsi_restore.noise.stripes import find_stripes

Image = npt.NDArray[np.float32]

_ROUNDS = 3
_OUTLIER = 4.0
_STRIPE = 3.0
_LEAST_VALUES = 4
# Of fewer bands the median is not telling.
_LEAST_BANDS = 8
_MAD_TO_SIGMA = 1.4826
# A residual so much larger than the noise means that the noise was underestimated.
_MISJUDGED = 1.15
_FINAL_SHARE = 0.5
# Of the spread of a band. Beside less noise everything that no subspace holds exactly would pass
# for an outlier, and be filled from what is no better known.
_LEAST_NOISE = 5e-4


def sparse(measured: Measured, sigma: Float) -> Restoring:
    """Remove mixed noise; what is not measured is filled.

    Parameters
    ----------
    measured : Measured
        With dead lines and stuck pixels as outliers.
    sigma : float64 ndarray, (active,)
        Gaussian noise in stored units.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (bands, y, x)
    """
    begin = 0.08
    found = yield from portion(moments(measured), 0.0, 0.02)
    sigma = np.maximum(sigma, _LEAST_NOISE * np.sqrt(np.diag(found.covariance)))
    stripes = yield from portion(find_stripes(measured, sigma), 0.02, begin)
    # Outliers change from round to round, and the moments with them.
    whole = dataclasses.replace(measured.whole, moments=None)
    clean = dataclasses.replace(measured, stripes=stripes, whole=whole)
    guide: Components | None = None
    each = (1.0 - _FINAL_SHARE - begin) / _ROUNDS
    for number in range(_ROUNDS):
        start = begin + number * each
        clean, sigma, guide = yield from portion(
            _refined(clean, measured.outliers, sigma, guide), start, start + each
        )
    final = yield from portion(
        find_components(clean, sigma, refined, RESERVOIR, guide), 1.0 - _FINAL_SHARE, FILTERED_END
    )
    return (yield from portion(expand(clean, final, "all"), FILTERED_END, 1.0))


def _refined(
    measured: Measured, defects: Mask | None, sigma: Float, guide: Components | None
) -> Generator[float, None, tuple[Measured, Float, Components]]:
    """Better outliers and shifts, better levels of the noise, and the estimate so far."""
    clean = yield from portion(find_components(measured, sigma, fasthyde, EXTRA, guide), 0.0, 0.9)
    everything = dataclasses.replace(measured, outliers=defects)
    left, valid = yield from portion(_left(everything, clean), 0.9, 1.0)
    stripes = measured.stripes
    if stripes is not None:
        axis = 1 if stripes.shift.shape[1] == 1 else 2
        more = _line_shifts(left, valid, sigma, axis)
        left -= more
        stored = more if stripes.gain is None else more * stripes.gain
        stripes = dataclasses.replace(stripes, shift=stripes.shift + stored)
    size: Image = np.divide(np.abs(left), sigma[:, None, None], dtype=np.float32)
    kept = valid & (size < _OUTLIER * _misfit(size, valid))
    level = np.array(
        [
            _MAD_TO_SIGMA * float(np.median(band[mask])) if mask.any() else 1.0
            for band, mask in zip(size, kept, strict=True)
        ]
    )
    sigma = sigma * np.where(level > _MISJUDGED, level, 1.0)
    return dataclasses.replace(measured, outliers=~kept, stripes=stripes), sigma, clean


def _misfit(size: Image, valid: Mask) -> Image:
    """By how much more than noise the pixels differ from their estimate, (y, x), at least 1.

    Impulses are in some of the bands of a pixel. What most of its bands have is a rare
    material that the subspace does not know, and no noise (ours).
    """
    usual = np.ones(size.shape[1:], np.float32)
    if len(size) < _LEAST_BANDS:
        return usual
    for row in range(size.shape[1]):
        measured = np.where(valid[:, row], size[:, row], np.float32(np.nan))
        some = valid[:, row].any(axis=0)
        usual[row, some] = np.nanmedian(measured[:, some], axis=0)
    found: Image = np.maximum(np.float32(_MAD_TO_SIGMA) * usual, np.float32(1.0))
    return found


def _left(measured: Measured, components: Components) -> Generator[float, None, tuple[Image, Mask]]:
    """What the components leave of the cube, and where it was measured, (active, y, x)."""
    shape = (len(measured.active), *measured.cube.shape[1:])
    left, everywhere = np.empty(shape, np.float32), np.empty(shape, dtype=bool)
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        left[:, rows] = values - components.spectra(rows, values, valid)
        everywhere[:, rows] = valid
        yield rows.stop / shape[1]
    return left, everywhere


def _line_shifts(left: Image, valid: Mask, sigma: Float, axis: int) -> Image:
    """What lines have in common, where it stands out, (active, 1, x) or (active, y, 1)."""
    limit = _OUTLIER * sigma[:, None, None].astype(np.float32)
    kept = valid & (np.abs(left) < limit)
    count = kept.sum(axis=axis, keepdims=True)
    mean = np.where(kept, left, 0).sum(axis=axis, keepdims=True) / np.maximum(count, 1)
    noise = sigma[:, None, None] / np.sqrt(np.maximum(count, 1))
    usable = (count >= _LEAST_VALUES) & (np.abs(mean) > _STRIPE * noise)
    return np.where(usable, mean, 0.0).astype(np.float32)
