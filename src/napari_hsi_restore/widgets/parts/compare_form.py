"""Everything that is seen of the Compare dock."""

from __future__ import annotations

from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.widgets.parts.check_list import CheckList
from napari_hsi_restore.widgets.parts.cube_chooser import CubeChooser
from napari_hsi_restore.widgets.parts.score_table import ScoreTable
from napari_hsi_restore.widgets.parts.spectrum_plot import SpectrumPlot
from napari_hsi_restore.widgets.parts.theme import PlotColors
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label


class CompareForm(QWidget):
    """The reference, the results, their scores, maps of them, and two plots.

    Attributes
    ----------
    reference, results, status, table, spectra, per_band : QWidget
        The parts, which the dock connects.
    score, cancel, copy, csv : QPushButton
        What is done with the scores.
    error, angle, residual, lay_over : QPushButton
        What is done on the canvas.
    side_by_side, linked : QCheckBox
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.reference = CubeChooser(none_text="(none)", parent=self)
        self.reference.setAccessibleName("Reference")
        self.reference.setToolTip("The clean cube that results are measured against.")
        self.results = CheckList(self)
        self.results.setAccessibleName("Results")
        self.results.setToolTip("Tick the cubes to compare.")
        self.status = wrapping_label("Message", self)
        self.score = self._button(
            "Compute &scores", "PSNR, SSIM, SAM and ERGAS of the ticked results."
        )
        self.cancel = self._button("Ca&ncel", "Stop computing scores.")
        self.copy = self._button("Cop&y table", "Copy the scores as text.")
        self.csv = self._button("Save CS&V…", "Save the scores as a table.")
        self.table = ScoreTable(self)
        self.table.setAccessibleName("Scores")
        self.error = self._button(
            "&Error map", "Where the ticked results differ from the reference."
        )
        self.angle = self._button(
            "Spectral-&angle map",
            "Where the shape of the spectra differs from the reference, in degrees.",
        )
        self.residual = self._button(
            "Residua&l", "Result minus the cube it was made from (else minus the reference)."
        )
        self.side_by_side = self._check("Side &by side", "Show all visible layers in a grid.")
        self.linked = self._check(
            "Same &contrast",
            "Contrast limits, gamma and colours of the compared layers change together.",
        )
        self.lay_over = self._button(
            "Lay &over", "Move the reference onto the results, pixel on pixel."
        )
        self.lay_over.hide()
        self.spectra = SpectrumPlot(self)
        self.per_band = SpectrumPlot(self)
        self._lay_out()
        # Else napari adds a stretch below, which takes the plots' room.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def plots(self) -> tuple[SpectrumPlot, SpectrumPlot]:
        """Both plots, which share their axis of bands."""
        return self.spectra, self.per_band

    def set_theme(self, theme: str, colors: PlotColors) -> None:
        """Take the colours of napari's theme."""
        for plot in self.plots:
            plot.set_colors(colors)
        self.table.set_highlight(colors.highlight)
        self.results.set_theme(theme)

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleName(text.replace("&", ""))
        return button

    def _check(self, text: str, tip: str) -> QCheckBox:
        box = QCheckBox(text, self)
        box.setToolTip(tip)
        return box

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        label = QLabel("&Reference")
        label.setBuddy(self.reference)
        top.addWidget(label)
        top.addWidget(self.reference, 1)
        scores = QHBoxLayout()
        for button in (self.score, self.cancel, self.copy, self.csv):
            scores.addWidget(button)
        maps = QGridLayout()
        for place, item in enumerate(
            (
                self.error,
                self.angle,
                self.residual,
                self.side_by_side,
                self.linked,
                self.lay_over,
            )
        ):
            maps.addWidget(item, place // 3, place % 3)
        tabs = QTabWidget(self)
        tabs.addTab(self.spectra, "Spectra at the cursor")
        tabs.addTab(self.per_band, "PSNR of each band")
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(QLabel("Results"))
        layout.addWidget(self.results)
        layout.addWidget(self.status)
        layout.addLayout(scores)
        layout.addWidget(self.table)
        layout.addLayout(maps)
        layout.addWidget(tabs, 1)
