"""The pictures of a patch before and while a network learns, all in the same colours."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin.composites import (
    COMPOSITES,
    allows,
    channel_bands,
)
from napari_hsi_restore.plugin.stretch import STRETCH_PERCENTILES

TITLES = {
    "noisy": "noisy",
    "before": "before: start model",
    "now": "now",
    "reference": "clean",
}
"""Names of the pictures for a person, in the order in which they are shown."""


@dataclasses.dataclass(frozen=True, eq=False)
class PatchPictures:
    """A patch in colours.

    Attributes
    ----------
    pictures : dict of str to uint8 ndarray, (y, x, 3)
        By the names of `TITLES`; ``reference`` only where there is one.
    colours : str
        What red, green and blue are.
    """

    pictures: dict[str, npt.NDArray[np.uint8]]
    colours: str


def patch_pictures(path: str | Path) -> PatchPictures:
    """Read the file of a `Snapshot` and make its pictures.

    One stretch, from the percentiles of ``before``, serves all of them, so that they can
    be compared by eye.

    Parameters
    ----------
    path : path
        ``.npz`` with arrays (bands, y, x).

    Raises
    ------
    UserError
        If the file is gone, or is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            cubes = {name: np.asarray(arrays[name]) for name in TITLES if name in arrays}
            wavelengths = np.asarray(arrays["wavelengths_nm"], dtype=np.float64)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: the preview cannot be read; the next one comes soon.") from error
    first = HyperCube(
        cubes["noisy"], "preview", wavelengths_nm=wavelengths if wavelengths.size else None
    )
    bands, colours = _channels(first)
    channels = {
        name: np.stack([values[chosen].mean(axis=0) for chosen in bands], axis=-1)
        for name, values in cubes.items()
    }
    basis = channels["before"]
    low, high = np.nanpercentile(basis.reshape(-1, 3), STRETCH_PERCENTILES, axis=0)
    span = np.where(high > low, high - low, 1.0)
    pictures = {
        name: np.nan_to_num(np.clip((values - low) / span, 0, 1) * 255).astype(np.uint8)
        for name, values in channels.items()
    }
    return PatchPictures(pictures, colours)


def _channels(cube: HyperCube) -> tuple[list[npt.NDArray[np.intp]], str]:
    for kind in COMPOSITES[:2]:
        if allows(cube, kind):
            return channel_bands(cube, kind), kind.title.lower()
    spread = np.linspace(0, cube.n_bands - 1, 5).round().astype(np.intp)[[3, 2, 1]]
    return [np.array([band]) for band in spread], "bands " + ", ".join(map(str, spread))
