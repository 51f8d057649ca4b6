"""Scores of principal components and of minimum noise fractions, as a picture."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.packed_views import packed_views, stored_part, tiles_of
from napari_hsi_restore.noise import estimate_sigma
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.contrast import sample
from napari_hsi_restore.plugin.row_blocks import row_blocks
from napari_hsi_restore.spectra import strongest_components

Floats = npt.NDArray[np.float32]

_FEW_ROWS = 8
_NOISE_SIDE = 128
"""Rows and columns in the middle of a cube in which its noise is measured."""


def component_scores(cube: HyperCube, *, whitened: bool) -> Floats:
    """Compute the three strongest components of every pixel.

    They are found in about 64 x 64 pixels (of a compressed cube in eight rows of 512), then the
    cube is read once.

    Parameters
    ----------
    cube : HyperCube
    whitened : bool
        Whether these are minimum noise fractions rather than principal components; the noise
        is measured in at most 128 x 128 pixels in the middle.

    Returns
    -------
    float32 ndarray, (y, x, 3)
        NaN where a band has no data; 0 for a component that the cube is too small for.

    Raises
    ------
    UserError
        If too few pixels are valid.
    """
    values = _sampled(cube)
    valid = cube.valid(values)
    used = np.flatnonzero(BandAxis.of(cube).good & (valid.mean(axis=(1, 2)) > 0.5))
    if used.size < 3:
        used = np.flatnonzero(valid.any(axis=(1, 2)))
    if used.size == 0:
        raise UserError(f'"{cube.name}" holds no valid value, so there is no picture to make.')
    pixels = values[used][:, valid[used].all(axis=0)].astype(np.float64)
    if pixels.shape[1] < 2:
        raise UserError(
            f'"{cube.name}" has too few pixels that are valid in every band for principal '
            "components; look at single bands instead."
        )
    sigma = _noise(cube, used) if whitened else None
    found = strongest_components(pixels, 3, sigma)
    mean, loadings = found.mean.astype(np.float32), found.loadings.astype(np.float32)
    result = np.full((*cube.shape[1:], 3), np.nan, np.float32)
    tiles = tiles_of(cube.data)
    for tile in tiles or ():
        result[tile] = _scores_of(cube, tile, used, (mean, loadings))
    if tiles is not None:
        return result
    for rows in row_blocks(cube, used.size):
        stored = np.asarray(cube.data[:, rows])[used]
        known = cube.valid(stored).all(axis=0)
        centred = stored[:, known].astype(np.float32) - mean[:, None]
        scores = np.zeros((int(known.sum()), 3), np.float32)
        scores[:, : loadings.shape[1]] = centred.T @ loadings
        result[rows][known] = scores
    return result


def _sampled(cube: HyperCube) -> npt.NDArray[Any]:
    # (bands, rows, columns) of stored values, spread evenly
    if not isinstance(cube.data, da.Array):
        return np.asarray(sample(cube, bands=cube.n_bands, rows=64, columns=64))
    if packed_views(cube.data) is None:
        return np.asarray(sample(cube, bands=cube.n_bands, rows=_FEW_ROWS, columns=512))
    _, height, width = cube.shape
    step = -(-width // 512)
    rows = np.unique(np.linspace(0, height - 1, _FEW_ROWS + 2).astype(int)[1:-1])
    every = slice(None)
    lines = [stored_part(cube.data, every, slice(row, row + 1), every) for row in rows]
    return np.concatenate([line[..., step // 2 :: step] for line in lines], axis=1)


def _scores_of(
    cube: HyperCube,
    tile: tuple[slice, slice],
    used: npt.NDArray[np.intp],
    components: tuple[Floats, Floats],
) -> Floats:
    # (y, x, 3) of rows and columns, band by band: memory holds one plane however chunks lie
    mean, loadings = components
    rows, columns = tile
    scores = np.zeros((rows.stop - rows.start, columns.stop - columns.start, 3), np.float32)
    known = np.ones(scores.shape[:2], dtype=bool)
    for index, band in enumerate(used):
        stored = stored_part(cube.data, slice(band, band + 1), *tile)[0]
        known &= cube.valid(stored)
        centred = stored.astype(np.float32) - mean[index]
        scores[..., : loadings.shape[1]] += centred[..., None] * loadings[index]
    scores[~known] = np.nan
    return scores


def _noise(cube: HyperCube, used: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    # (bands,) in stored units: of neighbouring pixels, for those of a sample lie too far apart
    middle = []
    for size in cube.shape[1:]:
        first = max(0, (size - _NOISE_SIDE) // 2)
        middle.append(slice(first, first + _NOISE_SIDE))
    stored = stored_part(cube.data, slice(None), middle[0], middle[1])[used]
    valid = np.asarray(cube.valid(stored).all(axis=0))
    return estimate_sigma(stored.astype(np.float32), valid)
