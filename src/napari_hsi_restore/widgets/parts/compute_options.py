"""Where a run computes and how much memory it takes."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QObject, QSettings, Signal
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QDoubleSpinBox, QLabel, QSpinBox, QWidget
from superqt import QCollapsible

from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.widgets.parts.form_rows import Row, add_rows, combo, form_layout, number

AUTO = "auto"

_SMALLEST_TILE = 8


class ComputeOptions(QObject):
    """Fields of a form, in `rows`, and those that are folded away, in `advanced`."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.device = combo("Device", "What computes, with its free memory")
        self.device.addItem("auto", AUTO)
        self.free = QLabel()
        self.free.setAccessibleName("Free memory of the device")
        self._memory_of: dict[str, str] = {}
        self._best = ""
        self.memory = QDoubleSpinBox()
        self.memory.setRange(0.0, 1024.0)
        self.memory.setSingleStep(0.5)
        self.memory.setSuffix(" GiB")
        self.memory.setSpecialValueText("automatic")
        self.memory.setAccessibleName("Memory limit")
        self.memory.setToolTip(
            "Memory that tiles may take, beside cube and result; automatic: half of what is free"
        )
        self.tile = QSpinBox()
        self.tile.setRange(_SMALLEST_TILE - 1, 4096)
        self.tile.setSuffix(" px")
        self.tile.setSpecialValueText("automatic")
        self.tile.setAccessibleName("Tile size")
        self.tile.setToolTip(
            "Side of a tile; the result does not depend on it; automatic: what fits the memory"
        )
        self.rows: tuple[Row, ...] = (("Device", self.device), ("", self.free))
        # Icons drawn by the widget itself keep the colours of another theme.
        self.advanced = QCollapsible("", expandedIcon=QIcon(), collapsedIcon=QIcon())
        self._fold()
        self.device.currentIndexChanged.connect(self._show_memory)
        for signal in (
            self.device.currentIndexChanged,
            self.memory.valueChanged,
            self.tile.valueChanged,
        ):
            signal.connect(lambda *_: self.changed.emit())

    def _fold(self) -> None:
        folded = form_layout()
        folded.setContentsMargins(12, 0, 0, 0)
        add_rows(folded, (("Memory limit", self.memory), ("Tile size", self.tile)))
        content = QWidget()
        content.setLayout(folded)
        self.advanced.setContent(content)
        self.advanced.toggled.connect(self._name_advanced)
        self._name_advanced(False)
        self.advanced.collapse(animate=False)

    @property
    def memory_limit_gib(self) -> float | None:
        """What is typed, or None for automatic."""
        value = float(self.memory.value())
        return value if value > self.memory.minimum() else None

    @property
    def tile_side(self) -> int | None:
        """What is typed, or None for automatic."""
        value = int(self.tile.value())
        return value if value > self.tile.minimum() else None

    @property
    def on_gpu(self) -> bool:
        """Whether the chosen device is a GPU, as far as that is known."""
        chosen = self.device.currentData()
        return str(self._best if chosen == AUTO else chosen).startswith("cuda")

    def show_devices(self, devices: Sequence[DeviceInfo]) -> None:
        """List the devices with their free memory; the first is what automatic means."""
        chosen = self.device.currentData()
        self.device.blockSignals(True)
        self.device.clear()
        best = f": {devices[0].label}" if devices else ""
        self.device.addItem(f"auto{best}", AUTO)
        for device in devices:
            self.device.addItem(device.label, device.name)
        index = self.device.findData(chosen)
        if index < 0:
            # A device that was chosen once and is gone is named by the error of the run.
            self.device.addItem(f"{chosen} (not found)", chosen)
            index = self.device.count() - 1
        self.device.setCurrentIndex(index)
        self.device.blockSignals(False)
        self._memory_of = {device.name: _memory(device) for device in devices}
        self._memory_of[AUTO] = _memory(devices[0]) if devices else ""
        self._best = devices[0].name if devices else ""
        self._show_memory()

    def recall(self, settings: QSettings) -> None:
        """Take the settings of an earlier session."""
        device = str(settings.value("device", AUTO))
        if self.device.findData(device) < 0:
            self.device.addItem(device, device)
        self.device.setCurrentIndex(self.device.findData(device))
        self.memory.setValue(number(settings, "memory_limit_gib", self.memory.minimum()))
        self.tile.setValue(int(number(settings, "tile", self.tile.minimum())))

    def remember(self, settings: QSettings) -> None:
        """Keep the settings for the next session."""
        settings.setValue("device", self.device.currentData())
        settings.setValue("memory_limit_gib", self.memory.value())
        settings.setValue("tile", self.tile.value())

    def _show_memory(self) -> None:
        self.free.setText(self._memory_of.get(self.device.currentData(), ""))

    def _name_advanced(self, expanded: bool) -> None:
        self.advanced.setText("▾ Advanced" if expanded else "▸ Advanced")


def _memory(device: DeviceInfo) -> str:
    free, total = device.free_bytes / 2**30, device.total_bytes / 2**30
    return f"{free:.1f} of {total:.1f} GiB memory free"
