"""What every form for learning has: cubes, a name, a time, a device, and options folded away."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSettings, Signal
from qtpy.QtWidgets import QLineEdit, QWidget

from napari_hsi_restore.jobs.learning import Recipe
from napari_hsi_restore.widgets.parts import form_rows
from napari_hsi_restore.widgets.parts.compute_options import ComputeOptions
from napari_hsi_restore.widgets.parts.form_fields import number
from napari_hsi_restore.widgets.parts.learning_name import propose_name
from napari_hsi_restore.widgets.parts.material_list import MaterialList


class LearningForm(QWidget):
    """Holds the settings of a job; knows no viewer and starts nothing.

    Parameters
    ----------
    minutes : float
        Before the user chooses another time.
    parent : QWidget, optional
    """

    changed = Signal()

    def __init__(self, minutes: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._typed_name = False
        self._first_minutes = minutes
        self.material = MaterialList()
        self.name = QLineEdit()
        self.name.setAccessibleName("Name of the new model")
        self.name.setToolTip("The new model stands under this name in the list of the Restore dock")
        self.name.textEdited.connect(self._on_name)
        self.minutes = number(
            "Minutes", "How long it learns; you can stop earlier", minutes, (0.5, 7 * 24 * 60.0)
        )
        self.minutes.setSuffix(" min")
        self.minutes.valueChanged.connect(lambda *_: self.changed.emit())
        self.compute = ComputeOptions(self)
        self.compute.changed.connect(self.changed)

    def recipe(self) -> Recipe:
        """Return the settings as they stand.

        Raises
        ------
        UserError
            If something is missing.
        """
        raise NotImplementedError

    def _beginning(self) -> str:
        """What the proposed name begins with."""
        raise NotImplementedError

    def set_layers(self, layers: Sequence[tuple[str, object]], active: object) -> None:
        """Offer these layers to learn from."""
        self.material.set_layers(layers, active)
        self.material.changed.emit()

    def propose(self, taken: Sequence[str]) -> None:
        """Propose a name that is free, unless the user has typed one.

        Parameters
        ----------
        taken : sequence of str
            Names that are not free.
        """
        if not self._typed_name:
            cubes = self.material.ticked
            cube = cubes[0].name if cubes else ""
            self.name.setText(propose_name(self._beginning(), cube, taken))

    def forget_name(self) -> None:
        """Propose names again: the typed one is taken now."""
        self._typed_name = False

    def recall(self, settings: QSettings) -> None:
        """Take the settings of an earlier session."""
        self.minutes.setValue(form_rows.number(settings, "minutes", self._first_minutes))
        self.compute.recall(settings)

    def remember(self, settings: QSettings) -> None:
        """Keep the settings for the next session."""
        settings.setValue("minutes", self.minutes.value())
        self.compute.remember(settings)

    def _on_name(self, text: str) -> None:
        self._typed_name = bool(text.strip())
        self.changed.emit()
