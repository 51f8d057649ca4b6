"""Scores of several results, computed in the background, one after the other."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.metrics import Scores, compare_cubes
from napari_hsi_restore.widgets.parts.background import or_sentence


class Scoring(QObject):
    """Runs one comparison of results with a reference at a time.

    Signals
    -------
    scored(object, object)
        The key of a result, and its `Scores` or a sentence why there are none.
    ended()
        All results have been scored; not sent after `cancel`.
    """

    scored = Signal(object, object)
    ended = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker: Any = None

    @property
    def running(self) -> bool:
        """Whether scores are being computed."""
        return self._worker is not None

    def start(self, reference: HyperCube, results: Sequence[tuple[Hashable, HyperCube]]) -> None:
        """Score these (key, cube); what runs is cancelled first."""
        self.cancel()
        worker = create_worker(_all_scores, reference, results)
        worker.yielded.connect(lambda found: self._on_score(worker, *found))
        worker.finished.connect(lambda: self._on_finished(worker))
        self._worker = worker
        worker.start()

    def cancel(self) -> None:
        """Stop; a score that is still under way is dropped."""
        if self._worker is not None:
            self._worker.quit()
            self._worker = None

    def _on_score(self, worker: Any, key: Hashable, found: Scores | str) -> None:
        if worker is self._worker:
            self.scored.emit(key, found)

    def _on_finished(self, worker: Any) -> None:
        if worker is self._worker:
            self._worker = None
            self.ended.emit()


def _all_scores(
    reference: HyperCube, results: Sequence[tuple[Hashable, HyperCube]]
) -> Iterator[tuple[Hashable, Scores | str]]:
    for key, cube in results:
        yield key, or_sentence(compare_cubes, reference, cube)
