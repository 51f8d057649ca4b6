"""Cubes of a made-up sensor, small and quick to learn from."""

from __future__ import annotations

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.scene import demo_scene


def clean_cube(size: int = 64, bands: int = 8, seed: int = 1) -> HyperCube:
    """A clean cube, float32, (bands, size, size), white at 1."""
    scene = demo_scene(size=size, bands=bands, seed=seed)
    data = scene.array().astype(np.float32)
    return scene.replace(data=data / data.max(), white_level=1.0, nodata=None, name="sensor")


def noisy_cube(clean: HyperCube, seed: int = 2) -> HyperCube:
    """The cube with Gaussian noise that differs from band to band."""
    rng = np.random.default_rng(seed)
    sigma = np.linspace(0.03, 0.15, clean.n_bands, dtype=np.float32)[:, None, None]
    noise = rng.standard_normal(clean.shape, dtype=np.float32) * sigma
    return clean.replace(data=clean.array() + noise)
