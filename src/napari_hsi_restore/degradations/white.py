"""The level that noise is relative to."""

from __future__ import annotations

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError


def reference_white(cube: HyperCube) -> float:
    """Return the stored value that counts as white: the one stated, else the maximum.

    Parameters
    ----------
    cube : HyperCube

    Returns
    -------
    float
        In the stored units of the cube, above 0. Bands are read one at a time.

    Raises
    ------
    UserError
        If the cube has no valid value above 0 and states no white level above 0.
    """
    if cube.white_level is not None:
        white = float(cube.white_level)
    else:
        white = -np.inf
        for band in cube.data:
            values = np.asarray(band)
            measured = values[cube.valid(values)]
            if measured.size:
                white = max(white, float(measured.max()))
    if not (np.isfinite(white) and white > 0):
        raise UserError(
            f"{cube.source or cube.name}: no value is above zero, so that white is not known; "
            "set the cube's white level."
        )
    return white
