"""Masks of pixels that are to count as missing, from pictures and arrays in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.damage import explained

Mask = npt.NDArray[np.bool_]

_ARRAYS = {".npy"}
_TIFFS = {".tif", ".tiff"}


def read_mask(path: str | Path, shape: tuple[int, int]) -> Mask:
    """Read a mask; every value but 0 is hidden.

    Parameters
    ----------
    path : path
        A NumPy array, a TIFF, or any picture that Pillow opens (PNG, BMP, ...) with as many
        rows and columns as the image. Of a coloured picture all that is not black
        is hidden, whatever its opacity; of one with a palette all but its first colour.
    shape : tuple of int
        Rows and columns that it must have.

    Returns
    -------
    bool ndarray, (y, x)
        True where hidden.

    Raises
    ------
    UserError
        If the file cannot be read, or does not fit.
    """
    file = Path(path).expanduser()
    values = _values(file)
    # A single plane may have axes of length 1 around it.
    plane = np.squeeze(values) if values.ndim > 2 else values
    if plane.ndim == 3 and plane.shape[:2] == shape and plane.shape[2] in (2, 3, 4):
        has_opacity = plane.shape[2] in (2, 4)
        plane = np.asarray((plane[..., :-1] if has_opacity else plane).any(axis=2))
    if plane.shape != shape:
        held = " x ".join(map(str, values.shape)) or "no"
        raise UserError(
            f"{file}: the mask has {held} pixels, the cube {shape[0]} x {shape[1]} (rows x "
            "columns); give a mask of the same image."
        )
    hidden: Mask = plane != 0
    return hidden


def _values(file: Path) -> npt.NDArray[Any]:
    """What the file holds, as numbers."""
    if not file.is_file():
        raise UserError(f"{file}: there is no such file; give the mask as a picture or .npy.")
    suffix = file.suffix.lower()
    with explained(file):
        if suffix in _ARRAYS:
            found: npt.NDArray[Any] = np.load(file, allow_pickle=False)
        elif suffix in _TIFFS:
            import tifffile

            found = np.asarray(tifffile.imread(file))
        else:
            from PIL import Image, UnidentifiedImageError

            try:
                with Image.open(file) as picture:
                    found = np.asarray(picture)
            except UnidentifiedImageError:
                raise UserError(
                    f"{file}: this is no picture; give the mask as a PNG, TIFF or .npy of the "
                    "cube's height and width."
                ) from None
    if not found.size:
        raise UserError(f"{file}: no picture is in it; the file is damaged, copy it again.")
    if found.dtype.kind not in "buif":
        raise UserError(f"{file}: a mask holds numbers, not {found.dtype}; 0 is what counts.")
    return found
