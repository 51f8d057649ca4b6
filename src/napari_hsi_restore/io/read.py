"""The one way in: a file of any supported format becomes a `HyperCube`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_hsi_restore.cube import FloatArray, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog
from napari_hsi_restore.io.damage import explained
from napari_hsi_restore.io.request import PixelOrder, Request, split_key
from napari_hsi_restore.io.wavelengths import from_user

_MOST_BANDS = 2**16
"""More than any sensor has; beyond it pixels were taken for bands, or a size is damaged. [ours]"""


def read(
    path: str | Path,
    *,
    key: str | None = None,
    bands_axis: int | None = None,
    wavelengths: str | Path | Sequence[float] | FloatArray | None = None,
    shape: tuple[int, int] | None = None,
    pixel_order: PixelOrder | None = None,
) -> HyperCube:
    """Open a hyperspectral cube, lazily where the format allows it.

    What a file leaves open is guessed only where there is a good reason; each guess
    is a sentence in the history of the cube. The options settle it instead.

    Parameters
    ----------
    path : str or Path
        File or folder; ``"file.mat::key"`` names a data set inside it.
    key : str or None
        The same as ``::key``.
    bands_axis : int or None
        Axis of the stored array that holds the bands, counted from 0 in the order
        that the program which wrote the file shows; negative counts from the end.
    wavelengths : path or sequence of float or None
        Band centres in nanometres, or a text file, a CSV file or an ENVI header of
        them; they replace those of the file.
    shape : tuple of int or None
        (rows, columns) of the picture in a (band, pixel) matrix.
    pixel_order : ``"column-major"``, ``"row-major"`` or None
        Order of the pixels in such a matrix; column-major in MATLAB files and
        row-major elsewhere if not given.

    Returns
    -------
    HyperCube
        Values as stored, (bands, y, x).

    Raises
    ------
    UserError
        If there is no such file, it is no cube, it is damaged, or it leaves open
        what only the user can know.
    """
    name, inner = split_key(str(path)) if not Path(path).exists() else (str(path), None)
    if inner is not None and key is not None and inner != key:
        raise UserError(f"{path}: two keys were given, {inner} and {key}; give one.")
    if pixel_order not in (None, "column-major", "row-major"):
        raise UserError(f"pixel_order {pixel_order!r}: say 'column-major' or 'row-major'.")
    centres, widths = (None, None) if wavelengths is None else from_user(wavelengths)
    request = Request(
        path=Path(name).expanduser(),
        key=key if inner is None else inner,
        bands_axis=bands_axis,
        n_wavelengths=None if centres is None else len(centres),
        shape=shape,
        pixel_order=pixel_order,
    )
    with explained(request.path):
        cube = catalog.find(request.path).read(request)
    if cube.n_bands > _MOST_BANDS:
        raise UserError(
            f"{request.source}: {cube.n_bands} bands are more than any sensor has; say which axis "
            "holds them with bands_axis (--bands-axis), or copy the file again if it is damaged."
        )
    if centres is None:
        return cube
    if len(centres) != cube.n_bands:
        raise UserError(
            f"{request.source}: {len(centres)} wavelengths were given for {cube.n_bands} bands; "
            "give one for each band."
        )
    given = Path(wavelengths).name if isinstance(wavelengths, str | Path) else "the caller"
    return cube.replace(
        wavelengths_nm=centres,
        # Widths of the file belong to its own centres.
        fwhm_nm=widths,
        history=(*cube.history, f"The wavelengths are those of {given}."),
    )
