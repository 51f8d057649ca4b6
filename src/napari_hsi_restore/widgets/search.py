"""The dock *Search*: finds a new network for the user's own sensor and shows it thinking."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari.viewer
from qtpy.QtWidgets import QWidget

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.jobs.learning import Learning
from napari_hsi_restore.jobs.learning_course import Course
from napari_hsi_restore.jobs.learning_job import Material
from napari_hsi_restore.plugin.marks import color_of
from napari_hsi_restore.search_space.genotype import Genotype
from napari_hsi_restore.search_space.sharing import read_genotype
from napari_hsi_restore.widgets.parts.cell_drawing import CellDrawing
from napari_hsi_restore.widgets.parts.curve_plot import CurvePlot, Trace
from napari_hsi_restore.widgets.parts.found_table import FoundTable, rows_of
from napari_hsi_restore.widgets.parts.learning_dock import LearningDock, collect
from napari_hsi_restore.widgets.parts.live_view import LiveView
from napari_hsi_restore.widgets.parts.material_list import NO_CUBE
from napari_hsi_restore.widgets.parts.search_form import SearchForm
from napari_hsi_restore.widgets.parts.theme import PlotColors
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label

FOUND = "found.json"


class SearchWidget(LearningDock[SearchForm, "SearchView"]):
    """Searches in the background and draws what the search thinks.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    """

    # Spelled in full: napari looks for this very annotation.
    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(
            viewer,
            "search",
            SearchForm(),
            SearchView(),
            "Search in the background; napari can be used meanwhile",
        )

    def _plan(self) -> str:
        form = self.form
        ticked = form.material.ticked
        if not ticked:
            return NO_CUBE if not form.material.sources else "Tick the cubes to learn from."
        names = ", ".join(f"“{source.name}”" for source in ticked)
        minutes = form.minutes.value()
        if form.cell.path is not None:
            return (
                f"Start trains the network that has the cell of {form.cell.path.name} for "
                f"{minutes:.3g} minutes on {names}; nothing is searched. Out comes the model "
                f"“{form.name.text()}” in the list of the Restore dock."
            )
        searching = minutes * form.share.value() / 100
        return (
            f"Start searches for about {searching:.3g} minutes on {names} for the cell that "
            "removes noise best, then trains the network that has it for "
            f"{minutes - searching:.3g} minutes. Out comes the model “{form.name.text()}” in the "
            "list of the Restore dock, and its score beside the bundled ones on pixels that it "
            "never learned from."
        )

    def _material(self) -> Callable[[], Material]:
        return collect(self.form.material.ticked)


class SearchView(LiveView):
    """The cell, the entropy, the scores and a patch of the job that is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self._found: tuple[Path, Genotype] | None = None
        self.title = wrapping_label("What the picture shows", None)
        self.drawing = CellDrawing()
        self.entropy = CurvePlot(
            "Entropy of the architecture",
            "undecided",
            "How undecided the search is: 1, all choices are alike; 0, it has decided",
            limits=(0.0, 1.05),
        )
        self.table = FoundTable()
        above = (self.title, self.drawing, self.entropy, self.table)
        super().__init__("best bundled", above, parent)

    def set_colors(self, colors: PlotColors) -> None:
        """Follow a theme."""
        super().set_colors(colors)
        self.drawing.set_colors(colors)
        self.entropy.set_colors(colors)
        self.table.set_highlight(colors.highlight)

    def forget(self) -> None:
        """Show nothing of the job before."""
        super().forget()
        self.title.setText("")
        self.drawing.forget()
        self.table.set_rows([])

    def show_more(self, learning: Learning, course: Course) -> None:
        """Show the cell, how decided it is, and what it is worth."""
        found = self._genotype(learning.folder)
        if found is not None:
            self.drawing.show_found(found)
            cost = course.last("cost")
            costs = "" if cost is None else f" It costs {cost:.0%} of the dearest possible one."
            self.title.setText(f"The cell that was found.{costs}")
        elif course.cell is not None:
            self.drawing.show_state(course.cell)
            self.title.setText(
                "What the search thinks of the cell now: wide edges help, faded ones do not."
            )
        points = course.curves.get("entropy", ())
        self.entropy.show_traces([Trace(color_of(3), points)], message="falls as it decides")
        self.table.set_rows(rows_of(learning.job.name, course, learning.record))

    def _genotype(self, folder: Path) -> Genotype | None:
        path = folder / FOUND
        if self._found is not None and self._found[0] == path:
            return self._found[1]
        try:
            if not path.exists():
                return None
            self._found = path, read_genotype(path)
        except UserError:
            return None
        return self._found[1]
