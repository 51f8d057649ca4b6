"""What becomes of bands that are marked as bad, said and asked where a cube has some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from qtpy.QtCore import QSettings, Qt, Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_hsi_restore.restore.bad_bands import listed
from napari_hsi_restore.widgets.parts.form_rows import combo

_MOST_NAMED = 60


class BadBandsField(QWidget):
    """A choice and a sentence.

    Signals
    -------
    changed()
        Another choice was made.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bands: tuple[int, ...] = ()
        self._enlarges = False
        self.choice = combo(
            "Bad bands",
            "Bands that are marked as bad have no part in restoring the others. Mark and unmark "
            "them in the dock Inspect, with Edit bands",
        )
        self.choice.addItem("keep as they are", "keep")
        self.choice.addItem("fill from the others", "restore")
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.said.setAccessibleName("What becomes of bad bands")
        self.said.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.choice)
        column.addWidget(self.said)
        self.choice.currentIndexChanged.connect(self._choose)

    @property
    def wanted(self) -> Literal["keep", "restore"]:
        """What `DenoiseRecipe.bad_bands` is to be."""
        return cast(Literal["keep", "restore"], self.choice.currentData())

    @property
    def any(self) -> bool:
        """Whether there are bad bands."""
        return bool(self._bands)

    def show_bands(self, bands: Sequence[int], *, enlarges: bool) -> None:
        """Say what becomes of these bad bands.

        Parameters
        ----------
        bands : sequence of int
            Counted from 0.
        enlarges : bool
            Whether the cube is to be enlarged, where there is no choice.
        """
        self._bands, self._enlarges = tuple(int(band) for band in bands), enlarges
        self.choice.setVisible(not enlarges)
        self._say()

    def recall(self, settings: QSettings) -> None:
        """Take the choice of an earlier session."""
        index = self.choice.findData(settings.value("bad_bands", "keep"))
        self.choice.setCurrentIndex(max(0, index))

    def remember(self, settings: QSettings) -> None:
        """Keep the choice for the next session."""
        settings.setValue("bad_bands", self.wanted)

    def _choose(self) -> None:
        self._say()
        self.changed.emit()

    def _say(self) -> None:
        names = listed(self._bands, "–")
        if len(names) > _MOST_NAMED:
            names = f"{names[:_MOST_NAMED].rpartition(',')[0]}, …"
        one = len(self._bands) == 1
        if self._enlarges:
            became = "enlarged by bicubic resampling alone"
        elif self.wanted == "keep":
            became = "passed through unchanged"
        else:
            became = f"replaced by what the other bands say of {'it' if one else 'them'}"
        noun, are = ("band", "is") if one else ("bands", "are")
        self.said.setText(
            f"{len(self._bands)} {noun} marked bad ({names}): left out of restoring the others, "
            f"and {are} {became}."
        )
