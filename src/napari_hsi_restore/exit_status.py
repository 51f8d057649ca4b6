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


def cancelled() -> int:
    """Say that the user has cancelled; the exit status for it."""
    # Zarr's tasks that were under way are reported one by one when the program ends.
    logging.getLogger("asyncio").disabled = True
    print("Cancelled; nothing was written.", file=sys.stderr)
    return CANCELLED


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
    """Let SIGTERM unwind the stack, so that half-written files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def unwind(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before: Any = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
