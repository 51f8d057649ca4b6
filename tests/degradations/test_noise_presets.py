"""Noise presets: their statistics, their published levels, and what they must not touch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import (
    add_dead_lines,
    add_impulses,
    add_poisson,
    add_stripes,
    correlated_sigmas,
    degrade,
    non_iid_sigmas,
    reference_white,
    uniform_sigmas,
)
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.metrics import compare_cubes, psnr
from napari_hsi_restore.scene import demo_scene


@pytest.mark.parametrize(("sigma", "decibels"), [(30, 18.59), (50, 14.15), (70, 11.23)])
def test_published_noisy_psnr_on_a_real_scene(
    shared_data: Path, sigma: int, decibels: float
) -> None:
    stored = tifffile.imread(shared_data / "validation/cave/superballs.tif")
    clean = HyperCube(stored[:, :256, :256], white_level=1023)
    noisy = degrade(clean, f"gaussian-{sigma}", seed=3)
    assert psnr(clean.array(), noisy.array(), 1023) == pytest.approx(decibels, abs=0.01)


def test_published_noisy_psnr_on_the_demo_scene() -> None:
    clean = demo_scene(96)
    assert compare_cubes(clean, degrade(clean, "gaussian-50")).psnr == pytest.approx(
        14.15, abs=0.03
    )


def test_sigma_is_relative_to_the_white_level_or_else_the_maximum() -> None:
    stored = np.full((3, 100, 100), 1000, dtype=np.uint16)
    stored[:, 0, 0] = 4000
    noise_to_maximum = degrade(HyperCube(stored), "gaussian-51").array() - stored
    assert noise_to_maximum.std() == pytest.approx(0.2 * 4000, rel=0.02)
    stated = degrade(HyperCube(stored, white_level=2000), "gaussian-51")
    assert (stated.array() - stored).std() == pytest.approx(0.2 * 2000, rel=0.02)
    assert stated.white_level == 2000


def test_white_is_the_largest_valid_value() -> None:
    stored = np.array([[[1.0, np.nan, 5.0, 9999.0]]])
    assert reference_white(HyperCube(stored, nodata=9999.0)) == 5.0
    with pytest.raises(UserError, match="white"):
        reference_white(HyperCube(np.zeros((2, 3, 3))))


def test_noise_is_not_clipped() -> None:
    noisy = degrade(demo_scene(32), "gaussian-70").array()
    assert noisy.min() < 0
    assert noisy.max() > 1


def test_non_iid_draws_the_four_levels_for_single_bands() -> None:
    sigmas = non_iid_sigmas(400, np.random.default_rng(0))
    levels, counts = np.unique(sigmas, return_counts=True)
    assert levels.tolist() == [10, 30, 50, 70]
    assert counts.min() > 60
    clean = HyperCube(np.zeros((60, 64, 64), np.float32), white_level=1.0)
    measured = degrade(clean, "non-iid").array().std(axis=(1, 2)) * 255
    nearest = np.abs(measured[:, None] - levels).min(axis=1)
    assert (nearest < 0.1 * measured).all()
    assert measured.max() > 4 * measured.min()


def test_blind_is_one_sigma_a_cube_between_10_and_70() -> None:
    clean = HyperCube(np.zeros((5, 64, 64), np.float32), white_level=1.0)
    measured = [degrade(clean, "blind", seed).array().std() * 255 for seed in range(20)]
    assert min(measured) > 9.5
    assert max(measured) < 71
    assert np.std(measured) > 8
    bands = degrade(clean, "blind", 4).array().std(axis=(1, 2))
    assert np.ptp(bands) < 0.1 * bands.mean()


def test_uniform_sigmas_stay_under_their_maximum() -> None:
    sigmas = uniform_sigmas(1000, 55, np.random.default_rng(0))
    assert sigmas.min() >= 0
    assert 50 < sigmas.max() <= 55


def test_correlated_sigmas_follow_the_published_bell() -> None:
    sigmas = correlated_sigmas(100)
    assert sigmas[50] == pytest.approx(23.08)
    assert sigmas[25] == pytest.approx(23.08 * np.exp(-0.0625 / (4 * 0.157**2)))
    clean = HyperCube(np.zeros((31, 64, 64), np.float32), white_level=1.0)
    measured = degrade(clean, "correlated").array().std(axis=(1, 2)) * 255
    np.testing.assert_allclose(measured, correlated_sigmas(31), rtol=0.06)


def test_stripes_shift_5_to_15_percent_of_the_columns() -> None:
    flat = np.full((4, 10, 200), 0.5)
    striped = add_stripes(flat, [1, 3], np.random.default_rng(0))
    np.testing.assert_array_equal(striped[[0, 2]], flat[[0, 2]])
    for band in striped[[1, 3]]:
        assert np.ptp(band, axis=0).max() == 0  # whole columns
        shift = band[0] - 0.5
        assert 10 <= np.count_nonzero(shift) <= 30
        assert np.abs(shift).max() <= 0.25
        assert len(np.unique(shift[shift != 0])) > 5


def test_dead_lines_are_zero_columns() -> None:
    dead = add_dead_lines(np.full((3, 10, 200), 0.5), [2], np.random.default_rng(0))
    assert (dead[:2] == 0.5).all()
    columns = (dead[2] == 0).all(axis=0)
    assert 10 <= columns.sum() <= 30
    assert (dead[2][:, ~columns] == 0.5).all()


def test_impulses_are_black_or_white_in_equal_parts() -> None:
    hit = add_impulses(np.full((30, 100, 100), 0.5), range(30), np.random.default_rng(0))
    assert set(np.unique(hit)) == {0.0, 0.5, 1.0}
    fractions = (hit != 0.5).mean(axis=(1, 2))
    nearest = np.abs(fractions[:, None] - [0.1, 0.3, 0.5, 0.7])
    assert nearest.min(axis=1).max() < 0.03
    assert len(set(nearest.argmin(axis=1))) == 4
    assert (hit == 0).sum() == pytest.approx((hit == 1).sum(), rel=0.03)


@pytest.mark.parametrize("preset", ["stripe", "deadline", "impulse"])
def test_complex_presets_hit_a_third_of_the_bands_after_non_iid_noise(preset: str) -> None:
    clean = HyperCube(np.full((30, 40, 60), 0.5, np.float32), white_level=1.0)
    # The same seed draws the same Gaussian noise first.
    before, after = degrade(clean, "non-iid", 7).array(), degrade(clean, preset, 7).array()
    changed = (before != after).any(axis=(1, 2))
    assert changed.sum() == 10


def test_mixture_gives_each_defect_its_own_third() -> None:
    clean = HyperCube(np.full((30, 40, 60), 0.5, np.float32), white_level=1.0)
    before = degrade(clean, "non-iid", 7).array()
    after = degrade(clean, "mixture", 7).array()
    changed = after != before
    assert changed.any(axis=(1, 2)).all()
    dead = (after == 0).all(axis=1).any(axis=1)
    impulse = (after == 1).any(axis=(1, 2))
    assert dead.sum() == 10
    assert impulse.sum() == 10
    assert not (dead & impulse).any()
    shift = (after - before)[~dead & ~impulse]
    assert np.abs(shift - shift[:, :1, :]).max() < 1e-5
    assert 0.05 < np.abs(shift).max() <= 0.2501


def test_poisson_has_the_statistics_of_counted_photons() -> None:
    levels = np.array([0.0, 0.1, 0.5, 1.0])
    clean = np.broadcast_to(levels[:, None, None], (4, 200, 200))
    noisy = add_poisson(clean, 100, np.random.default_rng(0))
    np.testing.assert_allclose(noisy.mean(axis=(1, 2)), levels, atol=0.002)
    np.testing.assert_allclose(noisy.std(axis=(1, 2)), np.sqrt(levels / 100), rtol=0.02)
    np.testing.assert_allclose(noisy * 100, np.round(noisy * 100), atol=1e-9)
    negative = add_poisson(np.full((1, 2, 2), -0.25), 100, np.random.default_rng(0))
    assert (negative == -0.25).all()


def test_a_measurement_does_not_become_no_data() -> None:
    stored = np.full((9, 30, 60), 100.0, np.float32)
    stored[:, :3] = 0.0
    cube = HyperCube(stored, nodata=0.0)
    for preset in ("deadline", "impulse", "mixture"):
        noisy = degrade(cube, preset)
        np.testing.assert_array_equal(noisy.valid(noisy.array()), cube.valid(stored))


@pytest.mark.parametrize("name", ["gauss", "gaussian", "gaussian-", "gaussian-x", "gaussian--5"])
def test_an_unknown_preset_lists_the_choices(name: str) -> None:
    with pytest.raises(UserError, match=r"gaussian-S.*mixture.*poisson-N"):
        degrade(demo_scene(16, 3), name)


@pytest.mark.parametrize("name", ["gaussian-0", "gaussian-nan", "gaussian-inf", "poisson-0"])
def test_a_number_out_of_range_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="above 0"):
        degrade(demo_scene(16, 3), name)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(UserError, match="seed"):
        degrade(demo_scene(16, 3), "blind", -1)
