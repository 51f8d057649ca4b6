"""Gaps in napari's event loop while it learns in the background, and how soon Stop works.

``python -m benchmarks.learning [--kind finetune|search] [--size 256] [--bands 31] [--minutes 1]``
opens a napari window (so it needs a display; ``xvfb-run`` gives one), starts a fine-tuning or a
search through its dock, with its plots in view, and reports the time between two ticks of a 5 ms
timer while the window idles and while it learns; then how long it takes after Stop until the best
model so far is in the library. Runs and models go to a temporary folder.

A gap has two numbers: as a clock sees it, which other programs on the machine make longer, and
the processor time that the GUI thread itself used in it, which they do not.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QSettings

from benchmarks.responsiveness import IDLE_S, Gaps, describe, noisy_cube, spin
from napari_hsi_restore.plugin.layers import cube_to_layer_data
from napari_hsi_restore.training.library import RUNS_VARIABLE
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE

DOCKS = {"finetune": "Fine-tune", "search": "Search"}
STOPS = 3
LONGEST_WAIT_S = 600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=DOCKS, default="finetune")
    parser.add_argument("--size", type=int, default=256, help="rows and columns")
    parser.add_argument("--bands", type=int, default=31)
    parser.add_argument("--minutes", type=float, default=1.0, help="that the gaps are measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ[RUNS_VARIABLE] = os.path.join(folder, "runs")
        os.environ[FOLDER_VARIABLE] = os.path.join(folder, "models")
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        report(arguments)


def report(arguments: argparse.Namespace) -> None:
    """Measure and print."""
    viewer = napari.Viewer(show=True)
    [(data, options, _)] = cube_to_layer_data(noisy_cube(arguments.size, arguments.bands))
    viewer.add_image(data, **options)
    _, dock = viewer.window.add_plugin_dock_widget("napari-hsi-restore", DOCKS[arguments.kind])
    # Longer than is measured, so that it does not end by itself.
    dock.form.minutes.setValue(10 * arguments.minutes + 10)
    spin(IDLE_S)
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the start")
    gaps = Gaps()
    spin(IDLE_S)
    print(describe("idle", gaps.take()))
    times = []
    for number in range(STOPS):
        learning = begin(dock)
        if number == 0:
            print(describe("until it learns", gaps.take()))
            spin(60 * arguments.minutes)
            print(describe("while it learns", gaps.take()))
            print(f"{learning.course.progress}")
        times.append(seconds_to_stop(dock, learning))
    print(f"stop              median {np.median(times):.2f} s, longest {max(times):.2f} s")
    print(f"load average {os.getloadavg()[0]:.1f} at the end")
    gaps.stop()
    # Before the folders go, into which the last checkpoint is written.
    dock.learnings.client.close()
    viewer.close()


def begin(dock: Any) -> Any:
    """Start a job and wait until its first model is there."""
    dock.panel.start.click()
    learning = dock.learnings.client.jobs[-1]
    end = time.perf_counter() + LONGEST_WAIT_S
    while learning.active and not (learning.folder / "best.safetensors").exists():
        spin(0.05)
        if time.perf_counter() > end:
            raise SystemExit("no model came in time")
    if not learning.active:
        raise SystemExit(f"{learning.state}: {learning.message}")
    return learning


def seconds_to_stop(dock: Any, learning: Any) -> float:
    """Stop, and wait until the dock says that the model is in the library."""
    began = time.perf_counter()
    dock.panel.stop.click()
    while learning.active or "is in the list" not in dock.panel.status.text():
        spin(0.001)
        if learning.state == "failed":
            raise SystemExit(learning.message)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
