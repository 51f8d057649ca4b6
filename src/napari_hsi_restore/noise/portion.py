"""A long task as a part of another, or without progress."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TypeVar

from napari_hsi_restore.events import Done, Event, Progress

Result = TypeVar("Result")


def portion(
    steps: Generator[float, None, Result], begin: float, end: float
) -> Generator[float, None, Result]:
    """The same work, its fraction running from `begin` to `end` instead of 0 to 1."""
    while True:
        try:
            yield begin + (end - begin) * next(steps)
        except StopIteration as stop:
            result: Result = stop.value
            return result


def finish(steps: Generator[float, None, Result]) -> Result:
    """Do all of the work and give its result."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            result: Result = stop.value
            return result


def told(steps: Generator[float, None, Result], message: str) -> Iterator[Event]:
    """The work as events: `Progress` with a message, and its result in `Done`."""
    while True:
        try:
            yield Progress(next(steps), message)
        except StopIteration as stop:
            yield Done(stop.value)
            return
