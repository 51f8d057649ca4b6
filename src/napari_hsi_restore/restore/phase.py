"""Progress of a task that is a part of a larger one, and waiting for the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from typing import TypeVar

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Done, Event, Progress

Result = TypeVar("Result")


def phase(
    task: Generator[float, None, Result],
    span: tuple[float, float],
    message: str | Callable[[], str],
) -> Generator[Event, None, Result]:
    """Turn the fractions of a task into progress between two ends of the whole.

    A message that changes is asked for at every step.
    """
    begin, last = time.monotonic(), span[1] - span[0]
    while True:
        try:
            fraction = next(task)
        except StopIteration as end:
            result: Result = end.value
            return result
        left = (time.monotonic() - begin) / max(fraction, 1e-6) * ((1 - span[0]) / last - fraction)
        said = message if isinstance(message, str) else message()
        yield Progress(span[0] + last * fraction, said, left)


def finished(events: Iterable[Event]) -> HyperCube:
    """Run a restoration to its end and take its result."""
    for event in events:
        if isinstance(event, Done):
            result: HyperCube = event.result
            return result
    raise AssertionError("a restoration ends with Done or raises")
