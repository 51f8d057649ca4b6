"""Time of a part of a search: spent over all its sittings, and left."""

from __future__ import annotations

import time

CHECKPOINT_EVERY_S = 30.0
REPORT_EVERY_S = 2.0
CHECK_EVERY_S = 20.0
"""At least; a score takes about a second."""


class Clock:
    """Counts the seconds of a part, whose end is a time or a number of steps.

    Parameters
    ----------
    budget_s : float
        Seconds that the part may take, over all its sittings.
    steps : int or None
        Steps after which it ends, whatever the time; None to end by time.
    spent_s : float
        Seconds spent in earlier sittings.
    step : int
        Steps done in earlier sittings.
    """

    def __init__(self, budget_s: float, steps: int | None, spent_s: float, step: int) -> None:
        self._budget_s = budget_s
        self._steps = steps
        self._before_s = spent_s
        self._begin = time.monotonic()
        self.step = step
        self._due: dict[str, float] = {}
        self._part = 0

    @property
    def spent_s(self) -> float:
        """Seconds of all sittings."""
        return self._before_s + time.monotonic() - self._begin

    @property
    def fraction(self) -> float:
        """Part that is done, 0 to 1."""
        if self._steps is not None:
            return min(1.0, self.step / self._steps)
        return min(1.0, self.spent_s / self._budget_s) if self._budget_s > 0 else 1.0

    @property
    def left_s(self) -> float | None:
        """Seconds that are left; None while that is not known."""
        if self._steps is None:
            return max(0.0, self._budget_s - self.spent_s)
        if self.step == 0:
            return None
        return self.spent_s / self.step * max(0, self._steps - self.step)

    @property
    def over(self) -> bool:
        """Whether the part has come to its end."""
        return self.fraction >= 1.0

    def due(self, what: str, every_s: float) -> bool:
        """Whether something is to be done again; then its time begins anew."""
        now = time.monotonic()
        if now - self._due.setdefault(what, self._begin) < every_s:
            return False
        self._due[what] = now
        return True

    def check_due(self, parts: int) -> bool:
        """Whether a score is due: so often in all, not too soon, and not at the end."""
        part = int(self.fraction * parts)
        if part <= self._part or self.over or not self.due("check", CHECK_EVERY_S):
            return False
        self._part = part
        return True
