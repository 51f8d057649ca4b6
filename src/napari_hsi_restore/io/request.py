"""What the caller of `read` asked for, checked once and handed to the format."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NoReturn

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.errors import UserError

PixelOrder = Literal["column-major", "row-major"]
Question = Literal["key", "bands_axis", "shape"]


class UnsettledError(UserError):
    """A file leaves open what only the user can know.

    Attributes
    ----------
    question : str
        The option of `read` that settles it.
    path : Path
        Of the file.
    key : str or None
        The data set that was asked for.
    """

    def __init__(self, sentence: str, question: Question, path: Path, key: str | None) -> None:
        super().__init__(sentence)
        self.question = question
        self.path = path
        self.key = key

    def __reduce__(self) -> tuple[type[UnsettledError], tuple[str, Question, Path, str | None]]:
        # An exception is rebuilt from its message alone otherwise.
        return UnsettledError, (str(self), self.question, self.path, self.key)


@dataclasses.dataclass(frozen=True)
class Request:
    """One call of `read`.

    Attributes
    ----------
    path : Path
    key : str or None
        Data set inside the file.
    bands_axis : int or None
        Axis of the stored array that holds the bands; negative counts from the end.
    n_wavelengths : int or None
        How many wavelengths the caller gave; it settles which axis holds the bands.
    shape : tuple of int or None
        (rows, columns) of a (band, pixel) matrix.
    pixel_order : str or None
        ``"column-major"`` or ``"row-major"`` order of the pixels of such a matrix.
    """

    path: Path
    key: str | None = None
    bands_axis: int | None = None
    n_wavelengths: int | None = None
    shape: tuple[int, int] | None = None
    pixel_order: PixelOrder | None = None

    @property
    def source(self) -> str:
        """The path as the user would write it, with ``::key``."""
        return str(self.path) if self.key is None else f"{self.path}::{self.key}"

    def refuse(self, *options: str, because: str) -> None:
        """Stop if the caller set an option that means nothing for this file.

        Raises
        ------
        UserError
            If one of `options` (names of this class's attributes) is set.
        """
        for option in options:
            if getattr(self, option) is not None:
                raise UserError(
                    f"{self.path}: the option {option} cannot be used, {because}; leave it out."
                )

    def fail(self, what: str) -> NoReturn:
        """Raise a `UserError` that names the file first."""
        raise UserError(f"{self.path}: {what}")

    def ask(self, question: Question, what: str) -> NoReturn:
        """Raise an `UnsettledError`, for the user has to say this option."""
        raise UnsettledError(f"{self.path}: {what}", question, self.path, self.key)


class Guess(str):
    """A line of a cube's history about what its file left open and how `read` settled it.

    It is a plain line once the cube is written and read again: then nothing is
    guessed any more.
    """

    __slots__ = ()


def guesses(history: Iterable[str]) -> tuple[str, ...]:
    """The lines of a history that are a `Guess`: what the user should be told now."""
    return tuple(line for line in history if isinstance(line, Guess))


def split_key(path: str) -> tuple[str, str | None]:
    """Take ``file.mat::key`` apart.

    Returns
    -------
    tuple
        The path and the key, or None where there is no ``::``.
    """
    name, separator, key = path.rpartition("::")
    return (name, key) if separator and name and key else (path, None)


def is_real_number(dtype: npt.DTypeLike) -> bool:
    """Whether a cube may hold values of this type."""
    return np.dtype(dtype).kind in "uifb"
