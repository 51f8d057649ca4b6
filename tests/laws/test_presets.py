"""Laws that every noise preset obeys."""

from __future__ import annotations

import numpy as np
import pytest

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import PRESETS, Preset, degrade
from napari_hsi_restore.metrics import compare_cubes
from napari_hsi_restore.scene import demo_scene

every_preset = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)


@pytest.fixture(scope="module")
def clean() -> HyperCube:
    return demo_scene(32, 9)


def test_names_differ() -> None:
    assert len({preset.name for preset in PRESETS}) == len(PRESETS)


@every_preset
def test_it_has_one_line_for_the_list_of_choices(preset: Preset) -> None:
    assert 10 < len(preset.description) < 100
    assert "\n" not in preset.description


@every_preset
def test_it_makes_the_cube_worse_and_says_so(preset: Preset, clean: HyperCube) -> None:
    noisy = degrade(clean, preset.example, seed=5)
    assert noisy.dtype == np.float32
    assert noisy.shape == clean.shape
    assert (noisy.units, noisy.white_level) == ("reflectance", 1.0)
    assert preset.example in noisy.history[-1]
    assert "seed 5" in noisy.history[-1]
    assert noisy.history[:-1] == clean.history
    np.testing.assert_array_equal(noisy.wavelengths_nm, clean.wavelengths_nm)
    assert 3 < compare_cubes(clean, noisy).psnr < 40


@every_preset
def test_the_seed_decides(preset: Preset, clean: HyperCube) -> None:
    once, again, other = (degrade(clean, preset.example, seed).array() for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


@every_preset
def test_the_source_is_left_as_it_was(preset: Preset, clean: HyperCube) -> None:
    before = clean.array().copy()
    degrade(clean, preset.example)
    np.testing.assert_array_equal(clean.array(), before)


@every_preset
def test_stored_units_only_scale_it(preset: Preset, clean: HyperCube) -> None:
    counts = clean.replace(data=clean.array() * np.float32(4096), white_level=4096.0)
    np.testing.assert_allclose(
        degrade(counts, preset.example).array() / 4096,
        degrade(clean, preset.example).array(),
        atol=1e-6,
    )


@every_preset
@pytest.mark.parametrize("nodata", [-9999.0, None])
def test_no_data_stays_no_data_and_changes_nothing_else(
    preset: Preset, nodata: float | None, clean: HyperCube
) -> None:
    data = clean.array().copy()
    data[:, :4] = np.nan if nodata is None else nodata
    data[3, 10, 10] = np.nan
    holed = clean.replace(data=data, nodata=nodata)
    noisy = degrade(holed, preset.example)
    valid = holed.valid(data)
    np.testing.assert_array_equal(noisy.valid(noisy.array()), valid)
    np.testing.assert_array_equal(noisy.array()[~valid], data[~valid])


@every_preset
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 5, 3), (40, 1, 12)])
def test_small_cubes_are_taken(preset: Preset, shape: tuple[int, int, int]) -> None:
    cube = HyperCube(np.full(shape, 200, dtype=np.uint8))
    assert np.isfinite(degrade(cube, preset.example).array()).all()
