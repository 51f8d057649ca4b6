"""How well a network does while it learns: held-out pixels above, training loss below."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_hsi_restore.jobs.learning_course import Course
from napari_hsi_restore.plugin.marks import color_of
from napari_hsi_restore.widgets.parts.curve_plot import CurvePlot, Trace
from napari_hsi_restore.widgets.parts.theme import PlotColors

_MEMORY = 0.9


class LossPlot(QWidget):
    """Two plots of a `Course`.

    Parameters
    ----------
    floor : str
        What the dashed line is, such as ``"start model"``.
    parent : QWidget, optional
    """

    def __init__(self, floor: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._floor = floor
        self.psnr = CurvePlot(
            "PSNR of held-out pixels",
            "PSNR (dB)",
            "PSNR on pixels that it never learns from: higher is better. It learns something "
            f"useful only above the dashed line, the {floor}.",
        )
        self.loss = CurvePlot(
            "Loss of the training",
            "loss",
            "Error on the patches that it learns from; the bold line is its running mean. It "
            "should fall; that alone does not say that the network got better.",
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.psnr)
        layout.addWidget(self.loss)

    def set_colors(self, colors: PlotColors) -> None:
        """Follow a theme."""
        self.psnr.set_colors(colors)
        self.loss.set_colors(colors)

    def show_course(self, course: Course) -> None:
        """Show how a job went so far."""
        start = course.last("psnr_start")
        named = None if start is None else (start, f"{self._floor}: {start:.2f} dB")
        measured = course.curves.get("psnr", ())
        self.psnr.show_traces(
            [Trace(color_of(1), measured)], named, "measured from time to time on held-out pixels"
        )
        loss = course.curves.get("loss", ())
        traces = [Trace(color_of(0), loss, faint=True), Trace(color_of(0), smooth(loss))]
        self.loss.show_traces(traces, message="comes with the first steps")


def smooth(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Running mean, in which a value counts less the longer it is ago.

    Parameters
    ----------
    points : sequence of (step, value)
    """
    result: list[tuple[int, float]] = []
    mean = weight = 0.0
    for step, value in points:
        mean = _MEMORY * mean + (1 - _MEMORY) * value
        weight = _MEMORY * weight + (1 - _MEMORY)
        result.append((step, mean / weight))
    return result
