"""What the user can say about a file before it is opened."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from napari_hsi_restore.io.choices import Answers, Choices, DataSet, other_count
from napari_hsi_restore.io.request import Question
from napari_hsi_restore.io.sensors import sensor_tables
from napari_hsi_restore.widgets.parts.path_field import PathField

_AUTOMATIC = "automatic"
_FROM_FILE, _TYPED, _TABLE = "file", "typed", "table"
_GENERAL = 3
"""Ways to say the wavelengths of any file; below them stand the sensors that fit."""
_MOST_PIXELS = 10**7
_LONGEST_NM = 1e5

QUESTIONS: dict[Question, str] = {
    "key": "Several data sets in this file could be the cube: choose one above.",
    "bands_axis": (
        "Which axis holds the bands is not clear: choose it above, or give the wavelengths."
    ),
    "shape": "This looks like bands and pixels: give the rows and columns of the picture above.",
}
"""What the form says where only the user can know."""


class OpenForm(QWidget):
    """Holds the answers; reads nothing and knows no viewer.

    Signals
    -------
    path_requested(object)
        Another `Path`, or None.
    changed()
        Another answer.
    """

    path_requested = Signal(object)
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._choices: Choices | None = None
        self._asked_key: str | None = None
        self.file = PathField(
            "File", "The cube: a file, or a folder with one picture a band", folders=True
        )
        self.data_set = _combo("Data set", "Which of the arrays in the file is the cube")
        self.bands = _combo("Bands", "Which axis of the array holds the bands, counted from 0")
        self.rows, self.columns = (_count(name) for name in ("Rows", "Columns"))
        self.order = _combo("Pixel order", "How the pixels of the picture follow each other")
        for text, order in (
            (_AUTOMATIC, None),
            ("column by column, as MATLAB", "column-major"),
            ("row by row", "row-major"),
        ):
            self.order.addItem(text, order)
        self.wavelengths = _combo("Wavelengths", "Where the wavelengths of the bands come from")
        for text, source in (
            ("from the file", _FROM_FILE),
            ("first and last, even steps", _TYPED),
            ("from a table", _TABLE),
        ):
            self.wavelengths.addItem(text, source)
        self.first, self.last = (_nanometres(f"{name} wavelength") for name in ("First", "Last"))
        self.table = PathField(
            "Table of wavelengths",
            "A text or CSV file with one wavelength in nanometres a band, or an ENVI header",
        )
        self._arrange()
        self._connect()
        self._show_rows()

    def _arrange(self) -> None:
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._size = _side_by_side(self.rows, QLabel("×"), self.columns)
        self._range = _side_by_side(self.first, QLabel("to"), self.last)
        for label, field in (
            ("File", self.file),
            ("Data set", self.data_set),
            ("Bands", self.bands),
            ("Rows × columns", self._size),
            ("Pixels", self.order),
            ("Wavelengths", self.wavelengths),
            ("", self._range),
            ("", self.table),
        ):
            self._form.addRow(label, field)

    def _connect(self) -> None:
        self.file.path_requested.connect(self._on_path)
        self.data_set.activated.connect(self._on_data_set)
        self.rows.valueChanged.connect(lambda: self._complete(self.rows, self.columns))
        self.columns.valueChanged.connect(lambda: self._complete(self.columns, self.rows))
        for signal in (
            self.bands.activated,
            self.order.activated,
            self.first.valueChanged,
            self.last.valueChanged,
            self.table.path_requested,
        ):
            signal.connect(lambda *_: self.changed.emit())
        self.wavelengths.activated.connect(self._on_wavelengths)

    # What is said ------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        """The file."""
        return self.file.path

    def set_path(self, path: Path | None, key: str | None = None) -> None:
        """Begin with another file, of which nothing has been said but maybe the data set."""
        self.file.set_path(path)
        self._choices, self._asked_key = None, key
        self.data_set.clear()
        self.bands.clear()
        for combo in (self.order, self.wavelengths):
            combo.setCurrentIndex(0)
        self.table.set_path(None)
        for field in (self.rows, self.columns, self.first, self.last):
            with QSignalBlocker(field):
                field.setValue(0)
        self._show_rows()

    @property
    def answers(self) -> Answers:
        """What the user has said, as far as it is complete."""
        chosen = self._data_set()
        matrix = chosen is not None and chosen.layout == "matrix"
        size = (self.rows.value(), self.columns.value())
        wavelengths: Path | tuple[float, float] | None = None
        source = self.wavelengths.currentData()
        if source == _TYPED and self.first.value() and self.last.value():
            wavelengths = (self.first.value(), self.last.value())
        elif source == _TABLE:
            wavelengths = self.table.path
        elif isinstance(source, Path):
            wavelengths = source
        return Answers(
            key=self._asked_key,
            bands_axis=self.bands.currentData(),
            shape=size if matrix and all(size) else None,
            pixel_order=self.order.currentData() if matrix and all(size) else None,
            wavelengths=wavelengths,
        )

    def set_answers(self, answers: Answers) -> None:
        """Fill in answers of another time about the file that is shown; asks for no reading.

        `show_choices` must have been called for this file.
        """
        self._asked_key = answers.key
        keys = [one.key for one in self._choices.data_sets] if self._choices is not None else []
        if answers.key in keys:
            self.data_set.setCurrentIndex(keys.index(answers.key))
        self._show_axes()
        self.bands.setCurrentIndex(max(0, self.bands.findData(answers.bands_axis)))
        self.order.setCurrentIndex(max(0, self.order.findData(answers.pixel_order)))
        first, last = answers.wavelengths if isinstance(answers.wavelengths, tuple) else (0.0, 0.0)
        rows, columns = answers.shape or (0, 0)
        for count, value in ((self.rows, rows), (self.columns, columns)):
            with QSignalBlocker(count):
                count.setValue(value)
        for box, centre in ((self.first, first), (self.last, last)):
            with QSignalBlocker(box):
                box.setValue(centre)
        source: str | Path = _TYPED if isinstance(answers.wavelengths, tuple) else _FROM_FILE
        if isinstance(answers.wavelengths, Path):
            bundled = self.wavelengths.findData(answers.wavelengths) >= 0
            source = answers.wavelengths if bundled else _TABLE
            self.table.set_path(None if bundled else answers.wavelengths)
        self.wavelengths.setCurrentIndex(self.wavelengths.findData(source))
        self._show_rows()

    @property
    def missing(self) -> str:
        """A sentence on an answer that was begun only, or empty."""
        source = self.wavelengths.currentData()
        if source == _TYPED and not (self.first.value() and self.last.value()):
            return "Type the wavelengths of the first and of the last band."
        if source == _TABLE and self.table.path is None:
            return "Choose a file with the wavelengths."
        chosen = self._data_set()
        matrix = chosen is not None and chosen.layout == "matrix"
        if matrix and bool(self.rows.value()) != bool(self.columns.value()):
            return "Give both the rows and the columns of the picture."
        return ""

    # What is offered ---------------------------------------------------------

    def show_choices(
        self, choices: Choices | None, key: str | None, bands: int | None = None
    ) -> None:
        """Offer what a file holds.

        Parameters
        ----------
        choices : Choices or None
        key : str or None
            The data set that is being looked at.
        bands : int or None
            Of the cube as it would come out; None while that is open.
        """
        if choices != self._choices:
            self._choices = choices
            self.data_set.clear()
            for one in choices.data_sets if choices is not None else ():
                self.data_set.addItem(_describe(one), one)
                self.data_set.setItemData(
                    self.data_set.count() - 1, one.dtype, Qt.ItemDataRole.ToolTipRole
                )
        keys = [one.key for one in choices.data_sets] if choices is not None else []
        wanted = self._asked_key if self._asked_key in keys else key
        single = len(keys) == 1
        self.data_set.setCurrentIndex(0 if single else keys.index(wanted) if wanted in keys else -1)
        self._show_axes()
        self._offer_sensors(bands)
        self._show_rows()

    def _offer_sensors(self, bands: int | None) -> None:
        """Offer the bundled tables that have as many bands as the cube, or as it could have."""
        chosen = self._data_set()
        could = {bands} if bands is not None else set(chosen.shape) if chosen is not None else set()
        fitting = [one for one in sensor_tables() if one.bands in could]
        places = range(self.wavelengths.count() - 1, _GENERAL - 1, -1)
        offered = [self.wavelengths.itemData(place) for place in reversed(places)]
        if offered == [one.path for one in fitting]:
            return
        before = self.wavelengths.currentData()
        for place in places:
            self.wavelengths.removeItem(place)
        for one in fitting:
            self.wavelengths.addItem(
                f"{one.title}: {one.low_nm:.0f} to {one.high_nm:.0f} nm", one.path
            )
            last = self.wavelengths.count() - 1
            self.wavelengths.setItemData(last, one.source, Qt.ItemDataRole.ToolTipRole)
        self.wavelengths.setCurrentIndex(max(0, self.wavelengths.findData(before)))

    def _data_set(self) -> DataSet | None:
        chosen = self.data_set.currentData()
        return chosen if isinstance(chosen, DataSet) else None

    def _show_axes(self) -> None:
        chosen = self._data_set()
        axes = chosen.axes if chosen is not None and chosen.layout != "other" else ()
        entries = [f"axis {a}: {chosen.shape[a]} bands" for a in axes] if chosen else []
        if [self.bands.itemText(i) for i in range(1, self.bands.count())] == entries:
            return
        self.bands.clear()
        self.bands.addItem(_AUTOMATIC, None)
        for axis, text in zip(axes, entries, strict=True):
            self.bands.addItem(text, axis)
        self.bands.setCurrentIndex(0)

    def _show_rows(self) -> None:
        chosen = self._data_set()
        several = self._choices is not None and len(self._choices.data_sets) > 1
        matrix = chosen is not None and chosen.layout == "matrix"
        source = self.wavelengths.currentData()
        for field, shown in (
            (self.data_set, several),
            (self.bands, matrix or (chosen is not None and chosen.layout == "cube")),
            (self._size, matrix),
            (self.order, matrix),
            (self.wavelengths, self._choices is not None),
            (self._range, self._choices is not None and source == _TYPED),
            (self.table, self._choices is not None and source == _TABLE),
        ):
            field.setVisible(shown)
            label = self._form.labelForField(field)
            if label is not None:
                label.setVisible(shown)

    # What the user does ------------------------------------------------------

    def _on_path(self, path: Path | None) -> None:
        self.set_path(path)
        self.path_requested.emit(path)

    def _on_data_set(self) -> None:
        chosen = self._data_set()
        self._asked_key = chosen.key if chosen is not None else None
        for count in (self.rows, self.columns):
            with QSignalBlocker(count):
                count.setValue(0)
        self._show_axes()
        self._show_rows()
        self.changed.emit()

    def _on_wavelengths(self) -> None:
        self._show_rows()
        self.changed.emit()

    def _complete(self, typed: QSpinBox, other: QSpinBox) -> None:
        chosen = self._data_set()
        count = other_count(chosen.shape, typed.value()) if chosen is not None else None
        if count is not None:
            with QSignalBlocker(other):
                other.setValue(count)
        self.changed.emit()


def _describe(one: DataSet) -> str:
    size = f"{one.shape[0]} pictures" if len(one.shape) == 1 else " × ".join(map(str, one.shape))
    return f"{one.key or 'the array'}  ·  {size}"


def _combo(name: str, tip: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    combo.setPlaceholderText("choose…")
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    combo.setMinimumContentsLength(12)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo


def _count(name: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(0, _MOST_PIXELS)
    box.setSpecialValueText("?")
    box.setAccessibleName(name)
    box.setToolTip(f"{name} of the picture; the other number follows from the pixels")
    # Each digit would read the file anew.
    box.setKeyboardTracking(False)
    return box


def _nanometres(name: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0.0, _LONGEST_NM)
    box.setDecimals(1)
    box.setSuffix(" nm")
    box.setSpecialValueText("? nm")
    box.setAccessibleName(name)
    box.setToolTip(f"{name} in nanometres; the bands between are evenly spaced")
    box.setKeyboardTracking(False)
    return box


def _side_by_side(left: QWidget, between: QLabel, right: QWidget) -> QWidget:
    both = QWidget()
    layout = QHBoxLayout(both)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(left, 1)
    layout.addWidget(between)
    layout.addWidget(right, 1)
    return both
