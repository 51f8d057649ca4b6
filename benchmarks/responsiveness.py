"""Gaps in napari's event loop during a restoration, and how soon Cancel works.

``python -m benchmarks.responsiveness [--size 512] [--bands 31]`` opens a napari window (so it
needs a display; ``xvfb-run`` gives one), restores a noisy cube through the Restore dock and
reports the time between two ticks of a 5 ms timer: while the window idles, during the run, and
when napari adds the result as a layer; then how long a run takes to cancel.

A gap has two numbers: as a clock sees it, which other programs on the machine make longer, and
the processor time that the GUI thread itself used in it, which they do not.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import tempfile
import time
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QSettings, Qt, QTimer
from qtpy.QtWidgets import QApplication

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin.layers import cube_to_layer_data

TICK_MS = 5
IDLE_S = 3.0
LONGEST_RUN_S = 1800.0
CANCELS = 5


@dataclasses.dataclass(frozen=True)
class Gap:
    """The time between two ticks, in milliseconds: by the clock, and used by this thread."""

    wall: float
    used: float


class Gaps:
    """Notes the time between two ticks."""

    def __init__(self) -> None:
        self._last = self._now()
        self._noted: list[Gap] = []
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    @staticmethod
    def _now() -> tuple[float, float]:
        return 1000 * time.perf_counter(), 1000 * time.thread_time()

    def _tick(self) -> None:
        now = self._now()
        self._noted.append(Gap(now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now

    def take(self) -> list[Gap]:
        """Return the gaps since the last call."""
        noted, self._noted = self._noted, []
        return noted

    def stop(self) -> None:
        """Tick no more."""
        self._timer.stop()


def describe(what: str, gaps: list[Gap]) -> str:
    """A line of the report."""
    wall = np.array([gap.wall for gap in gaps])
    used = max(gap.used for gap in gaps)
    middle, high = np.percentile(wall, [50, 99])
    return (
        f"{what:<17} median {middle:5.1f}   99 % {high:6.1f}   longest {wall.max():6.1f} ms, "
        f"of its own work {used:6.1f} ms"
    )


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
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start")
    gaps = Gaps()
    spin(IDLE_S)
    print(describe("idle", gaps.take()))
    report_run(viewer, dock, gaps)
    times = [seconds_to_cancel(dock, gaps) for _ in range(CANCELS)]
    print(f"cancel            median {np.median(times):.2f} s, longest {max(times):.2f} s")
    print(f"load average {os.getloadavg()[0]:.1f} at the end")
    gaps.stop()
    viewer.close()
    settings.cleanup()


def report_run(viewer: Any, dock: Any, gaps: Gaps) -> None:
    """Restore the cube; print the gaps before and while its layer is added."""
    began = time.perf_counter()
    dock.panel.run.click()
    during: list[Gap] = []
    while dock.runs.status.busy and time.perf_counter() - began < LONGEST_RUN_S:
        layers = len(viewer.layers)
        QApplication.processEvents()
        time.sleep(0.001)
        if len(viewer.layers) == layers:
            during += gaps.take()
    spin(0.5)
    print(describe("during the run", during))
    print(describe("adding the layer", gaps.take()))
    print(f"the run took {time.perf_counter() - began:.1f} s: {dock.runs.status.text}")


def seconds_to_cancel(dock: Any, gaps: Gaps) -> float:
    """Start a run, cancel it while it computes, and wait until the dock is ready again."""
    dock.panel.run.click()
    while dock.runs.status.busy and (dock.runs.status.fraction or 0.0) < 0.12:
        spin(0.01)
    began = time.perf_counter()
    dock.panel.cancel.click()
    while dock.runs.status.busy:
        spin(0.001)
    gaps.take()
    return time.perf_counter() - began


def spin(seconds: float) -> None:
    """Let the window live for a while."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.001)


if __name__ == "__main__":
    main()
