"""Known noise is found again, on real cubes and where there is little to go by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import tifffile
from scipy import ndimage

from napari_hsi_restore.degradations import add_gaussian, non_iid_sigmas
from napari_hsi_restore.noise import estimate_sigma
from napari_hsi_restore.scene import demo_scene


@pytest.fixture(scope="module")
def cave(shared_data: Path) -> np.ndarray:
    stored = tifffile.imread(shared_data / "validation/cave/superballs.tif")
    return stored.astype(np.float32) / 1023


@pytest.fixture(scope="module")
def airborne(shared_data: Path) -> np.ndarray:
    stored = scipy.io.loadmat(shared_data / "validation/airborne/abu-beach-3.mat")["data"]
    return np.moveaxis(stored / stored.max(), 2, 0).astype(np.float32)


@pytest.fixture(params=["cave", "airborne"])
def real(request: pytest.FixtureRequest) -> np.ndarray:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("sigma", [5, 30, 70])
def test_iid_noise_on_real_cubes(real: np.ndarray, sigma: float) -> None:
    noisy = add_gaussian(real, sigma, np.random.default_rng(0))
    error = np.abs(estimate_sigma(noisy) * 255 / sigma - 1)
    assert np.median(error) < 0.03
    assert error.max() < 0.20


def test_noise_of_each_band_on_real_cubes(real: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    sigmas = non_iid_sigmas(real.shape[0], rng)
    error = np.abs(estimate_sigma(add_gaussian(real, sigmas, rng)) * 255 / sigmas - 1)
    assert np.median(error) < 0.03
    assert error.max() < 0.15


def test_a_clean_cube_has_hardly_any_noise(real: np.ndarray) -> None:
    # Its own noise, of which the bands of one scene share a part.
    sigma = estimate_sigma(real) * 255
    assert np.median(sigma) < 0.4
    assert sigma.max() < 2
    assert sigma.min() > 0


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
def test_noise_that_bands_share_is_no_scene(share: float) -> None:
    clean = np.asarray(demo_scene(size=128).data)
    noise = np.random.default_rng(0).normal(0, 0.05, clean.shape)
    for band in range(1, len(noise)):
        noise[band] = share * noise[band - 1] + np.sqrt(1 - share**2) * noise[band]
    assert np.median(np.abs(estimate_sigma(clean + noise) / 0.05 - 1)) < 0.05


@pytest.mark.parametrize("photons", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("unit", [1.0, 0.037])
def test_so_few_photons_that_most_differences_are_none(photons: float, unit: float) -> None:
    signal = photons * np.asarray(demo_scene(size=96).data)
    counts = np.random.default_rng(0).poisson(signal).astype(np.float32)
    true = unit * np.sqrt(signal.mean(axis=(1, 2)))
    assert np.abs(estimate_sigma(counts * np.float32(unit)) / true - 1).max() < 0.15


def test_texture_that_bands_share_is_no_noise() -> None:
    rng = np.random.default_rng(0)
    fine = ndimage.gaussian_filter(rng.normal(size=(96, 96)), 0.8)
    texture = np.linspace(0.2, 1.0, 24)[:, None, None] * fine / fine.std()
    noise = rng.normal(0, 0.05, texture.shape)
    assert np.median(np.abs(estimate_sigma(texture + noise) / 0.05 - 1)) < 0.05


@pytest.mark.parametrize("bands", [1, 2, 5, 31])
def test_any_number_of_bands(bands: int) -> None:
    clean = demo_scene(128, bands).array()
    noisy = add_gaussian(clean, 20.0, np.random.default_rng(0))
    np.testing.assert_allclose(estimate_sigma(noisy) * 255, 20, rtol=0.12)


def test_more_bands_than_the_pixels_can_tell_apart() -> None:
    clean = demo_scene(32, 220).array()
    noisy = add_gaussian(clean, 20.0, np.random.default_rng(0))
    error = estimate_sigma(noisy) * 255 / 20 - 1
    assert np.median(np.abs(error)) < 0.08
    assert np.abs(error).max() < 0.3
    assert abs(error.mean()) < 0.05


def test_units_of_the_data_and_integers() -> None:
    noise = np.random.default_rng(0).normal(2000, 150, (6, 80, 80))
    np.testing.assert_allclose(estimate_sigma(noise.astype(np.uint16)), 150, rtol=0.06)
    np.testing.assert_allclose(estimate_sigma(noise.astype(np.float32) * 1e-6), 150e-6, rtol=0.06)


def test_pixels_that_are_no_measurements_do_not_count() -> None:
    rng = np.random.default_rng(0)
    noisy = add_gaussian(demo_scene(96, 8).array(), 20.0, rng)
    noisy[:, :40] = -9999.0
    noisy[:, 50, 50] = np.nan
    valid = np.ones(noisy.shape[1:], dtype=bool)
    valid[:40] = False
    np.testing.assert_allclose(estimate_sigma(noisy, valid) * 255, 20, rtol=0.12)


def test_a_masked_background_of_one_value_does_not_hide_the_noise() -> None:
    noisy = add_gaussian(demo_scene(96, 8).array(), 20.0, np.random.default_rng(0))
    noisy[:, :70] = 0.0
    np.testing.assert_allclose(estimate_sigma(noisy) * 255, 20, rtol=0.15)


def test_dead_and_empty_bands_get_a_tiny_floor_and_leave_the_others_alone() -> None:
    noisy = add_gaussian(demo_scene(64, 10).array(), 20.0, np.random.default_rng(0))
    noisy[2] = 0.25
    noisy[5] = np.nan
    sigma = estimate_sigma(noisy)
    assert np.isfinite(sigma).all()
    for band in (2, 5):
        assert 0 < sigma[band] < 1e-4
    others = np.delete(sigma, [2, 5]) * 255
    np.testing.assert_allclose(others, 20, rtol=0.12)


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((3, 8, 8)),
        np.full((3, 8, 8), np.nan),
        np.ones((3, 1, 20)),
        np.ones((1, 1, 1)),
        np.random.default_rng(0).normal(size=(50, 2, 2)),
    ],
)
def test_it_is_finite_and_above_zero_whatever_comes(data: np.ndarray) -> None:
    sigma = estimate_sigma(data)
    assert sigma.shape == data.shape[:1]
    assert sigma.dtype == np.float64
    assert np.isfinite(sigma).all()
    assert (sigma > 0).all()


def test_a_single_line_of_pixels() -> None:
    noise = np.random.default_rng(0).normal(5, 0.3, (4, 1, 4000))
    np.testing.assert_allclose(estimate_sigma(noise), 0.3, rtol=0.08)
    np.testing.assert_allclose(estimate_sigma(np.swapaxes(noise, 1, 2)), 0.3, rtol=0.08)
