"""Starting a child process that leaves napari its share of the processor."""

from __future__ import annotations

import os
import subprocess
import sys

from napari_hsi_restore import blas_threads


def start(module: str, *arguments: str) -> subprocess.Popen[str]:
    """Start ``python -m module arguments`` with pipes for its input and its output.

    Parameters
    ----------
    module : str
    *arguments : str

    Returns
    -------
    Popen
        Both pipes are text in UTF-8. On Windows it has a lower priority from the start;
        elsewhere the child sees to that itself.
    """
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.BELOW_NORMAL_PRIORITY_CLASS | subprocess.CREATE_NO_WINDOW
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment(),
        creationflags=flags,
    )


def environment() -> dict[str, str]:
    """The environment of a child: ours, with what makes it faster unless that is set.

    OpenBLAS leaves half of the cores to napari (`blas_threads`). The C library of Linux gives
    every large tensor back to the system, which zeroes its pages for the next one, a quarter of
    the time of a run; here it keeps them until the request is answered. The threads of torch
    sleep while they wait for each other: where other programs kept both of two cores busy, a
    fine-tuning step then took 4 to 5 s instead of 23 to 47 s (measured).
    """
    ours = {
        blas_threads.VARIABLE: blas_threads.usual(),
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(2**62),
        "OMP_WAIT_POLICY": "passive",
    }
    return {**ours, **os.environ}
