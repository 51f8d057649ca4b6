"""The generated scene, clean and noisy, and a door that waits for the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_hsi_restore.classical import Settings, restore_classically
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.events import Done
from napari_hsi_restore.scene import demo_scene


def _wait(cube: HyperCube, name: str, **settings: Any) -> HyperCube:
    *_, last = restore_classically(cube, name, Settings(**settings))
    assert isinstance(last, Done)
    result: HyperCube = last.result
    assert result.shape == cube.shape
    assert result.dtype == np.float32
    return result


@pytest.fixture(scope="session")
def run() -> Callable[..., HyperCube]:
    """``run(cube, name, **settings)`` restores and waits."""
    return _wait


@pytest.fixture(scope="session")
def clean() -> HyperCube:
    return demo_scene(size=64)


@pytest.fixture(scope="session")
def noisy(clean: HyperCube) -> HyperCube:
    return degrade(clean, "gaussian-50", seed=1)
