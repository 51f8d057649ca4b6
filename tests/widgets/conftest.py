"""No test of a dock sees, or tidies, the runs of whoever runs the tests."""

from __future__ import annotations

import pytest

from napari_hsi_restore.training.library import RUNS_VARIABLE


@pytest.fixture(autouse=True)
def own_runs(tmp_path, monkeypatch):
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
