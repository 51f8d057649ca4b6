"""Single scores against the libraries whose definitions they share."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import (
    error_relative_global_dimensionless_synthesis,
    spectral_angle_mapper,
)

from napari_hsi_restore.degradations import add_gaussian, correlated_sigmas
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.metrics import (
    ergas,
    error_map,
    mpsnr,
    psnr,
    psnr_per_band,
    rmse_per_band,
    sam_degrees,
    spectral_angle_map,
    ssim,
    ssim_per_band,
)
from napari_hsi_restore.scene import demo_scene


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    clean = demo_scene(48, 9).array()
    return clean, add_gaussian(clean, correlated_sigmas(9), np.random.default_rng(0))


def test_psnr_is_that_of_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noisy = pair
    for peak in (1.0, 0.8):
        expected = peak_signal_noise_ratio(
            clean.astype(float), noisy.astype(float), data_range=peak
        )
        assert psnr(clean, noisy, peak) == pytest.approx(expected, abs=1e-6)
    bands = [
        peak_signal_noise_ratio(a.astype(float), b.astype(float), data_range=1.0)
        for a, b in zip(clean, noisy, strict=True)
    ]
    np.testing.assert_allclose(psnr_per_band(clean, noisy, 1.0), bands, atol=1e-6)
    assert mpsnr(clean, noisy, 1.0) == pytest.approx(np.mean(bands), abs=1e-6)
    assert mpsnr(clean, noisy, 1.0) > psnr(clean, noisy, 1.0)


def test_clipping_is_the_published_variant(pair: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noisy = pair
    clipped = np.clip(noisy, 0, 1)
    assert psnr(clean, noisy, 1.0, clip=True) == pytest.approx(psnr(clean, clipped, 1.0))
    assert psnr(clean, noisy, 1.0, clip=True) > psnr(clean, noisy, 1.0)
    assert ssim(clean, noisy, 1.0, clip=True) == pytest.approx(ssim(clean, clipped, 1.0))


def test_psnr_of_equal_cubes_is_infinite(pair: tuple[np.ndarray, np.ndarray]) -> None:
    assert psnr(pair[0], pair[0], 1.0) == np.inf


def test_integers_do_not_wrap_around() -> None:
    low, high = np.zeros((1, 12, 12), np.uint8), np.full((1, 12, 12), 255, np.uint8)
    assert psnr(low, high, 255) == pytest.approx(0.0)
    assert error_map(low, high).max() == 255


def test_ssim_is_that_of_scikit_image(pair: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noisy = pair
    bands = [
        structural_similarity(
            a.astype(float),
            b.astype(float),
            data_range=1.0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for a, b in zip(clean, noisy, strict=True)
    ]
    np.testing.assert_allclose(ssim_per_band(clean, noisy, 1.0), bands, rtol=1e-9)
    assert ssim(clean, noisy, 1.0) == pytest.approx(np.mean(bands))
    assert ssim(clean, clean, 1.0) == pytest.approx(1.0)


def test_ssim_of_a_small_image_says_what_it_needs() -> None:
    small = np.ones((3, 10, 40))
    with pytest.raises(UserError, match="11 x 11"):
        ssim(small, small, 1.0)


def test_ssim_ignores_what_lies_under_no_data(pair: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noisy = pair
    valid = np.ones(clean.shape[1:], dtype=bool)
    valid[:20] = False
    spoiled = noisy.copy()
    spoiled[:, :20] = np.nan
    kept = ssim(clean[:, 20:], noisy[:, 20:], 1.0)
    assert ssim(clean, spoiled, 1.0, valid=valid) == pytest.approx(kept, rel=1e-9)


def test_spectral_angle_is_that_of_torchmetrics(pair: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noisy = (torch.from_numpy(array[None].astype(np.float64)) for array in pair)
    expected = float(torch.rad2deg(spectral_angle_mapper(noisy, clean)))
    assert sam_degrees(*pair) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("ratio", [1, 2, 4])
def test_ergas_is_that_of_torchmetrics(pair: tuple[np.ndarray, np.ndarray], ratio: int) -> None:
    clean, noisy = (torch.from_numpy(array[None].astype(np.float64)) for array in pair)
    expected = float(error_relative_global_dimensionless_synthesis(noisy, clean, ratio=ratio))
    assert ergas(*pair, ratio=ratio) == pytest.approx(expected, rel=1e-9)


def test_ergas_leaves_out_bands_without_a_mean() -> None:
    clean = np.ones((3, 4, 4))
    clean[1] = 0.0
    assert ergas(clean, clean + 0.1) == pytest.approx(10.0)
    assert np.isnan(ergas(clean * 0, clean))


def test_spectral_angle_of_special_spectra() -> None:
    true = np.array([[1, 1, 0, 0, 1, 2], [0, 0, 0, 0, 1, 2.0]])[:, None, :]
    found = np.array([[3, 0, 0, 5, -1, 1], [0, 4, 0, 5, -1, 1.0]])[:, None, :]
    # Scaled, orthogonal, both zero, one zero, opposite, scaled.
    expected = [0, 90, 0, 90, 180, 0]
    np.testing.assert_allclose(spectral_angle_map(true, found)[0], expected, atol=1e-12)


def test_spectral_angle_of_equal_spectra_is_exactly_zero(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    assert spectral_angle_map(pair[1], pair[1]).max() == 0.0


def test_maps_have_one_value_a_pixel(pair: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noisy = pair
    difference = clean.astype(float) - noisy
    np.testing.assert_allclose(
        error_map(clean, noisy), np.sqrt((difference**2).mean(axis=0)), rtol=1e-6
    )
    np.testing.assert_allclose(
        rmse_per_band(clean, noisy), np.sqrt((difference**2).mean(axis=(1, 2))), rtol=1e-6
    )
    assert spectral_angle_map(clean, noisy).mean() == pytest.approx(sam_degrees(clean, noisy))


def test_values_under_no_data_do_not_count(pair: tuple[np.ndarray, np.ndarray]) -> None:
    clean, noisy = (array.astype(float) for array in pair)
    valid = np.ones(clean.shape, dtype=bool)
    valid[:, :, :10] = False
    valid[4] = False
    spoiled = np.where(valid, noisy, np.nan)
    kept = [index for index in range(9) if index != 4]
    cut = clean[kept, :, 10:], noisy[kept, :, 10:]
    assert psnr(clean, spoiled, 1.0, valid=valid) == pytest.approx(psnr(*cut, 1.0))
    assert mpsnr(clean, spoiled, 1.0, valid=valid) == pytest.approx(mpsnr(*cut, 1.0))
    assert sam_degrees(clean, spoiled, valid=valid) == pytest.approx(sam_degrees(*cut))
    assert ergas(clean, spoiled, valid=valid) == pytest.approx(ergas(*cut))
    np.testing.assert_allclose(error_map(clean, spoiled, valid=valid)[:, 10:], error_map(*cut))
    assert np.isnan(error_map(clean, spoiled, valid=valid)[:, :10]).all()
    assert np.isnan(psnr_per_band(clean, spoiled, 1.0, valid=valid)[4])
