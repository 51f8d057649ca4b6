"""Docks that learn, with a child that only counts, in folders of the test."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import QSettings

from napari_hsi_restore.jobs.client import JobClient
from napari_hsi_restore.jobs.learning import LearningClient
from napari_hsi_restore.training.library import RUNS_VARIABLE
from napari_hsi_restore.widgets.parts import learnings
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 300_000


@pytest.fixture
def client(tmp_path, monkeypatch):
    """What the docks submit their jobs to; nothing reaches the user's own folders."""
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # One child for all tests that list devices: starting one takes seconds.
    monkeypatch.setattr(JobClient, "retire", lambda self: None)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path))
    client = LearningClient("tests.jobs.fake_learning")
    monkeypatch.setattr(learnings, "shared_learning", lambda: client)
    yield client
    client.close()


def step_of(dock):
    """The last step that the plot of a dock shows."""
    traces = dock.live.plot.loss.traces
    return traces[-1][0][-1] if traces and traces[-1][0] else 0


def wait_for_step(qtbot, dock, step):
    qtbot.waitUntil(lambda: step_of(dock) >= step, timeout=PATIENCE_MS)


def wait_idle(qtbot, dock):
    def idle():
        return not any(job.active for job in dock.learnings.client.jobs) and (
            not dock.panel.stop.isEnabled()
        )

    qtbot.waitUntil(idle, timeout=PATIENCE_MS)
