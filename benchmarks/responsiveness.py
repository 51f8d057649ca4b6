"""Longest gap in napari's event loop during a restoration.

``python -m benchmarks.responsiveness [--size 512]`` opens a napari window (so it
needs a display), restores a noisy cube through the Restore dock and reports the
longest time between two ticks of a 5 ms timer: while the window idles, during the
run, and when napari adds the result as a layer.
"""

from __future__ import annotations

import argparse
import tempfile
import time

import napari
import numpy as np
from qtpy.QtCore import QSettings, Qt, QTimer
from qtpy.QtWidgets import QApplication

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin.layers import cube_to_layer_data

TICK_MS = 5
IDLE_S = 3.0
LONGEST_RUN_S = 1800.0


class Gaps:
    """Notes the longest time between two ticks."""

    def __init__(self) -> None:
        self._last = time.perf_counter()
        self.longest = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def take(self) -> float:
        """Return the longest gap since the last call, in milliseconds."""
        longest, self.longest = self.longest, 0.0
        return 1000 * longest

    def stop(self) -> None:
        """Tick no more."""
        self._timer.stop()


def noisy_cube(size: int, bands: int) -> HyperCube:
    """A smooth scene with noise of sigma 50 where white is 255."""
    rng = np.random.default_rng(0)
    row, column = np.mgrid[0:size, 0:size] / size
    band = np.linspace(0.5, 1.5, bands)[:, None, None]
    clean = 0.5 + 0.4 * np.sin(9 * band * row) * np.cos(7 * column)
    noise = rng.normal(0, 50 / 255, clean.shape)
    wavelengths = np.linspace(400, 700, bands)
    return HyperCube(
        (clean + noise).astype(np.float32), "noisy", wavelengths_nm=wavelengths, white_level=1.0
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=512, help="rows and columns")
    parser.add_argument("--bands", type=int, default=31)
    arguments = parser.parse_args()
    settings = tempfile.TemporaryDirectory()
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, settings.name)
    viewer = napari.Viewer(show=True)
    [(data, options, _)] = cube_to_layer_data(noisy_cube(arguments.size, arguments.bands))
    viewer.add_image(data, **options)
    _, dock = viewer.window.add_plugin_dock_widget("napari-hsi-restore", "Restore")
    spin(IDLE_S)
    gaps = Gaps()
    spin(IDLE_S)
    print(f"idle:             {gaps.take():6.1f} ms")
    began = time.perf_counter()
    dock.panel.run.click()
    during = 0.0
    while dock.runs.status.busy and time.perf_counter() - began < LONGEST_RUN_S:
        layers = len(viewer.layers)
        QApplication.processEvents()
        time.sleep(0.001)
        if len(viewer.layers) == layers:
            during = max(during, gaps.take())
    spin(0.2)
    print(f"during the run:   {during:6.1f} ms")
    print(f"adding the layer: {gaps.take():6.1f} ms")
    print(f"the run took {time.perf_counter() - began:.1f} s: {dock.runs.status.text}")
    gaps.stop()
    viewer.close()
    settings.cleanup()


def spin(seconds: float) -> None:
    """Let the window live for a while."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":
    main()
