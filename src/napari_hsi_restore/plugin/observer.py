"""Every pixel's colour as an eye would see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io.packed_views import stored_part, tiles_of
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.row_blocks import row_blocks
from napari_hsi_restore.spectra import covers_visible, srgb_weights

Floats = npt.NDArray[np.float32]

_MANY_BYTES = 20_000_000
_THIN_NM = 15.0
_LEAST_WEIGHT = 1e-4
"""A band that adds less to a channel is not read."""


def seen_by_observer(cube: HyperCube) -> Floats:
    """Compute the colour of every pixel under light of equal energy.

    Parameters
    ----------
    cube : HyperCube
        With wavelengths that cover the visible; values are taken as reflectances. Of one that
        lies in a file and is not small only bands at least 15 nm apart are read [ours].

    Returns
    -------
    float32 ndarray, (y, x, 3)
        Linear sRGB of the physical values, in their range; NaN where no visible band has data.
        A missing value is that of the next shorter band that has one [ours].
    """
    assert cube.wavelengths_nm is not None
    weights = srgb_weights(cube.wavelengths_nm, _few_enough(cube, BandAxis.of(cube).good))
    used = np.flatnonzero(np.abs(weights).max(axis=1) > _LEAST_WEIGHT)
    used = used[np.argsort(cube.wavelengths_nm[used], kind="stable")]
    gain, offset = (np.broadcast_to(value, cube.n_bands) for value in (cube.gain, cube.offset))
    result = np.full((*cube.shape[1:], 3), np.nan, np.float32)
    for place, planes in _planes_of(cube, used):
        total = np.zeros((*result[place].shape[:2], 3), np.float32)
        owed = np.zeros_like(total)
        last = np.full(total.shape[:2], np.nan, np.float32)
        for band, stored in zip(used, planes, strict=True):
            weight = weights[band].astype(np.float32)
            value = stored.astype(np.float32) * np.float32(gain[band]) + np.float32(offset[band])
            last = np.where(cube.valid(stored), value, last)
            known = np.isfinite(last)
            if known.all() and not owed.any():
                total += last[..., None] * weight
                continue
            owed += weight
            total[known] += last[known][:, None] * owed[known]
            owed[known] = 0
        result[place] = np.where(np.isfinite(last)[..., None], total, np.nan)
    return result


def _few_enough(cube: HyperCube, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    # Of a file fewer bands: the observer's curves are smooth.
    small = not cube.is_lazy or cube.data.nbytes < _MANY_BYTES
    if small or cube.wavelengths_nm is None:
        return good
    thin = np.zeros_like(good)
    last = -np.inf
    for band in np.argsort(cube.wavelengths_nm, kind="stable"):
        if good[band] and cube.wavelengths_nm[band] >= last + _THIN_NM:
            thin[band] = True
            last = float(cube.wavelengths_nm[band])
    return thin if covers_visible(cube.wavelengths_nm, thin) else good


def _planes_of(
    cube: HyperCube, bands: npt.NDArray[np.intp]
) -> Iterator[tuple[tuple[slice, slice], Iterator[npt.NDArray[Any]]]]:
    # Rows and columns, and the stored values of each band there; a chunk is decoded once.
    tiles, everything = tiles_of(cube.data), slice(None)
    if tiles is not None:
        for tile in tiles:
            yield tile, (_plane(cube, int(band), tile) for band in bands)
    elif isinstance(cube.data, da.Array):
        for rows in row_blocks(cube, bands.size):
            yield (rows, everything), iter(np.asarray(cube.data[bands, rows]))
    else:
        yield (everything, everything), (np.asarray(cube.data[int(band)]) for band in bands)


def _plane(cube: HyperCube, band: int, tile: tuple[slice, slice]) -> npt.NDArray[Any]:
    plane: npt.NDArray[Any] = stored_part(cube.data, slice(band, band + 1), *tile)[0]
    return plane
