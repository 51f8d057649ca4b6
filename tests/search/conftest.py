"""A tiny generated cube, a search that takes seconds, and a folder for the models of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.search import SearchRecipe
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))


@pytest.fixture(scope="session")
def cube() -> HyperCube:
    return demo_scene(size=72, bands=10, seed=1)


@pytest.fixture
def recipe() -> SearchRecipe:
    return SearchRecipe(
        name="mine",
        device="cpu",
        width=8,
        crop=24,
        patch=12,
        most_components=3,
        paths=2,
        cost="counted",
        precision="32-true",
        search_steps=8,
        training_steps=4,
    )
