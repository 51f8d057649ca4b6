"""The processes that take part in a run on several devices."""

from __future__ import annotations

import psutil


def workers(leader: int | None = None) -> list[psutil.Process]:
    """Those of a process, ours by default; children of other kinds are not among them."""
    return [each for each in psutil.Process(leader).children() if _works(each)]


def _works(process: psutil.Process) -> bool:
    try:
        return any("worker" in part for part in process.cmdline())
    except psutil.Error:
        # It ended meanwhile, and whoever started it has not looked yet.
        return False
