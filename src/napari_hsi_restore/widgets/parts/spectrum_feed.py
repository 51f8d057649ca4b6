"""Reading spectra at the speed of a hand: the latest request wins, nothing blocks."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from concurrent.futures import Future, ThreadPoolExecutor

import dask.array as da
import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer, Signal

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin.spectra import pixel_spectrum

_INTERVAL_MS = 33
"""About 30 Hz."""
_MOST_AT_ONCE = 4
"""Pixels of files that are read without a thread; each takes milliseconds."""


@dataclasses.dataclass(frozen=True, eq=False)
class Probe:
    """One pixel to read.

    Attributes
    ----------
    key : hashable
        Given back with the answer.
    cube : HyperCube
    row, column : int
    """

    key: Hashable
    cube: HyperCube
    row: int
    column: int


@dataclasses.dataclass(frozen=True, eq=False)
class Answer:
    """The spectrum of a probe, float64 (bands,), in physical units; NaN is no data."""

    probe: Probe
    values: npt.NDArray[np.float64]


class SpectrumFeed(QObject):
    """Answers requests for pixels, at most 30 a second.

    Cubes in memory, and a few pixels of a memory map, are read at once, for this takes
    milliseconds; many pixels, and dask arrays, which may have to decompress, in a thread.

    Signals
    -------
    answered(tuple of Answer)
    failed(str)
    """

    answered = Signal(object)
    failed = Signal(str)
    _returned = Signal(int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: tuple[Probe, ...] | None = None
        self._generation = 0
        self._pool: ThreadPoolExecutor | None = None
        self._busy = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_INTERVAL_MS)
        self._timer.timeout.connect(self._next)
        self._returned.connect(self._on_returned)

    def request(self, probes: tuple[Probe, ...]) -> None:
        """Ask for some pixels; an earlier request that was not begun is forgotten."""
        self._waiting = probes
        if not self._timer.isActive() and not self._busy:
            self._next()

    def forget(self) -> None:
        """Drop what was asked for; answers that are still under way are not given."""
        self._generation += 1
        self._waiting = None

    def close(self) -> None:
        """Stop and free the thread; a later `request` begins again."""
        self.forget()
        self._busy = False
        self._timer.stop()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _next(self) -> None:
        probes, self._waiting = self._waiting, None
        if probes is None or self._busy:
            return
        self._generation += 1
        self._timer.start()
        if not _takes_long(probes):
            self._deliver(read_probes(probes))
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="spectrum")
        self._busy = True
        generation = self._generation
        future = self._pool.submit(read_probes, probes)
        future.add_done_callback(lambda done: self._send(generation, done))

    def _send(self, generation: int, done: Future[tuple[Answer, ...] | str]) -> None:
        # In the thread: a queued signal carries the answer over.
        if not done.cancelled():
            try:
                self._returned.emit(generation, done.result())
            except RuntimeError:
                return  # The dock was closed meanwhile, and Qt's half of this object with it.

    def _on_returned(self, generation: int, result: tuple[Answer, ...] | str) -> None:
        self._busy = False
        if generation == self._generation:
            self._deliver(result)
        if self._waiting is not None and not self._timer.isActive():
            self._next()

    def _deliver(self, result: tuple[Answer, ...] | str) -> None:
        if isinstance(result, str):
            self.failed.emit(result)
        else:
            self.answered.emit(result)


def _takes_long(probes: tuple[Probe, ...]) -> bool:
    if any(isinstance(probe.cube.data, da.Array) for probe in probes):
        return True
    return sum(probe.cube.is_lazy for probe in probes) > _MOST_AT_ONCE


def read_probes(probes: tuple[Probe, ...]) -> tuple[Answer, ...] | str:
    """Read some pixels; a sentence where a file cannot be read any more."""
    try:
        return tuple(
            Answer(probe, pixel_spectrum(probe.cube, probe.row, probe.column)) for probe in probes
        )
    except (OSError, ValueError, RuntimeError) as error:
        names = ", ".join(f'"{probe.cube.name}"' for probe in probes)
        return f"{names}: the pixel cannot be read ({error}); open the file again."
