"""Everything that a search can be told, as one form in plain words."""

from __future__ import annotations

from qtpy.QtCore import QSettings, Qt
from qtpy.QtWidgets import QVBoxLayout, QWidget
from superqt import QLabeledDoubleSlider

from napari_hsi_restore.search.recipe import SearchRecipe
from napari_hsi_restore.search_space.sharing import read_genotype
from napari_hsi_restore.widgets.parts import form_rows
from napari_hsi_restore.widgets.parts.form_fields import heading, whole
from napari_hsi_restore.widgets.parts.learning_form import LearningForm
from napari_hsi_restore.widgets.parts.path_field import PathField
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label

DEFAULTS = SearchRecipe(name="new")

EXPLAINED = (
    "Clean cubes are best. Those with noise are cleaned first, and a note says so. Noise of many "
    "strengths is added, and the search finds which convolutions take it away best: in the image, "
    "along the bands, or both."
)

_MOST_COST_WEIGHT = 1.0
_FIRST_MINUTES = 30.0


class SearchForm(LearningForm):
    """Holds the settings of a search; knows no viewer and starts nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_FIRST_MINUTES, parent)
        self.explained = wrapping_label("What a search does", self)
        self.explained.setText(EXPLAINED)
        self.cost_weight = QLabeledDoubleSlider(Qt.Orientation.Horizontal)
        self.cost_weight.setRange(0.0, _MOST_COST_WEIGHT)
        self.cost_weight.setDecimals(2)
        self.cost_weight.setValue(DEFAULTS.cost_weight)
        self.cost_weight.setAccessibleName("Prefer a fast network")
        self.cost_weight.setToolTip(
            "0: the best quality, however slow. Larger: a faster network is taken even if its "
            "error is larger; 0.1 gives up to a tenth more error for the fastest."
        )
        self.minutes.setToolTip(
            "For the search and the training of what it finds; you can stop earlier"
        )
        self.cell = PathField(
            "Known cell",
            "A cell that was exported: nothing is searched, all the time trains its network",
        )
        self.share = whole(
            "Share of the search",
            "The rest of the time trains the network that was found",
            round(100 * DEFAULTS.search_share),
            (5, 95),
        )
        self.share.setSuffix(" %")
        self.channels = whole(
            "Width", "Channels of the network: more is better and slower", DEFAULTS.width, (4, 128)
        )
        self.channels.setSingleStep(4)
        self.patch = whole(
            "Patch", "Side of the squares that it learns from, in pixels", DEFAULTS.patch, (16, 256)
        )
        self.seed = whole("Seed", "Of the random numbers", DEFAULTS.seed, (0, 2**31 - 1))
        self._arrange()
        self._connect()

    def _arrange(self) -> None:
        self.advanced = self._fold(
            (
                ("Known cell", self.cell),
                ("Share of the search", self.share),
                ("Width", self.channels),
                ("Patch", self.patch),
                ("Seed", self.seed),
            )
        )
        self.rows = form_rows.form_layout()
        self.rows.addRow(heading("What to learn from"))
        self.rows.addRow(self.material)
        self.rows.addRow(self.explained)
        self.rows.addRow(heading("How"))
        self.rows.addRow("Prefer speed", self.cost_weight)
        self.rows.addRow("New name", self.name)
        self.rows.addRow("Time", self.minutes)
        form_rows.add_rows(self.rows, self.compute.rows)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self.rows)
        layout.addWidget(self.advanced)
        layout.addStretch()

    def _connect(self) -> None:
        self.material.changed.connect(self.changed)
        for signal in (
            self.cell.path_requested,
            self.cost_weight.valueChanged,
            self.share.valueChanged,
            self.channels.valueChanged,
            self.patch.valueChanged,
            self.seed.valueChanged,
        ):
            signal.connect(lambda *_: self.changed.emit())

    def recipe(self) -> SearchRecipe:
        """Return the settings as they stand.

        Raises
        ------
        UserError
            If the file of the known cell is none.
        """
        path = self.cell.path
        return SearchRecipe(
            genotype=None if path is None else read_genotype(path),
            name=self.name.text().strip(),
            purpose=self._purpose(),
            minutes=round(self.minutes.value(), 2),
            device=str(self.compute.device.currentData()),
            devices=self.devices,
            cost_weight=round(self.cost_weight.value(), 2),
            search_share=self.share.value() / 100,
            width=4 * round(self.channels.value() / 4),
            patch=self.patch.value(),
            seed=self.seed.value(),
        )

    def _purpose(self) -> str:
        names = ", ".join(source.name for source in self.material.ticked)
        if not names:
            return ""
        whence = "was searched on them"
        if self.cell.path is not None:
            whence = f"is that of {self.cell.path.name}"
        return f"Denoises cubes like {names}; its cell {whence}."

    def _beginning(self) -> str:
        return "found"

    def recall(self, settings: QSettings) -> None:
        """Take the settings of an earlier session."""
        super().recall(settings)
        self.cost_weight.setValue(form_rows.number(settings, "cost_weight", DEFAULTS.cost_weight))

    def remember(self, settings: QSettings) -> None:
        """Keep the settings for the next session."""
        super().remember(settings)
        settings.setValue("cost_weight", self.cost_weight.value())
