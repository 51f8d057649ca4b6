"""What is wrong with a cube: a chart, sentences, and which model suits that."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_hsi_restore.noise.report import NoiseReport
from napari_hsi_restore.restore.recommend import Recommendation
from napari_hsi_restore.widgets.parts.noise_chart import NoiseChart
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label

_FORMATS = (("Table of the bands (.csv)", "csv"), ("Report that can be read again (.json)", "json"))


class NoisePanel(QWidget):
    """Shows a report on the noise; knows no layer and no file.

    Signals
    -------
    model_requested(str)
        The user wants the recommended model.
    save_requested(str)
        The user wants the report in a file of this suffix.
    """

    model_requested = Signal(str)
    save_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chart = NoiseChart()
        self.findings = wrapping_label("What was found", self)
        self.advice = wrapping_label("Recommendation", self)
        self.take = QPushButton()
        self.take.setAccessibleName("Take the recommended model")
        self.take.clicked.connect(lambda: self.model_requested.emit(self._recommended))
        self.save = QPushButton("Save report…")
        self.save.setAccessibleName("Save report")
        self.save.setToolTip("Save what was found of every band")
        menu = QMenu(self.save)
        for title, suffix in _FORMATS:
            action = menu.addAction(title)
            assert action is not None
            action.triggered.connect(lambda _=False, s=suffix: self.save_requested.emit(s))
        self.save.setMenu(menu)
        self._recommended = ""
        buttons = QHBoxLayout()
        buttons.addWidget(self.take)
        buttons.addWidget(self.save)
        buttons.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.chart)
        layout.addWidget(self.findings)
        layout.addWidget(self.advice)
        layout.addLayout(buttons)
        self.forget()

    def forget(self) -> None:
        """Show no report: it belongs to another cube."""
        self.chart.forget()
        for part in (self.findings, self.advice, self.take, self.save):
            part.hide()

    def show_report(
        self, report: NoiseReport, wavelengths_nm: npt.NDArray[np.float64] | None
    ) -> None:
        """Show what was found.

        Parameters
        ----------
        report : NoiseReport
        wavelengths_nm : float64 ndarray, (bands,), or None
        """
        found = list(report.findings)
        if len(found) == 1:
            found.append("No stripes, dead lines, impulses or bad bands were found.")
        self.findings.setText("\n".join(f"• {sentence}" for sentence in found))
        self.chart.show_report(report, wavelengths_nm)
        self.findings.show()
        self.save.show()

    def show_advice(self, advice: Recommendation, chosen: str, automatic: str) -> None:
        """Say which model suits the noise.

        Parameters
        ----------
        advice : Recommendation
        chosen : str
            The model that is set.
        automatic : str
            What that is called when it is left to the program.
        """
        self._recommended = advice.model
        follows = chosen in (advice.model, automatic)
        if chosen == automatic:
            begin = f"{automatic} takes {advice.model}"
        elif follows:
            begin = f"{advice.model} is what suits it"
        else:
            begin = f"Recommended: {advice.model}, not {chosen}"
        self.advice.setText(f"{begin}. {advice.reason}")
        self.take.setText(f"Use {advice.model}")
        self.take.setToolTip(f"Choose the model {advice.model} above")
        self.advice.show()
        self.take.setVisible(not follows)
