"""Make the picture of the guide to searching: ``python -m docs.make_learning_screenshot``.

A real search of some minutes on the generated demo scene, in a real napari window (so it needs a
display; ``xvfb-run`` gives one), taken while it compares cells. Runs and models go to a temporary
folder.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import napari
from qtpy.QtCore import QSettings

from benchmarks.responsiveness import spin
from docs.make_screenshots import IMAGES, keep
from napari_hsi_restore.plugin.layers import cube_to_layer_data
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.training.library import RUNS_VARIABLE
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE

MINUTES = 6.0
TAKEN_AT = 0.4
"""Part of the time after which the picture is taken; the search has half of it."""
WINDOW_SIZE = (1600, 1000)
LONGEST_S = 1800.0


def main() -> None:
    """Search, and keep a picture."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[RUNS_VARIABLE] = os.path.join(folder, "runs")
        os.environ[FOLDER_VARIABLE] = os.path.join(folder, "models")
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)
        viewer = napari.Viewer(show=True)
        viewer.window.resize(*WINDOW_SIZE)
        [(data, options, _)] = cube_to_layer_data(demo_scene())
        viewer.add_image(data, **options)
        _, dock = viewer.window.add_plugin_dock_widget("napari-hsi-restore", "Search")
        dock.form.minutes.setValue(MINUTES)
        spin(1.0)
        dock.panel.start.click()
        [learning] = dock.learnings.client.jobs
        end = time.monotonic() + LONGEST_S
        while learning.active and time.monotonic() < end:
            spin(0.2)
            progress = learning.course.progress
            if progress is not None and progress.fraction >= TAKEN_AT:
                break
        spin(1.0)
        made = Path(folder) / "search.png"
        viewer.window.screenshot(str(made), canvas_only=False, flash=False)
        print(keep(made, IMAGES / "search.png"))
        dock.learnings.client.close()
        viewer.close()


if __name__ == "__main__":
    main()
