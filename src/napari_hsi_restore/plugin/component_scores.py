"""Scores of principal components and of minimum noise fractions, as a picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.noise import estimate_sigma
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.contrast import sample
from napari_hsi_restore.plugin.row_blocks import row_blocks
from napari_hsi_restore.spectra import strongest_components

Floats = npt.NDArray[np.float32]

_NOISE_SIDE = 128
"""Rows and columns in the middle of a cube in which its noise is measured."""


def component_scores(cube: HyperCube, *, whitened: bool) -> Floats:
    """Compute the three strongest components of every pixel.

    They are found in at most 64 x 64 pixels, then the cube is read once in blocks of rows.

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
    values = sample(cube, bands=cube.n_bands, rows=64, columns=64)
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
    for rows in row_blocks(cube, used.size):
        stored = np.asarray(cube.data[:, rows])[used]
        known = cube.valid(stored).all(axis=0)
        centred = stored[:, known].astype(np.float32) - mean[:, None]
        scores = np.zeros((int(known.sum()), 3), np.float32)
        scores[:, : loadings.shape[1]] = centred.T @ loadings
        result[rows][known] = scores
    return result


def _noise(cube: HyperCube, used: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    # (bands,) in stored units: of neighbouring pixels, for those of a sample lie too far apart
    middle = []
    for size in cube.shape[1:]:
        first = max(0, (size - _NOISE_SIDE) // 2)
        middle.append(slice(first, first + _NOISE_SIDE))
    stored = np.asarray(cube.data[:, middle[0], middle[1]])[used]
    valid = np.asarray(cube.valid(stored).all(axis=0))
    return estimate_sigma(stored.astype(np.float32), valid)
