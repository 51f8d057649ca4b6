"""Which spectra of a library are most like a curve, kept in step with both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, Signal

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io.spectral_library import SpectralLibrary, read_library
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.spectra import Curve
from napari_hsi_restore.spectra import Match, best_matches, resample
from napari_hsi_restore.widgets.parts.latest_work import LatestWork

LIBRARY_CURVE = "library"
"""The `Curve.mark` of the chosen spectrum."""

_COLOR = "#8f8f8f"
_MOST_MATCHES = 8

_Spectra = npt.NDArray[np.float64]


class LibraryMatcher(QObject):
    """A library, resampled to the bands of a cube, and its best matches with one curve.

    Signals
    -------
    changed()
        `matches`, `curve` or `note` has changed.
    """

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._library: SpectralLibrary | None = None
        self._cube: HyperCube | None = None
        self._axis: BandAxis | None = None
        self._target: Curve | None = None
        self._resampled: _Spectra | None = None
        self._failure = ""
        self._chosen: int | None = None
        self._offering = False
        self.matches: tuple[Match, ...] = ()
        self._reading = LatestWork(0, self)
        self._reading.answered.connect(self._on_library)
        self._resampling = LatestWork(0, self)
        self._resampling.answered.connect(self._on_resampled)

    @property
    def title(self) -> str:
        """Name of the library's file and how many spectra it holds; empty without one."""
        if self._library is None:
            return ""
        name = Path(self._library.source).name if self._library.source else "library"
        return f"{name}: {len(self._library.names)} spectra"

    @property
    def guesses(self) -> str:
        """What was guessed about the library's file, in sentences."""
        return " ".join(self._library.notes) if self._library is not None else ""

    @property
    def note(self) -> str:
        """What was compared, or what is missing for that."""
        if self._failure:
            return self._failure
        if self._library is None:
            return "Open a spectral library to compare its spectra with a pin or a region."
        if self._axis is None or not self._axis.in_nm:
            return "The cube has no wavelengths, so its spectra cannot be compared with a library."
        if self._target is None:
            return "Pin a pixel or draw a region; the spectra most like it are listed here."
        return self._compared(self._library, self._axis, self._target)

    def _compared(self, library: SpectralLibrary, axis: BandAxis, target: Curve) -> str:
        if self._resampled is None:
            return "Resampling the library to the bands of the cube…"
        if not self.matches:
            low, high = library.wavelengths_nm[[0, -1]]
            return (
                f"No spectrum shares enough good bands with {target.label}; the library "
                f"reaches from {low:.0f} to {high:.0f} nm."
            )
        most = max(match.bands for match in self.matches)
        return (
            f"Spectral angle to {target.label}, over at most {most} of {axis.n_bands} bands "
            "(good ones that the library reaches)."
        )

    @property
    def chosen(self) -> int | None:
        """Row of the library whose curve is drawn, or None."""
        return self._chosen

    @property
    def curve(self) -> Curve | None:
        """The chosen spectrum on the cube's bands, scaled to the compared one."""
        match = next((each for each in self.matches if each.index == self._chosen), None)
        if match is None or self._axis is None or self._resampled is None:
            return None
        label = f"{match.name} × {match.factor:.3g}"
        values = match.factor * self._resampled[match.index]
        return Curve(label, self._axis, values, _COLOR, mark=LIBRARY_CURVE, style="dash")

    def open(self, path: Path) -> None:
        """Read a library in the background."""
        self._reading.request(read_library, path)

    def set_cube(self, cube: HyperCube | None) -> None:
        """Choose the cube to whose bands the library is resampled."""
        before, self._cube = self._axis, cube
        self._axis = None if cube is None else BandAxis.of(cube)
        self._target = None
        if before is None or self._axis is None or not before.same_bands(self._axis):
            self._resample()
        self._match()

    def set_target(self, curve: Curve | None) -> None:
        """Choose the curve to compare with; None for none."""
        same = (
            curve is not None
            and self._target is not None
            and curve.values is self._target.values
            and curve.axis is self._target.axis
        )
        self._target = curve
        if not same:
            self._match()

    def offer(self, on: bool) -> None:
        """Draw the best match by itself as soon as there is one, or only what was chosen."""
        self._offering = on
        if on and self._chosen is None and self.matches:
            self.choose(self.matches[0].index)

    def choose(self, index: int | None) -> None:
        """Draw a row of the library; None draws none."""
        if index != self._chosen:
            self._chosen = index
            self.changed.emit()

    def _on_library(self, answer: SpectralLibrary | str) -> None:
        if isinstance(answer, str):
            self._failure = answer
            self.changed.emit()
            return
        self._library, self._failure, self._chosen = answer, "", None
        self._resample()
        self._match()

    def _resample(self) -> None:
        self._resampled = None
        library, cube = self._library, self._cube
        if library is None or cube is None or self._axis is None or not self._axis.in_nm:
            self._resampling.forget()
            return
        self._resampling.request(
            resample, library.wavelengths_nm, library.spectra, self._axis.positions, cube.fwhm_nm
        )

    def _on_resampled(self, answer: _Spectra | str) -> None:
        if isinstance(answer, str):
            self._failure = answer
        elif self._axis is not None and answer.shape[1] == self._axis.n_bands:
            self._resampled = answer
        self._match()

    def _match(self) -> None:
        self.matches = ()
        if self._library is not None and self._resampled is not None and self._target is not None:
            good = np.where(self._target.axis.good, self._target.values, np.nan)
            self.matches = best_matches(good, self._library.names, self._resampled, _MOST_MATCHES)
            shown = [match.index for match in self.matches]
            if self._chosen not in shown:
                self._chosen = shown[0] if shown and self._offering else None
        self.changed.emit()
