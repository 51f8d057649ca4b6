"""A window that nobody complains in, and no runs of whoever runs the tests."""

from __future__ import annotations

import pytest
from napari.utils.notifications import notification_manager

from napari_hsi_restore.training.library import RUNS_VARIABLE
from widgets.window import complaints


@pytest.fixture(autouse=True)
def own_runs(tmp_path, monkeypatch):
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))


@pytest.fixture
def viewer(make_napari_viewer):
    """An empty window, in which nothing is to go wrong."""
    notification_manager.records.clear()
    viewer = make_napari_viewer(show=True)
    yield viewer
    assert complaints() == []
