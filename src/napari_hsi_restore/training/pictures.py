"""Photographs that come with scikit-image, for textures that the cubes do not have."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.training.cubes import Cube

NAMES = (
    "astronaut",
    "brick",
    "camera",
    "cat",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "immunohistochemistry",
    "page",
    "retina",
    "rocket",
    "stereo_motorcycle",
    "text",
)
"""Functions of `skimage.data` whose pictures lie in its package."""

_SHRUNK = 0.75
"""Takes away most of what compression and the colour mosaic of a camera left."""

GAMMA = 2.2
"""Light is taken to be proportional to this power of the values of a picture."""


def load(names: Iterable[str]) -> list[Cube]:
    """Photographs as cubes of one or three bands, proportional to light.

    Parameters
    ----------
    names : iterable of str
        Out of `NAMES`.

    Returns
    -------
    list of float32 ndarray, (bands, y, x)
        White is 1.

    Raises
    ------
    UserError
        For another name.
    """
    return [_picture(name) for name in names]


def _picture(name: str) -> Cube:
    import skimage.data

    if name not in NAMES:
        raise UserError(
            f"setting 'pictures' of the recipe: '{name}' is none of {', '.join(NAMES)}."
        )
    found = getattr(skimage.data, name)()
    picture = np.atleast_3d(found[0] if isinstance(found, tuple) else found)
    return np.asarray(resize_bicubic(light_of(picture), scale=_SHRUNK), dtype=np.float32)


def light_of(picture: npt.NDArray[np.uint8]) -> Cube:
    """The values of a picture, (y, x, bands), as light, float32 (bands, y, x), white at 1."""
    values = np.moveaxis(picture, -1, 0).astype(np.float32) / 255
    return np.ascontiguousarray(np.power(values, GAMMA), dtype=np.float32)
