"""What every view of a job shows: a patch, the curves, the notes."""

from __future__ import annotations

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_hsi_restore.jobs.learning import Learning
from napari_hsi_restore.jobs.learning_course import Course
from napari_hsi_restore.widgets.parts.learning_notes import LearningNotes
from napari_hsi_restore.widgets.parts.loss_plot import LossPlot
from napari_hsi_restore.widgets.parts.patch_preview import PatchPreview
from napari_hsi_restore.widgets.parts.theme import PlotColors


class LiveView(QWidget):
    """How the job that is shown goes.

    Parameters
    ----------
    floor : str
        What the new network is compared with, such as ``"start model"``.
    above : sequence of QWidget
        What stands above all else.
    parent : QWidget, optional
    """

    def __init__(
        self, floor: str, above: tuple[QWidget, ...] = (), parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.preview = PatchPreview(floor)
        self.plot = LossPlot(floor)
        self.notes = LearningNotes()
        self._shown: Learning | None = None
        self._drawn: object = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        for part in (*above, self.preview, self.plot, self.notes):
            layout.addWidget(part)
        layout.addStretch()

    def set_colors(self, colors: PlotColors) -> None:
        """Follow a theme."""
        self.plot.set_colors(colors)

    def show_job(self, learning: Learning | None) -> None:
        """Show how a job went so far; None shows nothing."""
        if learning is not self._shown:
            self._shown = learning
            self.forget()
        self.notes.show_job(learning)
        if learning is None:
            return
        course = learning.course
        ends = {name: (len(curve), curve[-1]) for name, curve in course.curves.items()}
        drawn = (ends, course.snapshot, course.cell, learning.state)
        # Progress comes several times a second; drawing takes longer than saying it.
        if drawn == self._drawn:
            return
        self._drawn = drawn
        self.plot.show_course(course)
        if course.snapshot is not None:
            self.preview.show_snapshot(course.snapshot)
        self.show_more(learning, course)

    def forget(self) -> None:
        """Show nothing of the job before."""
        self._drawn = None
        self.preview.forget()
        self.plot.show_course(Course())

    def show_more(self, learning: Learning, course: Course) -> None:
        """Show what only this kind of job has."""
