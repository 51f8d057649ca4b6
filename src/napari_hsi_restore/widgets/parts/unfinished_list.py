"""Jobs that were interrupted or stopped, to go on or to forget, and those of other programs."""

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

from napari_hsi_restore.jobs.learning_folders import Unfinished
from napari_hsi_restore.widgets.parts.runs import time_left

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
        self._texts: list[QLabel] = []
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(6, 4, 6, 4)
        self.hide()

    @property
    def shown(self) -> tuple[Unfinished, ...]:
        """The jobs that are listed."""
        return self._shown

    @property
    def sentences(self) -> list[str]:
        """What is said of them."""
        return [text.text() for text in self._texts]

    def set_jobs(self, jobs: Sequence[Unfinished]) -> None:
        """List these jobs and no others."""
        before, self._shown = self._shown, tuple(jobs)
        # A row that stays is kept: somebody may be about to press its button.
        if [_row_of(job) for job in before] != [_row_of(job) for job in jobs]:
            self._rebuild()
        for job, text in zip(jobs, self._texts, strict=True):
            if text.text() != sentence(job):
                text.setText(sentence(job))
        self.setVisible(bool(jobs))

    def _rebuild(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._texts = []
        for place in range(len(self._shown)):
            self._rows.addWidget(self._row(place))

    def _row(self, place: int) -> QWidget:
        unfinished = self._shown[place]
        name = unfinished.job.name
        text = QLabel()
        text.setWordWrap(True)
        cubes = ", ".join(unfinished.job.cubes)
        more = "Stop it where it was begun." if unfinished.elsewhere else unfinished.ending.message
        text.setToolTip(f"{unfinished.job.minutes:g} minutes with {cubes}. {more}".strip())
        self._texts.append(text)
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(text, 1)
        if unfinished.elsewhere:
            return row
        if not unfinished.job.replaces:
            resume = QPushButton("Resume")
            resume.setAccessibleName(f"Resume {name}")
            resume.setToolTip("Go on from its last checkpoint")
            resume.clicked.connect(lambda: self.resume_requested.emit(self._shown[place]))
            layout.addWidget(resume)
        forget = QPushButton("Forget")
        forget.setAccessibleName(f"Forget {name}")
        forget.setToolTip("Delete its checkpoints; a model that was made of it stays")
        forget.clicked.connect(lambda: self._ask(self._shown[place]))
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


def sentence(unfinished: Unfinished) -> str:
    """How a job stands, in plain words."""
    name, ending = unfinished.job.name, unfinished.ending
    if unfinished.elsewhere:
        progress = ending.progress
        if progress is None:
            return f"“{name}” runs in another program."
        left = time_left(progress.eta_s)
        return (
            f"“{name}” runs in another program: {progress.message}, {progress.fraction:.0%}{left}."
        )
    said = f"“{name}” {_WHY[ending.reason]} at {ending.fraction:.0%}."
    if unfinished.job.replaces:
        said += (
            " It replaces a model: only the command line goes on with it (--overwrite --resume)."
        )
    return said


def _row_of(unfinished: Unfinished) -> tuple[object, ...]:
    """What decides how a row looks, but for its sentence."""
    job = unfinished.job
    return unfinished.folder, unfinished.elsewhere, job, unfinished.ending.message
