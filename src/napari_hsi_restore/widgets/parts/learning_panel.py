"""Buttons to start and stop learning, a progress bar, and what happens now in plain words."""

from __future__ import annotations

import dataclasses

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_hsi_restore.jobs.learning import Learning
from napari_hsi_restore.widgets.parts.runs import time_left
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label

_STEPS = 1000
_STATUS_LINES = 3


@dataclasses.dataclass(frozen=True)
class LearningStatus:
    """How things stand, ready to be shown.

    Attributes
    ----------
    text : str
    busy : bool
        Whether there is something to stop.
    fraction : float or None
        0 to 1; None while it is not known.
    remaining : str
        Percent and time left, or empty.
    """

    text: str
    busy: bool = False
    fraction: float | None = None
    remaining: str = ""


def status_of(learning: Learning | None, before: int, waiting: int, ready: str) -> LearningStatus:
    """How a job stands, in plain words.

    Parameters
    ----------
    learning : Learning or None
    before, waiting : int
        Jobs that it waits for, and jobs that wait for it.
    ready : str
        What to say while there is no job.
    """
    if learning is None:
        return LearningStatus(ready)
    name, state = f"“{learning.job.name}”", learning.state
    more = f" ({waiting} more waiting)" if waiting else ""
    if state == "learning":
        return _learning(learning, name, more)
    if learning.active:
        others = "one other job" if before == 1 else f"{before} other jobs"
        said = {
            "preparing": "copying the cubes…",
            "waiting": f"waits until {others} ended." if before else "begins…",
            "stopping": "stopping; the best so far is kept…",
        }[state]
        return LearningStatus(f"{name}: {said}{more}", True)
    if state in ("done", "stopped"):
        return LearningStatus(_outcome(learning, name), fraction=1.0 if state == "done" else None)
    return LearningStatus(f"{name}: {learning.message or 'was interrupted.'}")


def _learning(learning: Learning, name: str, more: str) -> LearningStatus:
    progress = learning.course.progress
    if progress is None or not progress.fraction:
        said = progress.message if progress and progress.message else "starting"
        return LearningStatus(f"{name}: {said}…{more}", True)
    return LearningStatus(
        f"{name}: {progress.message or 'learning'}{more}",
        True,
        progress.fraction,
        f"{progress.fraction:.0%}{time_left(progress.eta_s)}",
    )


def _outcome(learning: Learning, name: str) -> str:
    stopped = "Stopped. " if learning.state == "stopped" else ""
    record = learning.record
    if record is None:
        return (
            f"{name} was stopped before its first check: there is no model yet. Resume goes on "
            "from where it was."
        )
    remark = record.remark or ("" if record.recommended else "It is not better than its start.")
    return f"{stopped}The model {name} is in the list of the Restore dock. {remark}".strip()


class LearningPanel(QWidget):
    """Emits what the user asks for and shows a `LearningStatus`."""

    start_requested = Signal()
    stop_requested = Signal()

    def __init__(self, start_tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start = _button("Start", start_tip)
        self.stop = _button("Stop", "Stop now; the best so far is kept as a model")
        self.start.clicked.connect(self.start_requested)
        self.stop.clicked.connect(self.stop_requested)
        self.bar = QProgressBar()
        self.bar.setAccessibleName("Progress")
        keep = self.bar.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(keep)
        self.status = wrapping_label("Status", self)
        self.status.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.status.setMinimumHeight(_STATUS_LINES * self.status.fontMetrics().lineSpacing())
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.stop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.status)

    def set_colors(self, text: str, highlight: str) -> None:
        """Make Start stand out, in the colours of a theme.

        Parameters
        ----------
        text, highlight : str
            Colour names as Qt takes them.
        """
        self.start.setStyleSheet(
            f"QPushButton:enabled {{ background: {highlight}; color: {text}; font-weight: bold; }}"
        )

    def show_status(self, status: LearningStatus) -> None:
        """Show how things stand."""
        self.stop.setEnabled(status.busy)
        self.start.setText("Start another" if status.busy else "Start")
        self.bar.setVisible(status.busy)
        if status.busy and status.fraction is None:
            self.bar.setRange(0, 0)
        else:
            self.bar.setRange(0, _STEPS)
            self.bar.setValue(round(_STEPS * (status.fraction or 0.0)))
        self.bar.setFormat(status.remaining)
        if self.status.text() != status.text:
            self.status.setText(status.text)


def _button(text: str, tip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tip)
    button.setAccessibleName(text)
    return button
