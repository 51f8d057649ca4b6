"""How many threads OpenBLAS, the library behind numpy's products, may start.

It reads its limit when it is loaded, so that this module loads nothing.
"""

from __future__ import annotations

import os

VARIABLE = "OPENBLAS_NUM_THREADS"


def usual() -> str:
    """The value of `VARIABLE` unless the user set one: half of the cores.

    Threads of OpenBLAS wait by spinning. Where other programs need the cores too, as napari
    itself does, small products take up to a hundred times longer (measured).
    """
    return str(max(1, (os.cpu_count() or 1) // 2))


def limit() -> None:
    """Let this process and its children have the usual number, before numpy is loaded.

    The number decides how sums are rounded, and methods that compare patches can then
    choose others: with the same number a command gives what a dock gives.
    """
    os.environ.setdefault(VARIABLE, usual())
