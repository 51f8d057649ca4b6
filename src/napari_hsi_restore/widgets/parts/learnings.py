"""The fine-tunings and searches of this process, watched for the docks of one window.

The jobs belong to the process (`jobs.learning`), not to a dock: a dock that is closed and
opened again finds them as they are then.
"""

from __future__ import annotations

import functools

from napari.utils.notifications import show_error, show_info
from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.jobs.learning import Learning, LearningClient, shared_learning
from napari_hsi_restore.jobs.learning_folders import Unfinished
from napari_hsi_restore.jobs.learning_job import Kind
from napari_hsi_restore.widgets.parts.background import start_work
from napari_hsi_restore.widgets.parts.model_library import model_library

_POLL_MS = 150
_OTHERS_MS = 2000
"""Between two looks at what other programs do, which say something every two seconds."""


class Learnings(QObject):
    """Watches the jobs and tells what changes.

    Parameters
    ----------
    client : LearningClient
    parent : QObject
        The main window.
    """

    changed = Signal()

    def __init__(self, client: LearningClient, parent: QObject) -> None:
        super().__init__(parent)
        self.client = client
        self.unfinished: tuple[Unfinished, ...] = ()
        self._seen: dict[Learning, int] = {}
        self._states: dict[Learning, str] = {}
        self._listing = False
        self._asked_again = False
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._poll)
        self._timer.start()
        self._others = QTimer(self)
        self._others.setInterval(_OTHERS_MS)
        self._others.timeout.connect(self.list_unfinished)
        self._others.start()
        if isinstance(parent, QMainWindow):
            parent.installEventFilter(self)
        self.list_unfinished()

    def latest(self, kind: Kind) -> Learning | None:
        """The job of a kind that is to be shown: the one that learns, else the newest."""
        jobs = [job for job in self.client.jobs if job.job.kind == kind]
        running = [job for job in jobs if job.state in ("learning", "stopping")]
        waiting = [job for job in jobs if job.active]
        shown = running or waiting[:1] or [job for job in jobs if job.state != "withdrawn"]
        return shown[-1] if shown else None

    def list_unfinished(self) -> None:
        """Look on the disk for jobs that can be resumed, and those of other programs."""
        self._asked_again = self._listing
        if not self._listing:
            self._listing = True
            start_work(self._take_unfinished, self.client.others)

    def resume(self, unfinished: Unfinished) -> None:
        """Go on with a job."""
        try:
            self.client.resume(unfinished)
        except UserError as error:
            show_error(str(error))
        self.list_unfinished()

    def forget(self, unfinished: Unfinished) -> None:
        """Delete a job."""
        self.client.forget(unfinished)
        self.list_unfinished()

    def _take_unfinished(self, found: tuple[Unfinished, ...]) -> None:
        self._listing = False
        if self._asked_again:
            # Something has changed since that look began.
            self.list_unfinished()
        if found == self.unfinished:
            return
        there = {job.folder for job in found if job.elsewhere}
        ended = {job.folder for job in self.unfinished if job.elsewhere} - there
        self.unfinished = found
        if ended:
            # Another program may have made a model of it.
            model_library.changed.emit()
        self.changed.emit()

    def _poll(self) -> None:
        jobs = self.client.jobs
        moved = [job for job in jobs if self._seen.get(job) != job.changes]
        for job in moved:
            self._seen[job] = job.changes
            if self._states.get(job) != job.state:
                before, self._states[job] = self._states.get(job), job.state
                self._tell(job, before)
        if moved:
            self.changed.emit()

    def _tell(self, job: Learning, before: str | None) -> None:
        """Say what became of a job, for its dock may be closed."""
        if not job.active:
            self.list_unfinished()
        if before is None:
            return  # It ended before this window began to watch.
        if job.state in ("done", "stopped") and job.record is not None:
            model_library.changed.emit()
            show_info(
                f"The model “{job.record.name}” is in the list of the Restore dock. "
                f"{job.record.remark}".strip()
            )
        elif job.state in ("failed", "interrupted") and job.message:
            show_error(f"“{job.job.name}”: {job.message}")

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:  # noqa: N802
        """End the jobs, so that they can be resumed, together with the last window."""
        if watched is self.parent() and event is not None and event.type() == QEvent.Type.Close:
            QTimer.singleShot(0, functools.partial(_leave_without_windows, self.client))
        return super().eventFilter(watched, event)


def _leave_without_windows(client: LearningClient) -> None:
    # napari may ask first, and the user may stay; or another window is still there.
    windows = (
        widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMainWindow)
    )
    if not any(window.isVisible() for window in windows):
        client.leave()


def learnings_of(widget: QWidget) -> Learnings:
    """Return what watches the jobs for the window of a widget, made when first asked for."""
    owner: QObject = widget
    parent: QObject | None = widget
    while parent is not None:
        if isinstance(parent, QMainWindow):
            owner = parent
        parent = parent.parent()
    found = [child for child in owner.children() if isinstance(child, Learnings)]
    return found[0] if found else Learnings(shared_learning(), owner)
