"""Progress of a long task on a terminal or in a log file."""

from __future__ import annotations

import shutil
import time
from types import TracebackType
from typing import TextIO

from napari_hsi_restore.events import Progress

_LOG_STEP = 0.1
_LOG_SECONDS = 30.0


class ProgressLine:
    """One line that is written over on a terminal, a line every tenth in a log.

    Parameters
    ----------
    stream : text stream
        Usually standard error.
    quiet : bool
        Say nothing.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._terminal = stream.isatty()
        self._shown = 0.0
        self._shown_at = 0.0
        self._dirty = False

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Make room on the line for something else."""
        if self._dirty:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._dirty = False

    def show(self, progress: Progress) -> None:
        """Show how far the task is; cheap enough to be called for every event."""
        if self._quiet:
            return
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{describe(progress)[:width]}")
            self._stream.flush()
            self._dirty = True
            return
        now = time.monotonic()
        stepped = progress.fraction >= self._shown + _LOG_STEP
        waited = now - self._shown_at >= _LOG_SECONDS
        if self._shown_at == 0.0 or stepped or waited:
            self._stream.write(f"{describe(progress)}\n")
            self._stream.flush()
            self._shown = progress.fraction
            self._shown_at = now


def describe(progress: Progress) -> str:
    """``42 %  message  (1:05 left)``."""
    parts = [f"{100 * progress.fraction:3.0f} %"]
    if progress.message:
        parts.append(progress.message)
    if progress.eta_s is not None and progress.fraction < 1:
        parts.append(f"({duration(progress.eta_s)} left)")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """``0:07``, ``12:30`` or ``1:02:03``."""
    whole = max(0, round(seconds))
    minutes, left = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"
