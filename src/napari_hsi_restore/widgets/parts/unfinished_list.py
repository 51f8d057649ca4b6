"""Jobs that were interrupted or stopped, each with the choice to go on or to forget it."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.jobs.learning import Unfinished

_WHY = {
    "interrupted": "was interrupted",
    "stopped": "was stopped by you",
    "failed": "ended with a failure",
}


class UnfinishedList(QFrame):
    """A row for each job; hidden while there is none.

    Signals
    -------
    resume_requested(object)
        The `Unfinished` to go on with.
    forget_requested(object)
        The `Unfinished` to delete; the user has confirmed it.
    """

    resume_requested = Signal(object)
    forget_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._shown: tuple[Unfinished, ...] = ()
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(6, 4, 6, 4)
        self.hide()

    @property
    def shown(self) -> tuple[Unfinished, ...]:
        """The jobs that are listed."""
        return self._shown

    def set_jobs(self, jobs: Sequence[Unfinished]) -> None:
        """List these jobs and no others."""
        if tuple(jobs) == self._shown:
            return
        self._shown = tuple(jobs)
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for job in jobs:
            self._rows.addWidget(self._row(job))
        self.setVisible(bool(jobs))

    def _row(self, unfinished: Unfinished) -> QWidget:
        name, ending = unfinished.job.name, unfinished.ending
        text = QLabel(f"“{name}” {_WHY[ending.reason]} at {ending.fraction:.0%}.")
        text.setWordWrap(True)
        cubes = ", ".join(unfinished.job.cubes)
        text.setToolTip(
            f"{unfinished.job.minutes:g} minutes with {cubes}. {ending.message}".strip()
        )
        resume = QPushButton("Resume")
        resume.setAccessibleName(f"Resume {name}")
        resume.setToolTip("Go on from its last checkpoint")
        resume.clicked.connect(lambda: self.resume_requested.emit(unfinished))
        forget = QPushButton("Forget")
        forget.setAccessibleName(f"Forget {name}")
        forget.setToolTip("Delete its checkpoints; a model that was made of it stays")
        forget.clicked.connect(lambda: self._ask(unfinished))
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(text, 1)
        layout.addWidget(resume)
        layout.addWidget(forget)
        return row

    def _ask(self, unfinished: Unfinished) -> None:
        answer = QMessageBox.question(
            self,
            "Forget a run",
            f"Delete the checkpoints of “{unfinished.job.name}”? It can then not be resumed.",
        )
        if answer == QMessageBox.StandardButton.Yes:
            self.forget_requested.emit(unfinished)
