"""What a job has said while it went on."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_hsi_restore.jobs.learning import Learning
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label

_MOST = 6
NOTHING = "Press Start in the tab New: what is learned is shown here while it happens."


class LearningNotes(QWidget):
    """The job in one line, and its last notes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text: QLabel = wrapping_label("Notes", self)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        self.show_job(None)

    def show_job(self, learning: Learning | None) -> None:
        """Show the notes of a job; None says how to begin."""
        if learning is None:
            said = NOTHING
        else:
            cubes = ", ".join(learning.job.cubes)
            lines = [f"“{learning.job.name}”: {learning.job.minutes:g} minutes with {cubes}."]
            said = "\n".join([*lines, *learning.course.notes[-_MOST:]])
        if said != self.text.text():
            self.text.setText(said)
