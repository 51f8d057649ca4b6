"""Everything that is seen of the Inspect dock."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.plugin.composites import COMPOSITES
from napari_hsi_restore.plugin.curve_views import VIEWS, CurveView
from napari_hsi_restore.widgets.parts.band_slider import BandSlider
from napari_hsi_restore.widgets.parts.band_triple import BandTriple
from napari_hsi_restore.widgets.parts.check_list import CheckList
from napari_hsi_restore.widgets.parts.cube_chooser import CubeChooser
from napari_hsi_restore.widgets.parts.match_table import MatchTable
from napari_hsi_restore.widgets.parts.spectrum_plot import SpectrumPlot
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label


class InspectForm(QWidget):
    """The band, the colours, the spectra, and a row of tools that each open something.

    Attributes
    ----------
    chooser, slider, stretch, triple, plot, matches, layers : QWidget
        The parts, which the dock connects.
    pictures : dict of str to QPushButton
        By the names of `COMPOSITES`.
    pin, draw, clear, csv, png, undo, all_good : QPushButton

    Signals
    -------
    view_requested(CurveView)
    editing_requested(bool)
        Whether a drag over the plot marks bands.
    layers_requested(bool)
        Whether the spectra of other layers are wanted.
    library_requested(bool)
        Whether the library is wanted.
    """

    view_requested = Signal(object)
    editing_requested = Signal(bool)
    layers_requested = Signal(bool)
    library_requested = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._buttons: list[QPushButton] = []
        self.chooser = CubeChooser(parent=self)
        self.chooser.setAccessibleName("Cube to inspect")
        self.chooser.setToolTip("The cube whose bands and spectra are shown.")
        self.status = wrapping_label("Message", self)
        self.slider = BandSlider(self)
        self.stretch = QCheckBox("Stretch each &band", self)
        self.stretch.setToolTip(
            "Set the contrast to 2..98 % of each band that is shown, so that dark bands are seen, "
            "too. Otherwise all bands share one contrast."
        )
        self.pictures = {
            kind.name: self._button(kind.title, f"{kind.purpose} Adds a colour layer.")
            for kind in COMPOSITES
        }
        for button in self.pictures.values():
            # Five in a row are no wider than the dock.
            button.setStyleSheet("padding: 4px 5px; min-width: 24px;")
        self.triple = BandTriple(self)
        self.plot = SpectrumPlot(self)
        self.readout = wrapping_label("Value under the cursor", self)
        self._build_tools()
        self.pin = self._button("&Pin", "Keep the spectrum of the last pixel under the cursor.")
        self.draw = self._button("Draw &region", "Mean and spread inside a rectangle drawn now.")
        self.draw.setCheckable(True)
        self.clear = self._button("C&lear", "Remove all pins and regions of this cube.")
        self.csv = self._button("Save C&SV…", "Save the plotted spectra, as shown, as a table.")
        self.png = self._button("Save P&NG…", "Save the plot as a picture.")
        self._lay_out()
        # Else napari adds a stretch below, which takes the plot's room.
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._on_tools()

    @property
    def view(self) -> CurveView:
        """How the curves are looked at."""
        return VIEWS[self._view.currentIndex()]

    def set_enabled(self, there: bool) -> None:
        """Enable what needs a cube."""
        for button in self._buttons:
            button.setEnabled(there)
        self._view.setEnabled(there)

    def set_layers(self, layers: list[tuple[str, object]], ticked: list[object]) -> None:
        """List the other layers on the same ground, some of them ticked."""
        self.layers.set_entries(layers, ticked)
        self._no_layers.setVisible(not layers)
        self.layers.setVisible(bool(layers))

    def stop_editing(self) -> None:
        """Let drags over the plot move it again."""
        self.edit.setChecked(False)

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setAccessibleName(text.replace("&", ""))
        button.setAccessibleDescription(tip)
        self._buttons.append(button)
        return button

    def _tool(self, text: str, tip: str, panel: QWidget) -> QPushButton:
        button = self._button(text, tip)
        button.setCheckable(True)
        button.toggled.connect(lambda on: self._on_tool(button, on))
        self._panels[button] = panel
        return button

    def _build_tools(self) -> None:
        self._panels: dict[QPushButton, QWidget] = {}
        self._view = QComboBox(self)
        self._view.setAccessibleName("View of the spectra")
        for place, view in enumerate(VIEWS):
            self._view.addItem(view.title)
            self._view.setItemData(place, view.purpose, 3)  # Qt.ItemDataRole.ToolTipRole
        # A longer name is cut in the closed list; it must not widen the dock.
        self._view.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._view.setMinimumContentsLength(8)
        self._view.setToolTip("How the curves are shown, and saved.")
        self._view.currentIndexChanged.connect(lambda _: self.view_requested.emit(self.view))

        self._editing = QWidget(self)
        self.undo = self._button("&Undo", "Take the last marking of bands back.")
        self.all_good = self._button("All &good", "Mark every band good.")
        hint = QLabel("Drag over bands in the plot.")
        row = QHBoxLayout(self._editing)
        row.setContentsMargins(0, 0, 0, 0)
        for item in (hint, self.undo, self.all_good):
            row.addWidget(item, 1 if item is hint else 0)
        self.edit = self._tool(
            "&Edit bands",
            "Mark bands as bad or good by dragging over them in the plot. Bad bands are left out "
            "of pictures, matching, super-resolution and learning, and saved with the cube.",
            self._editing,
        )

        self.matches = MatchTable(self)
        self.library = self._tool(
            "&Library", "Compare with spectra of known materials.", self.matches
        )

        others = QWidget(self)
        self.layers = CheckList(others)
        self.layers.setAccessibleName("Layers to compare")
        self.layers.setToolTip("Ticked layers show their spectra, too, each with its own line.")
        self._no_layers = QLabel("No other cube lies on the same ground.", others)
        column = QVBoxLayout(others)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.layers)
        column.addWidget(self._no_layers)
        self.others = self._tool(
            "La&yers", "Spectra of other cubes at the same places, each with its line.", others
        )

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        label = QLabel("&Cube")
        label.setBuddy(self.chooser)
        top.addWidget(label)
        top.addWidget(self.chooser, 1)
        band_row = QHBoxLayout()
        band_row.addWidget(self.slider.label, 1)
        band_row.addWidget(self.stretch)
        colours = QHBoxLayout()
        colours.setSpacing(4)
        for button in self.pictures.values():
            colours.addWidget(button)
        tools = QHBoxLayout()
        tools.setSpacing(4)
        tools.addWidget(self._view, 1)
        for button in self._panels:
            tools.addWidget(button)
        below = QGridLayout()
        for place, button in enumerate((self.pin, self.draw, self.clear, self.csv, self.png)):
            below.addWidget(button, place // 3, place % 3)
        layout = QVBoxLayout(self)
        layout.addLayout(top)
        layout.addWidget(self.status)
        layout.addWidget(self.slider)
        layout.addLayout(band_row)
        layout.addLayout(colours)
        layout.addWidget(self.triple)
        layout.addLayout(tools)
        layout.addWidget(self.plot, 1)
        for panel in self._panels.values():
            layout.addWidget(panel)
        layout.addWidget(self.readout)
        layout.addLayout(below)

    def _on_tool(self, pressed: QPushButton, on: bool) -> None:
        # One panel at a time, so that the plot keeps its room.
        for button in self._panels:
            if on and button is not pressed and button.isChecked():
                with QSignalBlocker(button):
                    button.setChecked(False)
        self._on_tools()

    def _on_tools(self) -> None:
        for button, panel in self._panels.items():
            panel.setVisible(button.isChecked())
        self.editing_requested.emit(self.edit.isChecked())
        self.layers_requested.emit(self.others.isChecked())
        self.library_requested.emit(self.library.isChecked())
