"""The demo scene, its noisy and its low-resolution version, under File > Open Sample."""

from __future__ import annotations

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin.layers import LayerData, cube_to_layer_data

SIZE = 256
NOISE_PRESET = "non-iid"
DOWNSCALE = 2


def clean() -> list[LayerData]:
    """The clean scene: reflectance, 31 bands from 400 to 700 nm."""
    return cube_to_layer_data(_scene("demo scene (clean)"))


def noisy() -> list[LayerData]:
    """The scene with another amount of Gaussian noise in each band."""
    from napari_hsi_restore.degradations import degrade

    cube = degrade(_scene("demo scene"), NOISE_PRESET, seed=0)
    return cube_to_layer_data(cube.replace(name="demo scene (noisy)"))


def low_resolution() -> list[LayerData]:
    """The scene with half as many pixels along each side, laid on the same ground."""
    from napari_hsi_restore.degradations import downscale

    cube = downscale(_scene("demo scene"), DOWNSCALE)
    [(data, options, kind)] = cube_to_layer_data(
        cube.replace(name=f"demo scene (low resolution x{DOWNSCALE})")
    )
    # A coarse pixel covers DOWNSCALE fine ones; its centre lies between theirs.
    options["scale"] = (1.0, float(DOWNSCALE), float(DOWNSCALE))
    half = (DOWNSCALE - 1) / 2
    options["translate"] = (0.0, half, half)
    return [(data, options, kind)]


def _scene(name: str) -> HyperCube:
    from napari_hsi_restore.scene import demo_scene

    return demo_scene(size=SIZE).replace(name=name)
