"""What only super-resolution can be told, and what will come of it."""

from __future__ import annotations

from qtpy.QtCore import QObject, QSettings, Qt, Signal
from qtpy.QtWidgets import QLabel

from napari_hsi_restore.restore.superres_recipe import (
    CLASSICAL,
    CORRECTIONS,
    DEFAULT_CORRECTION,
    FineOptions,
)
from napari_hsi_restore.widgets.parts.form_rows import Row, combo

_TITLES = {
    "published+consistent": "FineSR, then back-projection",
    "published": "FineSR, as published",
    "pixel": "FineSR, weighted pixel by pixel",
    "consistent": "back-projection",
    "none": "none",
}

_AVERAGING = {
    "automatic: where it pays": None,
    "over eight turns (slower, more accurate)": True,
    "none": False,
}


class SuperresOptions(QObject):
    """Fields of a form, in `rows`."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.correction = combo(
            "Correction",
            "Brings what the network gives back to what was measured; a step that would turn the "
            "spectra away from the input is left out. The first entry is the recommended one",
        )
        first = {DEFAULT_CORRECTION: CORRECTIONS[DEFAULT_CORRECTION]}
        for name in {**first, **CORRECTIONS}:
            self.correction.addItem(_TITLES.get(name, name), name)
        self.averaging = combo(
            "Averaging",
            "The network can also answer to the turned and mirrored cube; the mean of its eight "
            "answers is more accurate and eight times the work. The line Result says what the "
            "first entry means for this cube",
        )
        for title, wanted in _AVERAGING.items():
            self.averaging.addItem(title, wanted)
        self.foreseen = QLabel()
        self.foreseen.setWordWrap(True)
        self.foreseen.setAccessibleName("What comes out")
        self.foreseen.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.rows: tuple[Row, ...] = (
            ("Correction", self.correction),
            ("Averaging", self.averaging),
            ("Result", self.foreseen),
        )
        self.correction.currentIndexChanged.connect(lambda *_: self.changed.emit())
        self.averaging.currentIndexChanged.connect(lambda *_: self.changed.emit())

    @property
    def fine(self) -> FineOptions:
        """The chosen correction."""
        return CORRECTIONS[self.correction.currentData()]

    @property
    def ensemble(self) -> bool | None:
        """Whether the answers to eight turns are averaged; None for where that is quick."""
        chosen: bool | None = self.averaging.currentData()
        return chosen

    def follow_model(self, name: str) -> None:
        """Offer a correction and the mean of turns only where there is a model."""
        self.correction.setEnabled(name not in CLASSICAL)
        self.averaging.setEnabled(name not in CLASSICAL)

    def recall(self, settings: QSettings) -> None:
        """Take the settings of an earlier session."""
        index = self.correction.findData(settings.value("correction", DEFAULT_CORRECTION))
        self.correction.setCurrentIndex(max(0, index))
        index = self.averaging.findText(settings.value("averaging", ""))
        self.averaging.setCurrentIndex(max(0, index))

    def remember(self, settings: QSettings) -> None:
        """Keep the settings for the next session."""
        settings.setValue("correction", self.correction.currentData())
        settings.setValue("averaging", self.averaging.currentText())
