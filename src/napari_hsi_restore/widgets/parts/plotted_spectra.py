"""The spectra of a cube in the plot, as the user looks at them, and files of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from qtpy.QtCore import QObject, Signal

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.curve_views import CurveView, named_after, view_title, viewed
from napari_hsi_restore.plugin.spectra import Curve, curves_csv, value_title, write_text
from napari_hsi_restore.widgets.parts.inspect_form import InspectForm
from napari_hsi_restore.widgets.parts.save_dialog import save_as
from napari_hsi_restore.widgets.parts.shown_spectra import ShownSpectra


class PlottedSpectra(QObject):
    """Shows the curves in the plot of a form, and the matches of the library below it.

    Parameters
    ----------
    form : InspectForm
    spectra : ShownSpectra
        Whose curves these are.

    Signals
    -------
    said(str)
        For the line of the form that speaks to the user.
    """

    said = Signal(str)

    def __init__(self, form: InspectForm, spectra: ShownSpectra) -> None:
        super().__init__(form)
        self._form, self._spectra = form, spectra
        self._cube: HyperCube | None = None
        self._axis: BandAxis | None = None
        spectra.changed.connect(self._show)
        spectra.library.changed.connect(self._show_matches)
        form.view_requested.connect(self._on_view)

    @property
    def shown(self) -> list[Curve]:
        """The curves as they are looked at, such as without their continuum."""
        return [viewed(curve, self._form.view) for curve in self._spectra.curves]

    def set_cube(self, cube: HyperCube | None, axis: BandAxis | None) -> None:
        """Choose the cube; the axes of the plot are made for it."""
        self._cube, self._axis = cube, axis
        self._form.plot.set_axis(axis, self._value_title)

    def set_good_bands(self, cube: HyperCube, axis: BandAxis) -> None:
        """Choose a cube that differs from the present one in its good bands alone."""
        self._cube, self._axis = cube, axis
        self._form.plot.set_good_bands(axis)

    def save_csv(self, path: str | Path) -> Path:
        """Save the plotted spectra as a table; see `plugin.spectra.curves_csv`."""
        view = self._form.view
        return write_text(path, curves_csv([named_after(each, view) for each in self.shown]))

    def save_png(self, path: str | Path) -> Path:
        """Save the plot as a picture."""
        return self._form.plot.save_png(path)

    def ask(self, suffix: Literal["csv", "png"], name: str) -> None:
        """Ask for a file, and save the spectra of a layer of that name there."""
        if not self._spectra.curves:
            self.said.emit("There is no spectrum to save yet; move over the image first.")
            return
        save: Callable[[Path], Path] = self.save_csv if suffix == "csv" else self.save_png
        title = "Save spectra" if suffix == "csv" else "Save plot"
        if saved := save_as(self._form, title, f"{name} spectra", suffix, save):
            self.said.emit(f"Saved {saved}")

    @property
    def _value_title(self) -> str:
        if self._cube is None or self._axis is None:
            return ""
        return view_title(self._form.view, value_title(self._cube), self._axis)

    def _show(self) -> None:
        self._form.plot.set_curves(self.shown)
        self._form.plot.set_message(self._message())

    def _on_view(self, view: CurveView) -> None:
        self.said.emit(view.purpose)
        self._form.plot.set_value_title(self._value_title)
        self._show()

    def _show_matches(self) -> None:
        library = self._spectra.library
        self._form.matches.show_matches(
            library.title, f"{library.note} {library.guesses}", library.matches, library.chosen
        )

    def _message(self) -> str:
        if self._axis is None or self._spectra.marks.curves:
            return ""
        if not self._spectra.live:
            return "Move over the image"
        _, drawn = self._spectra.live[0].axis.polyline(self._spectra.live[0].values)
        return "" if any(map(math.isfinite, drawn)) else "This pixel holds no data"
