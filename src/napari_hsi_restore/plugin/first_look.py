"""A cube in miniature, before it becomes a layer: a small picture and one spectrum."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import UnsettledError, guesses
from napari_hsi_restore.io.choices import Answers, Choices, choices, read_with
from napari_hsi_restore.io.request import Question
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.composites import COMPOSITES, allows, composite
from napari_hsi_restore.plugin.contrast import limits_of
from napari_hsi_restore.plugin.spectra import pixel_spectrum

SIDE = 224
"""At most so many pixels along a side of the picture."""


@dataclasses.dataclass(frozen=True, eq=False)
class FirstLook:
    """What is shown of a cube that is about to be opened.

    Attributes
    ----------
    choices : Choices
        Of its file.
    cube : HyperCube
    axis : BandAxis
    picture : uint8 ndarray, (y, x, 3)
    title : str
        What the picture shows.
    row, column : int
        The pixel in the middle.
    spectrum : float64 ndarray, (bands,)
        Its physical values; NaN is no data.
    """

    choices: Choices
    cube: HyperCube
    axis: BandAxis
    picture: npt.NDArray[np.uint8]
    title: str
    row: int
    column: int
    spectrum: npt.NDArray[np.float64]

    @property
    def key(self) -> str | None:
        """The data set that the cube was taken from."""
        return next(
            (
                one.key
                for one in self.choices.data_sets
                if one.key and (self.cube.source or "").endswith(f"::{one.key}")
            ),
            None,
        )

    @property
    def has_spectrum(self) -> bool:
        """Whether the pixel in the middle holds any value in a good band."""
        return bool(np.isfinite(self.spectrum[self.axis.good]).any())

    @property
    def summary(self) -> str:
        """Size, type and wavelengths in one sentence."""
        bands, rows, columns = self.cube.shape
        noun = "band" if bands == 1 else "bands"
        text = f"{bands} {noun} of {rows} rows × {columns} columns, {self.cube.dtype.name}, "
        if not self.axis.in_nm:
            return text + "no wavelengths."
        low, high = self.axis.positions.min(), self.axis.positions.max()
        return text + (f"{low:g} nm." if low == high else f"{low:g} to {high:g} nm.")

    @property
    def guesses(self) -> tuple[str, ...]:
        """What the file left open and was guessed."""
        return guesses(self.cube.history)


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why there is nothing to look at.

    Attributes
    ----------
    sentence : str
    question : str or None
        What the user has to say, where that is all that is missing.
    choices : Choices or None
        Of the file, where it can be listed.
    """

    sentence: str
    question: Question | None = None
    choices: Choices | None = None


def first_look(path: Path, answers: Answers) -> FirstLook | Refusal:
    """Read what is needed to show a file as the answers say; never raises for a bad file."""
    listed: Choices | None = None
    try:
        listed = choices(path)
        return _look(listed, read_with(path, answers))
    except UnsettledError as error:
        return Refusal(str(error), error.question, listed)
    except UserError as error:
        return Refusal(str(error), None, listed)
    except Exception as error:  # damage may show only where values are decoded
        reason = str(error) or "not enough memory"
        return Refusal(f"{path}: cannot be read ({reason}); check the file.", None, listed)


def _look(listed: Choices, cube: HyperCube) -> FirstLook:
    _, rows, columns = cube.shape
    row, column = rows // 2, columns // 2
    spectrum = pixel_spectrum(cube, row, column)
    picture, title = miniature(cube)
    axis = BandAxis.of(cube)
    return FirstLook(listed, cube, axis, picture, title, row, column, spectrum)


def miniature(cube: HyperCube) -> tuple[npt.NDArray[np.uint8], str]:
    """Make a small picture: true colour where the wavelengths allow it, else the middle band.

    Only every n-th row and column of the bands that are shown is read.

    Parameters
    ----------
    cube : HyperCube

    Returns
    -------
    picture : uint8 ndarray, (y, x, 3)
        No-data pixels are black.
    title : str
    """
    step = -(-max(cube.shape[1:]) // SIDE)
    small = cube.replace(data=cube.data[:, ::step, ::step], georeference=None)
    if allows(small, COMPOSITES[0]):
        picture: npt.NDArray[Any] = composite(small, COMPOSITES[0].name)
        return np.round(picture * 255).astype(np.uint8), COMPOSITES[0].title
    axis = BandAxis.of(small)
    band = int(axis.order[axis.n_bands // 2])
    stored = np.asarray(small.data[band])
    known = small.valid(stored)
    low, high = limits_of(stored[known], (1.0, 99.0))
    grey = np.zeros(stored.shape)
    grey[known] = np.clip((stored[known].astype(np.float64) - low) / (high - low), 0, 1)
    return np.repeat(np.round(grey * 255).astype(np.uint8)[..., None], 3, axis=2), axis.describe(
        band
    )
