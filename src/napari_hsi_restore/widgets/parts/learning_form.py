"""What every form for learning has: cubes, a name, a time, a device, and options folded away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from qtpy.QtCore import QSettings, Signal
from qtpy.QtWidgets import QLineEdit, QWidget

from napari_hsi_restore.jobs.learning import Recipe
from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.widgets.parts import form_rows
from napari_hsi_restore.widgets.parts.compute_options import AUTO, ComputeOptions
from napari_hsi_restore.widgets.parts.form_fields import Folded, number, whole
from napari_hsi_restore.widgets.parts.learning_name import propose_name
from napari_hsi_restore.widgets.parts.material_list import MaterialList

_ALL = 0
_MOST_GPUS = 64


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
        self.gpus = whole(
            "GPUs",
            "How many learn together, each from squares of its own; a step then sees so many times "
            "as many",
            _ALL,
            (_ALL, _MOST_GPUS),
        )
        self.gpus.setSpecialValueText("all")
        self.gpus.valueChanged.connect(self._on_gpus)
        self.folded = form_rows.form_layout()
        self._several = False

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

    def show_devices(self, devices: Sequence[DeviceInfo]) -> None:
        """List the devices; how many GPUs learn can be said where there are several."""
        self.compute.show_devices(devices)
        count = sum(device.name.startswith("cuda") for device in devices)
        self._several = count > 1
        self.gpus.setMaximum(count if self._several else _MOST_GPUS)
        self._show_gpus()

    @property
    def devices(self) -> int | Literal["auto"]:
        """How many devices learn, as a recipe has it."""
        count = self.gpus.value()
        return count if self._can_share and count != _ALL else "auto"

    @property
    def _can_share(self) -> bool:
        return self._several and self.compute.device.currentData() == AUTO

    def _fold(self, rows: Sequence[form_rows.Row]) -> Folded:
        """Rows that are folded away, with that of the GPUs."""
        form_rows.add_rows(self.folded, [*rows, self._gpu_row])
        self.compute.changed.connect(self._show_gpus)
        self._show_gpus()
        return Folded("Advanced", self.folded)

    @property
    def _gpu_row(self) -> form_rows.Row:
        return ("GPUs", self.gpus)

    def _on_gpus(self) -> None:
        self._show_gpus()
        self.changed.emit()

    def _show_gpus(self) -> None:
        form_rows.show_rows(self.folded, (self._gpu_row,), self._can_share)
        if self._several:
            count = self.gpus.value() or self.gpus.maximum()
            auto = self.compute.device.findData(AUTO)
            one = self.compute.device.itemText(auto + 1)
            self.compute.device.setItemText(
                auto, f"auto: {count} GPUs" if count > 1 else f"auto: {one}"
            )

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
            cube = ""
            if cubes:
                path = cubes[0].path
                cube = cubes[0].name if path is None else path.stem
            self.name.setText(propose_name(self._beginning(), cube, taken))

    def forget_name(self) -> None:
        """Propose names again: the typed one is taken now."""
        self._typed_name = False

    def recall(self, settings: QSettings) -> None:
        """Take the settings of an earlier session."""
        self.minutes.setValue(form_rows.number(settings, "minutes", self._first_minutes))
        self.compute.recall(settings)
        self.gpus.setValue(int(form_rows.number(settings, "gpus", _ALL)))

    def remember(self, settings: QSettings) -> None:
        """Keep the settings for the next session."""
        settings.setValue("minutes", self.minutes.value())
        self.compute.remember(settings)
        settings.setValue("gpus", self.gpus.value())

    def _on_name(self, text: str) -> None:
        self._typed_name = bool(text.strip())
        self.changed.emit()
