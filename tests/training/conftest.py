"""A made-up sensor to learn from, and folders for models and runs of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from make.models import own_library
from make.sensors import clean_cube, noisy_cube
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.training.library import runs_folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Holds the folders ``models``, with the denoiser ``tiny``, and ``runs``."""
    return own_library(tmp_path, monkeypatch)


@pytest.fixture
def folder(place: Path) -> Path:
    """Where the run ``mine`` lies."""
    return runs_folder() / "mine"


@pytest.fixture(scope="session")
def clean() -> HyperCube:
    return clean_cube()


@pytest.fixture(scope="session")
def noisy(clean: HyperCube) -> HyperCube:
    return noisy_cube(clean)
