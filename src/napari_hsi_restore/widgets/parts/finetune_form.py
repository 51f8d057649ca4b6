"""Everything that a fine-tuning can be told, as one form in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSettings, Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import MeanSRSpec
from napari_hsi_restore.training.finetune import FineTuneRecipe, Method
from napari_hsi_restore.widgets.parts import form_rows
from napari_hsi_restore.widgets.parts.cube_chooser import CubeChooser
from napari_hsi_restore.widgets.parts.form_fields import heading, number, whole
from napari_hsi_restore.widgets.parts.learning_form import LearningForm
from napari_hsi_restore.widgets.parts.material_list import Source
from napari_hsi_restore.widgets.parts.reference_pairs import ReferencePairs
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label
from napari_hsi_restore.zoo.records import ModelRecord

DEFAULTS = FineTuneRecipe(name="new", start="", method="self-supervised")

METHODS: tuple[tuple[Method, str, str], ...] = (
    (
        "self-supervised",
        "Only noisy cubes",
        "No clean cube is needed: the network learns from the noise itself, which differs from "
        "pixel to pixel while the scene does not.",
    ),
    (
        "degraded",
        "Clean cubes of this sensor",
        "Noise as strong as in the cube below is added to the clean cubes, and the network learns "
        "to take it away again.",
    ),
    (
        "reference",
        "Noisy cubes, and clean ones of the same pixels",
        "The network learns to turn each noisy cube into its clean one, such as the mean of many "
        "exposures.",
    ),
)
"""The three ways: method, what the user has, what is done with it."""

ENLARGER = (
    "A model for super-resolution has one way: the cubes count as sharp and clean, are shrunk, and "
    "the network learns to undo that."
)

NO_NOISY_CUBE = (
    " Choose a noisy cube of your sensor there: what noise clean cubes show themselves is hardly "
    "worth learning."
)

_FIRST_MINUTES = 5.0


class FineTuneForm(LearningForm):
    """Holds the settings of a fine-tuning; knows no viewer and starts nothing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_FIRST_MINUTES, parent)
        self._models: dict[str, ModelRecord] = {}
        self.buttons = QButtonGroup(self)
        self.methods: dict[Method, QRadioButton] = {}
        for method, title, tip in METHODS:
            button = QRadioButton(title)
            button.setAccessibleName(title)
            button.setToolTip(tip)
            self.buttons.addButton(button)
            self.methods[method] = button
        self.explained = wrapping_label("What this way does", self)
        self.pairs = ReferencePairs()
        self.noise_from = CubeChooser(none_text="the same cubes")
        self.noise_from.setAccessibleName("Noise as in")
        self.noise_from.setToolTip(
            "A noisy cube of your sensor: noise of that strength is added to the clean cubes"
        )
        self.start = form_rows.combo("Start model", "The network that is made better")
        self.purpose = wrapping_label("What the start model is for", self)
        self.purpose.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self._build_advanced()
        self._arrange()
        self.methods["self-supervised"].setChecked(True)
        self._connect()
        self._show_method()

    def _build_advanced(self) -> None:
        self.rate = number(
            "Learning rate",
            "Larger learns faster, too large breaks the network",
            DEFAULTS.learning_rate,
            (1e-6, 1e-1),
            decimals=6,
        )
        self.rate.setSingleStep(1e-4)
        self.patch = whole(
            "Patch", "Side of the squares that it learns from, in pixels", DEFAULTS.patch, (16, 256)
        )
        self.batch = whole("Batch", "Squares in one step", DEFAULTS.batch, (1, 64))
        self.held_out = whole(
            "Held out",
            "Part of every cube that is only used to check",
            round(100 * DEFAULTS.held_out),
            (5, 50),
        )
        self.held_out.setSuffix(" %")
        self.seed = whole("Seed", "Of the random numbers", DEFAULTS.seed, (0, 2**31 - 1))
        self.advanced = self._fold(
            (
                ("Learning rate", self.rate),
                ("Patch", self.patch),
                ("Batch", self.batch),
                ("Held out", self.held_out),
                ("Seed", self.seed),
            )
        )

    def _arrange(self) -> None:
        self.rows = form_rows.form_layout()
        self.rows.addRow(heading("What to learn from"))
        self.rows.addRow(self.material)
        self.rows.addRow(heading("What these are"))
        for button in self.methods.values():
            self.rows.addRow(button)
        self.rows.addRow(self.explained)
        self.rows.addRow(self.pairs)
        self.noise_row = ("Noise as in", self.noise_from)
        self.rows.addRow(*self.noise_row)
        self.rows.addRow(heading("How"))
        self.rows.addRow("Start from", self.start)
        self.rows.addRow("", self.purpose)
        self.rows.addRow("New name", self.name)
        self.rows.addRow("Time", self.minutes)
        form_rows.add_rows(self.rows, self.compute.rows)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self.rows)
        layout.addWidget(self.advanced)
        layout.addStretch()

    def _connect(self) -> None:
        self.material.changed.connect(self._on_material)
        self.buttons.buttonToggled.connect(lambda *_: self._show_method())
        self.start.currentIndexChanged.connect(lambda *_: self._show_start())
        self.pairs.changed.connect(self.changed)
        self.noise_from.activated.connect(lambda *_: self._explain())
        for signal in (
            self.noise_from.activated,
            self.rate.valueChanged,
            self.patch.valueChanged,
            self.batch.valueChanged,
            self.held_out.valueChanged,
            self.seed.valueChanged,
        ):
            signal.connect(lambda *_: self.changed.emit())

    # What the user has chosen ------------------------------------------------

    @property
    def method(self) -> Method:
        """The chosen way; a model that enlarges has but one."""
        if self._enlarges:
            return "degraded"
        return self._checked_method

    @method.setter
    def method(self, method: Method) -> None:
        self.methods[method].setChecked(True)

    @property
    def _checked_method(self) -> Method:
        return next(method for method, button in self.methods.items() if button.isChecked())

    @property
    def start_model(self) -> str:
        """Name of the model to start from; empty if there is none."""
        return str(self.start.currentData() or "")

    @start_model.setter
    def start_model(self, name: str) -> None:
        index = self.start.findData(name)
        if index >= 0:
            self.start.setCurrentIndex(index)

    @property
    def references(self) -> list[Source] | None:
        """The clean cube of every ticked one, or None if there are none to be given.

        Raises
        ------
        UserError
            If one was not chosen.
        """
        if self.method != "reference":
            return None
        found = []
        for cube, clean in zip(self.material.ticked, self.pairs.chosen, strict=True):
            if clean is None:
                raise UserError(f"Choose the clean version of “{cube.name}”.")
            found.append(clean)
        return found

    @property
    def noise_source(self) -> Source | None:
        """The cube whose noise is to be added, or None for that of the cubes themselves."""
        chosen = self.noise_from.chosen
        wanted = self.method == "degraded" and not self._enlarges
        return chosen if wanted and isinstance(chosen, Source) else None

    def recipe(self) -> FineTuneRecipe:
        """Return the settings as they stand."""
        return FineTuneRecipe(
            name=self.name.text().strip(),
            start=self.start_model,
            method=self.method,
            minutes=round(self.minutes.value(), 2),
            device=str(self.compute.device.currentData()),
            devices=self.devices,
            learning_rate=self.rate.value(),
            patch=self.patch.value(),
            batch=self.batch.value(),
            held_out=self.held_out.value() / 100,
            seed=self.seed.value(),
        )

    # What the dock tells it --------------------------------------------------

    def set_models(self, models: Sequence[ModelRecord]) -> None:
        """Offer these models to start from."""
        before = self.start_model
        models = [model for model in models if not isinstance(model.spec, MeanSRSpec)]
        self._models = {model.name: model for model in models}
        self.start.blockSignals(True)
        self.start.clear()
        for model in models:
            self.start.addItem(model.name, model.name)
        self.start_model = before
        self.start.blockSignals(False)
        self._show_start()

    def _beginning(self) -> str:
        return self.start_model

    def recall(self, settings: QSettings) -> None:
        """Take the settings of an earlier session."""
        super().recall(settings)
        method = settings.value("method", "self-supervised")
        for known, button in self.methods.items():
            button.setChecked(known == method)
        if self.buttons.checkedButton() is None:
            self.methods["self-supervised"].setChecked(True)

    def remember(self, settings: QSettings) -> None:
        """Keep the settings for the next session."""
        super().remember(settings)
        settings.setValue("method", self._checked_method)

    def _on_material(self) -> None:
        self.pairs.set_sources(self.material.ticked, self.material.sources)
        chosen = self.noise_from.chosen
        others = [source for source in self.material.sources if source not in self.material.ticked]
        self.noise_from.set_entries([(source.name, source) for source in others], chosen)
        self.noise_from.setEnabled(True)
        self._explain()
        self.changed.emit()

    @property
    def _enlarges(self) -> bool:
        model = self._models.get(self.start_model)
        return model is not None and model.task == "superres"

    def _show_method(self) -> None:
        if self.buttons.checkedButton() is None:
            return
        method = self.method
        self._explain()
        for button in self.methods.values():
            button.setEnabled(not self._enlarges)
        self.pairs.setVisible(method == "reference")
        shown = method == "degraded" and not self._enlarges
        form_rows.show_rows(self.rows, (self.noise_row,), shown)
        self.changed.emit()

    def _explain(self) -> None:
        """Say what the chosen way does with what is given."""
        explained = next(what for known, _, what in METHODS if known == self.method)
        if self.method == "degraded" and self.noise_source is None:
            explained += NO_NOISY_CUBE
        self.explained.setText(ENLARGER if self._enlarges else explained)

    def _show_start(self) -> None:
        model = self._models.get(self.start_model)
        self.purpose.setText("" if model is None else f"{model.purpose} {model.remark}".strip())
        self._show_method()
