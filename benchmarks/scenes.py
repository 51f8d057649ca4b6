"""The scenes that results are measured on, with white at 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io import read
from napari_hsi_restore.training.cubes import normalised

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"

# abu-beach-2 and the tissue are truly noisy: they have no reference.
NOISY = ("abu-beach-2", "bladder_left")


def scenes(
    group: str, split: str = "test", data: Path = DATA, leave_out: tuple[str, ...] = NOISY
) -> list[HyperCube]:
    """Clean scenes of a group, float32, white at 1, bands without data left out.

    Parameters
    ----------
    group : str
        ``"cave"``, ``"airborne"``, ``"microscopy"`` or ``"satellite"``.
    split : str
        ``"test"``, ``"validation"`` or ``"train"``.
    data : Path
        Folder of the real cubes.
    leave_out : tuple of str
        Names of scenes that have no reference.

    Returns
    -------
    list of HyperCube
        White is the stated white level, else the maximum.
    """
    folder = data / split / group
    files = sorted(path for path in folder.glob("*") if path.suffix in (".tif", ".mat"))
    found = []
    for file in files:
        if file.stem in leave_out:
            continue
        cube = read(file)
        if cube.white_level is None:
            stored = cube.array()
            cube = cube.replace(white_level=float(stored[cube.valid(stored)].max()))
        clean = normalised(cube)
        found.append(HyperCube(np.asarray(clean), name=file.stem, white_level=1.0))
    if not found:
        raise SystemExit(f"{folder}: no cubes there; give the folder with --data")
    return found
