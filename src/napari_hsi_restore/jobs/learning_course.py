"""What is known of a learning job from its events: the curves, the last picture, how it ended."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Literal

from napari_hsi_restore.events import (
    CellState,
    Done,
    Event,
    Failed,
    Metric,
    Note,
    Preview,
    Progress,
    Snapshot,
    from_json,
    to_json,
)

MOST_POINTS = 1000
"""Of a curve; a longer one loses every second point of its older half."""

_MOST_NOTES = 50

Curve = tuple[tuple[int, float], ...]
"""Points (step, value), steps rising."""


@dataclasses.dataclass(frozen=True)
class Stopped:
    """The user stopped the job; what it had learned by then was kept.

    Attributes
    ----------
    model : str or None
        Name of the model that was put into the library; None if there was none yet.
    """

    model: str | None = None


Line = Event | Stopped


def to_line(event: Line) -> str:
    """One line of JSON, without its end, for an event of a learning job."""
    if isinstance(event, Stopped):
        return json.dumps({"event": "stopped", "model": event.model})
    return to_json(event)


def from_line(line: str) -> Line:
    """The event of a line written by `to_line`.

    Raises
    ------
    ValueError
        If it is none, such as a line that was never finished.
    """
    fields = json.loads(line)
    if isinstance(fields, dict) and fields.get("event") == "stopped":
        model = fields.get("model")
        return Stopped(None if model is None else str(model))
    return from_json(line)


@dataclasses.dataclass(frozen=True)
class Course:
    """How a job went so far.

    Attributes
    ----------
    progress : Progress or None
    curves : dict of str to Curve
        The metrics by name.
    cell : CellState or None
        Of a search, the newest.
    snapshot : Snapshot or None
        The newest.
    notes : tuple of str
        Sentences for the user, oldest first.
    """

    progress: Progress | None = None
    curves: dict[str, Curve] = dataclasses.field(default_factory=dict)
    cell: CellState | None = None
    snapshot: Snapshot | None = None
    notes: tuple[str, ...] = ()

    def last(self, name: str) -> float | None:
        """The newest value of a metric, or None if it was never measured."""
        curve = self.curves.get(name)
        return curve[-1][1] if curve else None

    def best(self, name: str) -> float | None:
        """The highest value of a metric, or None if it was never measured."""
        curve = self.curves.get(name)
        return max(value for _, value in curve) if curve else None


class Recorder:
    """Makes a `Course` of events.

    A run that goes on from a checkpoint does some steps again: what was measured from
    that step on the first time is forgotten.

    Parameters
    ----------
    course : Course
        How it went before.
    """

    def __init__(self, course: Course = Course()) -> None:
        self._course = course
        self._curves = {name: list(curve) for name, curve in course.curves.items()}

    def take(self, event: Line) -> None:
        """Add an event."""
        course = self._course
        if isinstance(event, Metric):
            self._add(event.name, event.step, event.value)
        elif isinstance(event, CellState):
            self._add("entropy", event.step, event.entropy)
            course = dataclasses.replace(course, cell=event)
        elif isinstance(event, Progress):
            course = dataclasses.replace(course, progress=event)
        elif isinstance(event, Snapshot):
            course = dataclasses.replace(course, snapshot=event)
        elif isinstance(event, Note) and event.message not in course.notes[-1:]:
            notes = (*course.notes, event.message)[-_MOST_NOTES:]
            course = dataclasses.replace(course, notes=notes)
        self._course = course

    def course(self) -> Course:
        """How things stand; later events do not change it."""
        curves = {name: tuple(points) for name, points in self._curves.items()}
        return dataclasses.replace(self._course, curves=curves)

    def _add(self, name: str, step: int, value: float | None) -> None:
        # JSON has no infinity: a value that is none arrives as None.
        if value is None or not math.isfinite(value):
            return
        curve = self._curves.setdefault(name, [])
        while curve and curve[-1][0] >= step:
            curve.pop()
        curve.append((step, value))
        if len(curve) > MOST_POINTS:
            half = len(curve) // 2
            curve[:half] = curve[:half:2]


class Log:
    """Appends events to the file of a job, seldom those that come often.

    Parameters
    ----------
    path : Path
    every_s : float
        Least seconds between two lines of progress, and between two pictures of a cell.
    """

    def __init__(self, path: Path, every_s: float = 2.0) -> None:
        self._path = path
        self._every_s = every_s
        self._written: dict[type, float] = {}
        self._begun = False

    def add(self, event: Line, now: float) -> None:
        """Write an event down.

        Parameters
        ----------
        event : Event or Stopped
        now : float
            Seconds of a clock that does not go back.

        Raises
        ------
        OSError
            If the disk is full.
        """
        if isinstance(event, Preview):
            return
        if isinstance(event, Progress | CellState):
            if now - self._written.get(type(event), -math.inf) < self._every_s:
                return
            self._written[type(event)] = now
        with self._path.open("a", encoding="utf-8") as file:
            if not self._begun and file.tell():
                # The last line of a process that was killed may have no end.
                file.write("\n")
            self._begun = True
            file.write(to_line(event) + "\n")


def read_log(path: Path) -> Course:
    """How a job went, from its file; an unreadable line is passed over."""
    recorder = Recorder()
    for event in _lines(
        path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    ):
        recorder.take(event)
    return recorder.course()


@dataclasses.dataclass(frozen=True)
class Ending:
    """The end of the file of a job that is not done.

    Attributes
    ----------
    reason : {'interrupted', 'stopped', 'failed'}
    message : str
        The sentence of the failure, else empty.
    fraction : float
        How far it had come, 0 to 1.
    progress : Progress or None
        The last that was said.
    """

    reason: Literal["interrupted", "stopped", "failed"] = "interrupted"
    message: str = ""
    fraction: float = 0.0
    progress: Progress | None = None


_TAIL_BYTES = 64 << 10


def read_ending(path: Path) -> Ending:
    """How a job ended, from the end of its file, which is quick however long it is."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            tail = file.read().decode("utf-8", errors="replace")
    except OSError:
        return Ending()
    ending = Ending()
    for event in _lines(tail):
        if isinstance(event, Progress):
            # A run that goes on says 0 % until it has read its cubes and judged its start.
            ending = Ending(fraction=event.fraction or ending.fraction, progress=event)
        elif isinstance(event, Stopped):
            ending = dataclasses.replace(ending, reason="stopped")
        elif isinstance(event, Failed):
            ending = dataclasses.replace(ending, reason="failed", message=event.message)
        elif isinstance(event, Metric | Done):
            ending = Ending(fraction=ending.fraction, progress=ending.progress)
    return ending


def _lines(text: str) -> list[Line]:
    found: list[Line] = []
    for line in text.splitlines():
        try:
            found.append(from_line(line))
        except ValueError:
            continue
    return found
