"""Jobs that wait for the one that learns; each can be taken back."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_hsi_restore.jobs.learning import Learning
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label


class WaitingList(QFrame):
    """A row for each job; hidden while none waits.

    Signals
    -------
    withdraw_requested(object)
        The `Learning` that is not to begin.
    """

    withdraw_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._shown: tuple[Learning, ...] = ()
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(6, 4, 6, 4)
        self.hide()

    @property
    def shown(self) -> tuple[Learning, ...]:
        """The jobs that are listed."""
        return self._shown

    def set_jobs(self, jobs: Sequence[Learning]) -> None:
        """List these jobs and no others."""
        if tuple(jobs) != self._shown:
            self._shown = tuple(jobs)
            while (item := self._rows.takeAt(0)) is not None:
                if (old := item.widget()) is not None:
                    old.hide()
                    old.deleteLater()
            for job in jobs:
                self._rows.addWidget(self._row(job))
        self.setVisible(bool(jobs))

    def _row(self, learning: Learning) -> QWidget:
        job = learning.job
        row = QWidget()
        text = wrapping_label("Waiting", row)
        text.setText(f"“{job.name}” waits: {job.minutes:g} minutes with {', '.join(job.cubes)}.")
        withdraw = QPushButton("Withdraw")
        withdraw.setAccessibleName(f"Withdraw {job.name}")
        withdraw.setToolTip("Do not begin it; what was resumed can be resumed again")
        withdraw.clicked.connect(functools.partial(self._ask, learning))
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(text, 1)
        layout.addWidget(withdraw)
        return row

    def _ask(self, learning: Learning, checked: bool = False) -> None:
        self.withdraw_requested.emit(learning)
