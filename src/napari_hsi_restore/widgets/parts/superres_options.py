"""What only super-resolution can be told, and what will come of it."""

from __future__ import annotations

from qtpy.QtCore import QObject, QSettings, Qt, Signal
from qtpy.QtWidgets import QCheckBox, QLabel

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
        self.ensemble = QCheckBox("Average over eight turns (slower, more accurate)")
        self.ensemble.setToolTip(
            "The network also answers to the turned and mirrored cube, and the mean of its answers "
            "is taken: eight times the work. Leave it out while you preview"
        )
        self.foreseen = QLabel()
        self.foreseen.setWordWrap(True)
        self.foreseen.setAccessibleName("What comes out")
        self.foreseen.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.rows: tuple[Row, ...] = (
            ("Correction", self.correction),
            (None, self.ensemble),
            ("Result", self.foreseen),
        )
        self.correction.currentIndexChanged.connect(lambda *_: self.changed.emit())
        self.ensemble.toggled.connect(lambda *_: self.changed.emit())

    @property
    def fine(self) -> FineOptions:
        """The chosen correction."""
        return CORRECTIONS[self.correction.currentData()]

    def follow_model(self, name: str) -> None:
        """Offer a correction and the mean of turns only where there is a model."""
        self.correction.setEnabled(name not in CLASSICAL)
        self.ensemble.setEnabled(name not in CLASSICAL)

    def recall(self, settings: QSettings) -> None:
        """Take the settings of an earlier session."""
        index = self.correction.findData(settings.value("correction", DEFAULT_CORRECTION))
        self.correction.setCurrentIndex(max(0, index))
        self.ensemble.setChecked(settings.value("ensemble", "false") == "true")

    def remember(self, settings: QSettings) -> None:
        """Keep the settings for the next session."""
        settings.setValue("correction", self.correction.currentData())
        settings.setValue("ensemble", "true" if self.ensemble.isChecked() else "false")
