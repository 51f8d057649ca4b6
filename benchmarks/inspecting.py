"""How long the window waits, and how soon the answer is there, for each tool of the dock Inspect.

``python -m benchmarks.inspecting [--side 1500] [--bands 120]`` writes an ENVI file of random
reflectances of 400 to 2450 nm (uint16), opens it in a napari window, so it needs a display
(``xvfb-run`` gives one), and uses the dock. It prints, in Markdown, the seconds from the request
until its answer is on the screen, and the longest time between two ticks of a 5 ms timer from the
request until a quarter of a second after the answer: by the clock, which other programs
make longer, and the processor time that the window's thread used in it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from qtpy.QtWidgets import QApplication

from benchmarks.responsiveness import Gaps, spin
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io import write

_DRAGS, _DRAG_PAUSE_S = 40, 0.02
_SPECTRA = 500
_PATIENCE_S = 120.0
_PINS = ((10, 10), (40, 800), (700, 30), (900, 900), (300, 500))


def make_file(folder: Path, side: int, bands: int) -> Path:
    """Write a cube of smooth random spectra, one of a thousand for each pixel."""
    generator = np.random.default_rng(0)
    spectra = np.cumsum(generator.normal(0, 200, (bands, 1000)), axis=0) + 5000
    chosen = generator.integers(0, 1000, (side, side))
    data = np.empty((bands, side, side), np.uint16)
    for band, values in enumerate(np.clip(spectra, 0, 60000)):
        data[band] = values[chosen]
    nm = np.linspace(400, 2450, bands)
    cube = HyperCube(data, wavelengths_nm=nm, units="reflectance", gain=1e-4)
    return write(cube, folder / "scene.hdr")


def make_library(folder: Path) -> Path:
    """Write a table of random spectra at each nanometre."""
    generator = np.random.default_rng(1)
    nm = np.arange(400, 2451)
    spectra = np.cumsum(generator.normal(0, 0.01, (nm.size, _SPECTRA)), axis=0) + 1
    path = folder / "library.csv"
    names = ",".join(f"spectrum {number}" for number in range(_SPECTRA))
    table = np.column_stack([nm, spectra])
    np.savetxt(path, table, "%.5g", delimiter=",", header=f"wavelength_nm,{names}", comments="")
    return path


class Session:
    """A window with one cube in the dock."""

    def __init__(self, header: Path) -> None:
        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(1280, 800)
        _, self.dock = self.viewer.window.add_plugin_dock_widget("napari-hsi-restore", "Inspect")
        spin(1.0)
        [self.layer] = self.viewer.open(str(header), plugin="napari-hsi-restore")
        self._gaps = Gaps()
        self._until(lambda: self.picture("True colour") is not None)
        spin(2.0)

    def picture(self, title: str) -> Any:
        """The colour picture whose name holds a title, or None."""
        return next((one for one in self.viewer.layers if f"[{title}" in one.name), None)

    def time(self, what: str, act: Callable[[], object], done: Callable[[], bool]) -> None:
        """Do something, wait for its answer, and print a line."""
        self._gaps.take()
        began = time.perf_counter()
        act()
        self._until(done)
        seconds = time.perf_counter() - began
        spin(0.25)
        gaps = self._gaps.take()
        wall, used = max(gap.wall for gap in gaps), max(gap.used for gap in gaps)
        print(f"| {what} | {seconds:.2f} | {wall:.0f} | {used:.0f} |", flush=True)

    def _until(self, done: Callable[[], bool]) -> None:
        end = time.perf_counter() + _PATIENCE_S
        while not done():
            QApplication.processEvents()
            time.sleep(0.001)
            if time.perf_counter() > end:
                raise SystemExit("the answer did not come")


def drag(session: Session) -> None:
    """Drag the line R over a part of the plot."""
    plot = session.dock.form.plot
    bands = session.dock.form.triple.bands
    for step in range(_DRAGS):
        plot.channels_requested.emit((bands[0] + step, bands[1], bands[2]))
        spin(_DRAG_PAUSE_S)


def use(session: Session, library: Path) -> None:
    """Use one tool after the other."""
    dock, picture = session.dock, session.picture
    axis = dock.form.slider._axis
    for name, title in (("swir", "SWIR"), ("pca", "PCA"), ("mnf", "MNF")):
        press = dock.form.pictures[name].click
        session.time(title, press, lambda title=title: picture(title) is not None)
    session.time("False colour", dock.form.triple.button.click, lambda: bool(picture("RGB")))
    last = f"RGB {axis.positions[dock.form.triple.bands[0] + _DRAGS - 1]:.0f} "
    session.time(
        f"Dragging R over {_DRAGS} bands", lambda: drag(session), lambda: bool(picture(last))
    )
    for pixel in _PINS:
        dock.pin_pixel(*pixel)
    spin(0.5)
    view = dock.form._view
    for place, title in enumerate(("Continuum removed", "First derivative"), 1):
        session.time(title, lambda place=place: view.setCurrentIndex(place), lambda: True)
    dock.form.library.click()
    session.time(
        f"Library of {_SPECTRA} spectra",
        lambda: dock.form.matches.library_requested.emit(library),
        lambda: bool(dock._spectra.library.matches),
    )
    session.time("Marking bands", lambda: dock.mark_bands(1300, 1450), lambda: True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=1500)
    parser.add_argument("--bands", type=int, default=120)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        header = make_file(Path(folder), options.side, options.bands)
        library = make_library(Path(folder))
        session = Session(header)
        print("| what | answer after s | longest wait ms | of which own work ms |")
        print("|---|---|---|---|")
        use(session, library)
        session.viewer.close()


if __name__ == "__main__":
    main()
