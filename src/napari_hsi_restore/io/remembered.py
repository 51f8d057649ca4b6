"""What was said about a file, kept for the next files that look alike."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from napari_hsi_restore.io.choices import Answers, Choices
from napari_hsi_restore.io.request import PixelOrder
from napari_hsi_restore.io.sensors import sensor_tables

MOST = 50
"""Kinds of files that are remembered; the oldest goes first."""

_SENSOR = "sensor:"


class SaidOnce(BaseModel):
    """The answers about one kind of file.

    Attributes
    ----------
    alike : str
        What `signature` gives for such files.
    key, bands_axis, shape, pixel_order
        As in `Answers`.
    wavelengths : str, tuple of 2 float, or None
        A path, ``"sensor:prisma"``, or the first and the last centre in nanometres.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alike: str
    key: str | None = None
    bands_axis: int | None = None
    shape: tuple[int, int] | None = None
    pixel_order: PixelOrder | None = None
    wavelengths: tuple[float, float] | str | None = None

    @property
    def answers(self) -> Answers:
        """As `read_with` takes them; a table that is not there any more is left out."""
        wavelengths: Path | tuple[float, float] | None = None
        if isinstance(self.wavelengths, str):
            name = self.wavelengths.removeprefix(_SENSOR)
            paths = {one.name: one.path for one in sensor_tables()}
            path = paths.get(name) if name != self.wavelengths else Path(name)
            wavelengths = path if path is not None and path.is_file() else None
        else:
            wavelengths = self.wavelengths
        return Answers(self.key, self.bands_axis, self.shape, self.pixel_order, wavelengths)


class Memory(BaseModel):
    """All that is remembered, the oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    said: tuple[SaidOnce, ...] = ()

    @classmethod
    def load(cls, text: str) -> Memory:
        """From `text`; empty if that is damaged or of another version."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            return cls()

    @property
    def text(self) -> str:
        """For `load`."""
        return self.model_dump_json()

    def about(self, alike: str) -> Answers | None:
        """What was said about such files, or None."""
        found = next((one for one in self.said if one.alike == alike), None)
        answers = found.answers if found is not None else None
        return None if answers == Answers() else answers

    def without(self, alike: str) -> Memory:
        """With nothing said about such files."""
        return Memory(said=tuple(one for one in self.said if one.alike != alike))

    def with_answers(self, alike: str, answers: Answers) -> Memory:
        """With these answers for such files; answers that say nothing are forgotten."""
        others = self.without(alike)
        if answers == Answers():
            return others
        wavelengths: tuple[float, float] | str | None
        if isinstance(answers.wavelengths, Path):
            names = {one.path: f"{_SENSOR}{one.name}" for one in sensor_tables()}
            path = answers.wavelengths
            wavelengths = names.get(path, str(path.absolute()))
        else:
            wavelengths = answers.wavelengths
        new = SaidOnce(
            alike=alike,
            key=answers.key,
            bands_axis=answers.bands_axis,
            shape=answers.shape,
            pixel_order=answers.pixel_order,
            wavelengths=wavelengths,
        )
        return Memory(said=(*others.said, new)[-MOST:])


def signature(choices: Choices, shape: tuple[int, ...] | None) -> str:
    """What files alike have in common: format, names, shapes and types of the data sets.

    Parameters
    ----------
    choices : Choices
    shape : tuple of int or None
        Of the cube as the file itself gives it; it counts where the file lists no data sets.
    """
    arrays = [f"{one.key or ''}{list(one.shape)}{one.dtype}" for one in choices.data_sets]
    return " ".join([choices.format, *(arrays or [str(list(shape or ()))])])
