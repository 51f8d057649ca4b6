"""A part of a long task."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

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
