"""What a file leaves open, and reading it with the user's answers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog
from napari_hsi_restore.io.damage import explained
from napari_hsi_restore.io.read import read
from napari_hsi_restore.io.request import PixelOrder
from napari_hsi_restore.io.wavelengths import from_user


@dataclasses.dataclass(frozen=True)
class DataSet:
    """One array in a file that could be the cube.

    Attributes
    ----------
    key : str or None
        As for `read`; None where the file can hold only one array.
    shape : tuple of int
        In the axis order that the program which wrote the file shows. One number, the
        count of pictures, for a series in a folder.
    dtype : str
        numpy's name of the type.
    """

    key: str | None
    shape: tuple[int, ...]
    dtype: str

    @property
    def layout(self) -> Literal["matrix", "cube", "other"]:
        """What can be said of its axes: pixel counts of a matrix, bands of a cube."""
        if len(self.shape) == 2:
            return "matrix"
        return "cube" if len(self.axes) == 3 else "other"

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes that count: beyond three, those of length 1 are dropped."""
        every = tuple(range(len(self.shape)))
        return every if len(every) <= 3 else tuple(a for a in every if self.shape[a] != 1)


@dataclasses.dataclass(frozen=True)
class Choices:
    """What can be said about a file.

    Attributes
    ----------
    format : str
    data_sets : tuple of DataSet
        The largest first; empty where the file itself says all but the wavelengths.
    """

    format: str
    data_sets: tuple[DataSet, ...]


@dataclasses.dataclass(frozen=True)
class Answers:
    """What the user says about a file; None is left to the file or to a good guess.

    Attributes
    ----------
    key, bands_axis, shape, pixel_order
        As for `read`.
    wavelengths : Path, tuple of 2 float, or None
        A table, or the first and the last centre in nanometres of evenly spaced bands.
    """

    key: str | None = None
    bands_axis: int | None = None
    shape: tuple[int, int] | None = None
    pixel_order: PixelOrder | None = None
    wavelengths: Path | tuple[float, float] | None = None


def choices(path: Path) -> Choices:
    """List the arrays of a file that could be a cube, with their shapes; reads no values.

    Raises
    ------
    UserError
        If there is no such file, it is of no known format, or it is damaged.
    """
    with explained(path):
        spec = catalog.find(path)
        entries = spec.entries(path)
    pictures = path.is_dir() and all(len(entry.shape) == 1 for entry in entries)
    possible = [
        entry
        for entry in entries
        if entry.is_numeric and (pictures or sum(n > 1 for n in entry.shape) >= 2)
    ]
    possible.sort(key=lambda entry: -entry.size)
    return Choices(
        spec.name, tuple(DataSet(e.name or None, tuple(e.shape), e.dtype) for e in possible)
    )


def read_with(path: Path, answers: Answers) -> HyperCube:
    """Open a cube as the user says.

    Raises
    ------
    UserError
        As `read`; or if the typed wavelengths are none.
    """
    table = answers.wavelengths if isinstance(answers.wavelengths, Path) else None
    cube = read(
        path,
        key=answers.key,
        bands_axis=answers.bands_axis,
        wavelengths=table,
        shape=answers.shape,
        pixel_order=answers.pixel_order,
    )
    if not isinstance(answers.wavelengths, tuple):
        return cube
    first, last = answers.wavelengths
    for one in (first, last):
        from_user([one])
    if first == last and cube.n_bands > 1:
        raise UserError(
            f"wavelengths: the first and the last of {cube.n_bands} bands cannot both be "
            f"{first:g} nm; type them again."
        )
    centres, _ = from_user(np.linspace(first, last, cube.n_bands))
    said = f"The wavelengths are evenly spaced from {first:g} to {last:g} nm, as typed."
    return cube.replace(wavelengths_nm=centres, fwhm_nm=None, history=(*cube.history, said))


def other_count(shape: tuple[int, ...], count: int) -> int | None:
    """Columns that go with a number of rows of a (band, pixel) matrix, or the reverse.

    Parameters
    ----------
    shape : tuple of 2 int
        Of the matrix; its longer axis is taken for the pixels.
    count : int
        Rows (or columns).

    Returns
    -------
    int or None
        None where the pixels do not fill so many rows.
    """
    pixels = max(shape)
    return pixels // count if count > 0 and pixels % count == 0 else None
