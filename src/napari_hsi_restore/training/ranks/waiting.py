"""A generator whose result is wanted beside what it yields."""

from __future__ import annotations

from collections.abc import Generator
from typing import Generic, TypeVar

Yielded = TypeVar("Yielded")
Result = TypeVar("Result")


class Returned(Generic[Yielded, Result]):
    """A generator to iterate over whose result can be had afterwards, as `value`.

    Parameters
    ----------
    generator : Generator
    """

    def __init__(self, generator: Generator[Yielded, None, Result]) -> None:
        self._generator = generator

    def __iter__(self) -> Generator[Yielded, None, None]:
        self.value = yield from self._generator
