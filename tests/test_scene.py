"""The demo scene: the same every time, physically plausible, and with something to lose."""

from __future__ import annotations

import numpy as np
import pytest

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.scene import demo_scene


def test_it_is_what_its_fields_say() -> None:
    scene = demo_scene(64)
    assert scene.shape == (31, 64, 64)
    assert scene.dtype == np.float32
    assert scene.wavelengths_nm is not None
    np.testing.assert_allclose(scene.wavelengths_nm, np.arange(400, 701, 10))
    assert (scene.name, scene.units, scene.white_level) == ("demo scene", "reflectance", 1.0)
    values = scene.array()
    assert values.min() > 0
    assert 0.8 < values.max() <= 1


def test_the_seed_decides_the_textures() -> None:
    np.testing.assert_array_equal(demo_scene(32, 5, 3).array(), demo_scene(32, 5, 3).array())
    assert (demo_scene(32, 5, 3).array() != demo_scene(32, 5, 4).array()).any()


@pytest.mark.parametrize(("size", "factor"), [(32, 3), (48, 2), (128, 2)])
def test_every_size_shows_the_same_objects(size: int, factor: int) -> None:
    small, large = demo_scene(size, 5).array(), demo_scene(size * factor, 5).array()
    averaged = large.reshape(5, size, factor, size, factor).mean(axis=(2, 4))
    # The step from one pixel to the next is 0.12.
    assert np.sqrt(np.mean((averaged - small) ** 2)) < 0.03
    assert np.sqrt(np.mean(np.diff(small, axis=2) ** 2)) > 0.1


def test_colours_lie_where_the_eye_expects_them() -> None:
    scene = demo_scene(128)
    pond, roof, yellow = (scene.spectrum(*pixel) for pixel in ((26, 26), (20, 92), (86, 54)))
    assert 450 <= 400 + 10 * pond.argmax() <= 530
    assert roof[-1] > 3 * roof[5]
    assert yellow[20] > 5 * yellow[2]


def test_vegetation_has_its_red_edge_where_the_range_reaches_it() -> None:
    scene = demo_scene(64, 61, wavelength_range=(400.0, 1000.0))
    tree = scene.spectrum(6, 40)
    assert tree[40] > 5 * tree[27]  # 800 nm against 670 nm
    assert tree[15] > tree[27]  # green against the chlorophyll band


def test_spectra_are_smooth_and_textures_are_not() -> None:
    values = demo_scene(64).array().astype(float)
    along = np.abs(np.diff(values, n=2, axis=0)).mean()
    across = np.abs(np.diff(values, n=2, axis=2)).mean()
    assert across > 5 * along
    singular = np.linalg.svd(values.reshape(31, -1), compute_uv=False)
    assert (singular > 1e-3 * singular[0]).sum() >= 8  # many materials, not a few colours


@pytest.mark.parametrize(
    ("size", "bands", "seed", "first"),
    [(8, 31, 0, 400.0), (64, 0, 0, 400.0), (64, 5, -1, 400.0), (64, 5, 0, 100.0)],
)
def test_what_cannot_be_drawn_is_refused(size: int, bands: int, seed: int, first: float) -> None:
    with pytest.raises(UserError, match="demo scene"):
        demo_scene(size, bands, seed, wavelength_range=(first, 700.0))


def test_one_band_lies_in_the_middle() -> None:
    scene = demo_scene(16, 1)
    assert scene.wavelengths_nm is not None
    assert scene.wavelengths_nm.tolist() == [550.0]
