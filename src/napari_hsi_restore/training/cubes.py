"""The cubes of a training run, read once and kept in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError

Cube = npt.NDArray[np.float32]
FORBIDDEN = "test"


def find(root: Path, patterns: Iterable[str]) -> list[Path]:
    """Files of some patterns, sorted; never one from a folder called ``test``.

    Parameters
    ----------
    root : Path
        Data folder.
    patterns : iterable of str
        Globs below it.

    Raises
    ------
    UserError
        If a pattern finds nothing, or a file lies in a folder called ``test``.
    """
    files: list[Path] = []
    for pattern in patterns:
        found = sorted(path for path in root.glob(pattern) if path.suffix != ".hdr")
        if not found:
            raise UserError(f"{root / pattern}: the recipe's pattern finds no cube there.")
        files += found
    for file in files:
        if FORBIDDEN in file.resolve().relative_to(root.resolve()).parts[:-1]:
            raise UserError(
                f"{file}: cubes below a folder called '{FORBIDDEN}' are for measuring; training "
                "and validation never read them. Correct the patterns of the recipe."
            )
    return files


def load(files: Iterable[Path], scales: Iterable[float] = (1.0,)) -> list[Cube]:
    """Read cubes, make white 1, leave out bad bands and border rows without data.

    Parameters
    ----------
    files : iterable of Path
    scales : iterable of float
        Resolutions at which every cube appears in the result.

    Returns
    -------
    list of float32 ndarray, (bands, y, x)
        White is 1.
    """
    from napari_hsi_restore import io

    cubes = []
    for file in files:
        clean = normalised(io.read(file))
        for scale in scales:
            cubes.append(clean if scale == 1.0 else _shrink(clean, scale))
    return cubes


def normalised(cube: HyperCube) -> Cube:
    """The bands of a cube that carry data, with white at 1, as float32 (bands, y, x).

    Missing values take the mean of their band. White is the cube's white level, or
    else the 99.9th percentile of its values.
    """
    stored = cube.array()
    valid = cube.valid(stored)
    useful = valid.mean(axis=(1, 2)) > 0.5
    if cube.good_bands is not None:
        useful &= cube.good_bands
    data = stored[useful].astype(np.float32)
    valid = valid[useful]
    if not valid.all():
        means = (data * valid).sum(axis=(1, 2)) / np.maximum(valid.sum(axis=(1, 2)), 1)
        data = np.where(valid, data, means[:, None, None])
    varied = data.std(axis=(1, 2)) > 0
    data = data[varied]
    white = cube.white_level or float(np.percentile(data, 99.9))
    return np.ascontiguousarray(data / np.float32(white))


def _shrink(cube: Cube, scale: float) -> Cube:
    """Lower the resolution, with a Gaussian against aliasing, (bands, y, x)."""
    blurred = ndimage.gaussian_filter(cube, (0, 0.45 / scale, 0.45 / scale), mode="reflect")
    zoomed: npt.NDArray[Any] = ndimage.zoom(
        blurred, (1, scale, scale), order=1, mode="reflect", grid_mode=True
    )
    return np.ascontiguousarray(zoomed, dtype=np.float32)
