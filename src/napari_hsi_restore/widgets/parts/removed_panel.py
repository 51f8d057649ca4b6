"""Did it delete my signal? The residual as two small pictures, and spectra of the worst places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import QSignalBlocker, QSize, Qt, Signal
from qtpy.QtGui import QColor, QImage, QPixmap
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

from napari_hsi_restore.restore.removed import Removed
from napari_hsi_restore.widgets.parts.theme import PlotColors
from napari_hsi_restore.widgets.parts.wrapping_label import wrapping_label

_SIDE = 120
_STRONG = 0.3
"""Correlation that has the full colour."""

_HIGH, _LOW = 110, 125
_AXIS_HEIGHT = 40
_NOT_YET = (
    "Nothing to see yet: here a run that removes noise shows whether what it removed is noise, "
    "and where it is not."
)
_HOW = (
    f"White is no correlation, full red +{_STRONG:g}, full blue −{_STRONG:g}. Noise shows a single "
    "dot in the left picture; anything around it is structure that was removed, or noise that is "
    "correlated itself. Bands may share a little of it."
)


class RemovedPanel(QWidget):
    """Folded until it is wanted; knows no layer.

    Its header `fold` is a widget of its own: it stays in view where the rest is scrolled.

    Signals
    -------
    points_requested(bool)
        The user wants the places on the image, or away again.
    place_chosen(int)
        The user looks at this place, counted from 0.
    """

    points_requested = Signal(bool)
    place_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._removed: Removed | None = None
        self._where: npt.NDArray[np.float64] | None = None
        self.name = wrapping_label("Which result", self)
        self.over_space, self.over_bands = _picture("over space"), _picture("over bands")
        self.space_text, self.bands_text = QLabel(), QLabel()
        self.how = wrapping_label("How to read the pictures", self)
        self.places = QComboBox()
        self.places.setAccessibleName("Place")
        self.places.setToolTip("Where neighbouring pixels of the residual agree most")
        self.places.currentIndexChanged.connect(self._choose_place)
        self.point_out = QCheckBox("Point them out on the image")
        self.point_out.toggled.connect(self.points_requested)
        self.spectra, self.residual = _plot("value", _HIGH), _plot("removed", _LOW)
        self.before = self.spectra.plot(name="before")
        self.after = self.spectra.plot(name="after")
        self.left = self.residual.plot()
        self.residual.setXLink(self.spectra)
        self.residual.getAxis("bottom").setHeight(_AXIS_HEIGHT)
        self.spectra.hideAxis("bottom")
        self.legend = QLabel()
        self._arrange()
        self.fold.toggled.connect(self._unfold)
        self._unfold(False)
        self.forget()

    def _arrange(self) -> None:
        self._seen = QWidget()
        pictures = QGridLayout()
        pictures.setContentsMargins(0, 0, 0, 0)
        for column, (picture, text) in enumerate(
            ((self.over_space, self.space_text), (self.over_bands, self.bands_text))
        ):
            text.setWordWrap(True)
            text.setAlignment(Qt.AlignmentFlag.AlignTop)
            pictures.addWidget(picture, 0, column)
            pictures.addWidget(text, 1, column)
        self._spectra_part = QWidget()
        below = QVBoxLayout(self._spectra_part)
        below.setContentsMargins(0, 0, 0, 0)
        beside = QHBoxLayout()
        beside.addWidget(self.places, 1)
        below.addLayout(beside)
        for part in (self.point_out, self.legend, self.spectra, self.residual):
            below.addWidget(part)
        self.nowhere = wrapping_label("Places", self)
        layout = QVBoxLayout(self._seen)
        layout.setContentsMargins(12, 0, 0, 0)
        layout.addWidget(self.name)
        layout.addLayout(pictures)
        layout.addWidget(self.how)
        layout.addWidget(self.nowhere)
        layout.addWidget(self._spectra_part)
        inside = QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        self.not_yet = wrapping_label("What was removed", self)
        self.not_yet.setText(_NOT_YET)
        self.how.setText(_HOW)
        inside.addWidget(self.not_yet)
        inside.addWidget(self._seen)
        self.fold = QPushButton()
        self.fold.setCheckable(True)
        self.fold.setFlat(True)
        self.fold.setAccessibleName("Did it delete my signal?")
        self.fold.setToolTip("What was removed by the last run: is it noise, and where is it not?")
        self.fold.setStyleSheet("text-align: left; border: none; background: transparent")

    def set_colors(self, colors: PlotColors) -> None:
        """Follow a theme."""
        for plot in (self.spectra, self.residual):
            plot.setBackground(colors.background)
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(QColor(colors.text))
                axis.setTextPen(QColor(colors.text))
        faint = QColor(colors.text)
        faint.setAlpha(120)
        self.before.setPen(pg.mkPen(faint, width=1))
        self.after.setPen(pg.mkPen(colors.highlight, width=2))
        self.left.setPen(pg.mkPen(colors.accent, width=1))
        self.legend.setText(
            f'<span style="color:{faint.name()}">━</span> before&nbsp;&nbsp; '
            f'<span style="color:{colors.highlight}">━</span> after&nbsp;&nbsp; '
            "below: what was removed"
        )

    def forget(self) -> None:
        """Show nothing: there is no result."""
        self._removed = None
        self._seen.hide()
        self.not_yet.show()

    def show_removed(
        self, name: str, removed: Removed, wavelengths_nm: npt.NDArray[np.float64] | None
    ) -> None:
        """Show what was removed.

        Parameters
        ----------
        name : str
            Of the result.
        removed : Removed
        wavelengths_nm : float64 ndarray, (bands,), or None
            In any order.
        """
        if removed is self._removed:
            return
        self._removed, self._where = removed, wavelengths_nm
        self.name.setText(name)
        self.over_space.setPixmap(_drawn(removed.over_space))
        self.over_bands.setPixmap(_drawn(removed.over_bands))
        self.space_text.setText(f"over space: neighbouring pixels {removed.neighbours:+.3f}")
        self.bands_text.setText(f"over bands: neighbouring bands {_beside(removed):+.3f}")
        self.residual.setLabel("bottom", "band" if wavelengths_nm is None else "wavelength (nm)")
        with QSignalBlocker(self.places):
            self.places.clear()
            self.places.addItems(
                f"{number}: row {row}, column {column}"
                for number, (row, column) in enumerate(removed.points, 1)
            )
        self._spectra_part.setVisible(bool(removed.points))
        self.nowhere.setText(
            "Spectra before and after, means of 5 × 5 pixels, where neighbouring pixels of the "
            "residual agree most:"
            if removed.points
            else "No place stands out."
        )
        self.not_yet.hide()
        self._seen.show()
        self._draw_place(0)

    def show_place(self, place: int) -> None:
        """Show the spectra of a place, counted from 0."""
        with QSignalBlocker(self.places):
            self.places.setCurrentIndex(place)
        self._draw_place(place)

    def set_pointed_out(self, shown: bool) -> None:
        """Say whether the places are on the image."""
        with QSignalBlocker(self.point_out):
            self.point_out.setChecked(shown)

    def _choose_place(self, index: int) -> None:
        self._draw_place(index)
        if index >= 0:
            self.place_chosen.emit(index)

    def _draw_place(self, index: int) -> None:
        removed = self._removed
        if removed is None or not 0 <= index < len(removed.points):
            return
        bands = removed.before.shape[1]
        where = np.arange(bands, dtype=float) if self._where is None else self._where
        order = np.argsort(where, kind="stable")
        before, after = removed.before[index][order], removed.after[index][order]
        self.before.setData(where[order], before, connect="finite")
        self.after.setData(where[order], after, connect="finite")
        self.left.setData(where[order], before - after, connect="finite")

    def _unfold(self, wanted: bool) -> None:
        self.setVisible(wanted)
        self.fold.setText(f"{'▾' if wanted else '▸'} Did it delete my signal?")


def _picture(name: str) -> QLabel:
    picture = QLabel()
    picture.setFixedSize(_SIDE, _SIDE)
    picture.setScaledContents(True)
    picture.setAccessibleName(f"Correlation of the residual {name}")
    return picture


def _plot(title: str, height: int) -> pg.PlotWidget:
    plot = pg.PlotWidget(background=None)
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    plot.setLabel("left", title)
    plot.getAxis("left").enableAutoSIPrefix(False)
    # Both plots begin at one place.
    plot.getAxis("left").setWidth(60)
    plot.getPlotItem().layout.setContentsMargins(2, 6, 10, 2)
    plot.setMinimumHeight(height)
    plot.setMaximumHeight(height)
    plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    plot.sizeHint = lambda: QSize(200, height)
    plot.setAccessibleName(f"Spectrum: {title}")
    return plot


def _drawn(correlation: npt.NDArray[np.float32]) -> QPixmap:
    """Correlations as a picture: white for none, red for positive, blue for negative."""
    strength = np.clip(np.nan_to_num(correlation) / _STRONG, -1.0, 1.0)
    faded = 1.0 - np.abs(strength)
    colors = np.stack(
        [np.where(strength >= 0, 1.0, faded), faded, np.where(strength <= 0, 1.0, faded)], axis=2
    )
    colors[~np.isfinite(correlation)] = 0.5
    pixels = np.round(255 * colors).astype(np.uint8)
    height, width, _ = pixels.shape
    image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
    # Qt would smooth the pixels away if it enlarged them by itself.
    return QPixmap.fromImage(image.copy()).scaled(
        2 * _SIDE,
        2 * _SIDE,
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.FastTransformation,
    )


def _beside(removed: Removed) -> float:
    """Mean correlation of a band with the next one that was looked at."""
    beside = np.diag(removed.over_bands, 1)
    known = beside[np.isfinite(beside)]
    return float(known.mean()) if known.size else 0.0
