"""How a failure ends the command line: one sentence, one status, nothing half-written."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from napari_hsi_restore.errors import UserError

CANCELLED = 130
"""Exit status after Ctrl-C, as shells have it: 128 + SIGINT."""

_interrupted = threading.Event()
_farewell = "Cancelled; nothing was written."


def cancelled() -> int:
    """Say that the user has cancelled; the exit status for it."""
    # Zarr's tasks that were under way are reported one by one when the program ends.
    logging.getLogger("asyncio").disabled = True
    print(_farewell, file=sys.stderr)
    return CANCELLED


def cancelling_says(text: str) -> None:
    """What `cancelled` says in this process, of a verb that leaves something behind."""
    global _farewell  # noqa: PLW0603
    _farewell = text


def raise_if_interrupted() -> None:
    """Raise the `KeyboardInterrupt` of a Ctrl-C that was lost.

    Python raises it wherever it happens to be; inside a library's import or a callback
    of the garbage collector it may be caught and forgotten.
    """
    if _interrupted.is_set():
        raise KeyboardInterrupt


def sentence(error: Exception) -> str:
    """What standard error says about a failure."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}; check the path, its permissions and the free space."
    if isinstance(error, MemoryError):
        return "Memory is not enough; close other programs, or lower --memory-limit."
    return (
        f"A defect of this program: {type(error).__name__}: {error}; set "
        "NAPARI_HSI_RESTORE_TRACEBACK=1 to see where, and report it."
    )


@contextmanager
def termination_cleans_up() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that half-written files are removed.

    Ctrl-C does so anyway; that there was one is kept for `raise_if_interrupted`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def unwind(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    def interrupt(number: int, frame: FrameType | None) -> None:
        _interrupted.set()
        raise KeyboardInterrupt

    _interrupted.clear()
    before: dict[int, Any] = {signal.SIGTERM: signal.signal(signal.SIGTERM, unwind)}
    # A shell ignores Ctrl-C for what it runs in the background; so do we then.
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
