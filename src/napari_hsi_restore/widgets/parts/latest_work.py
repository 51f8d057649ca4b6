"""Work in a thread of which only the newest request counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, QTimer, Signal

from napari_hsi_restore.widgets.parts.background import or_sentence


class LatestWork(QObject):
    """Computes one thing at a time; a request that was not begun gives way to a newer one.

    Parameters
    ----------
    interval_ms : int
        At least so long from one beginning to the next.
    parent : QObject

    Signals
    -------
    answered(object)
        What the function returned, or a sentence (str) on why it could not.
    """

    answered = Signal(object)

    def __init__(self, interval_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: tuple[Callable[..., Any], tuple[Any, ...]] | None = None
        self._busy = False
        self._generation = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(interval_ms)
        self._timer.timeout.connect(self._next)

    def request(self, function: Callable[..., Any], *args: Any) -> None:
        """Ask for ``function(*args)``."""
        self._waiting = (function, args)
        if not self._busy and not self._timer.isActive():
            self._next()

    def forget(self) -> None:
        """Drop what was asked for; an answer that is under way is not given."""
        self._waiting = None
        self._generation += 1

    def _next(self) -> None:
        if self._waiting is None or self._busy:
            return
        (function, args), self._waiting = self._waiting, None
        self._busy = True
        generation = self._generation
        self._timer.start()
        worker = create_worker(or_sentence, function, *args)
        worker.returned.connect(lambda answer: self._tell(generation, answer))
        # However it ends, the next one has its turn.
        worker.finished.connect(self._end)
        worker.start()

    def _tell(self, generation: int, answer: Any) -> None:
        if generation == self._generation:
            try:
                self.answered.emit(answer)
            except RuntimeError:
                return  # The dock is closed, and Qt's half of this object with it.

    def _end(self) -> None:
        self._busy = False
        try:
            if not self._timer.isActive():
                self._next()
        except RuntimeError:
            return
