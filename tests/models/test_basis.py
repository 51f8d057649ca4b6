import numpy as np
import pytest

from napari_hsi_restore.models.basis import band_basis, eigenbasis


def moments(cube):
    flat = cube.reshape(len(cube), -1)
    mean = flat.mean(axis=1)
    return mean, np.cov(flat, bias=True)


@pytest.fixture
def low_rank():
    """Clean cube of three materials, its noise, and the sigma of every band."""
    rng = np.random.default_rng(0)
    spectra = np.cumsum(rng.standard_normal((3, 40)), axis=1)
    clean = np.tensordot(spectra.T, rng.random((3, 60, 60)), axes=1)
    sigma = rng.uniform(0.1, 2.0, 40)
    return clean, sigma, sigma[:, None, None] * rng.standard_normal(clean.shape)


def test_components_carry_the_noise_that_they_are_said_to(low_rank):
    clean, sigma, noise = low_rank
    basis = eigenbasis(*moments(clean + noise), sigma, 3600)
    told = basis.project(clean + noise) - basis.project(clean)
    np.testing.assert_allclose(told.std(axis=(1, 2)), basis.level, atol=0.12)
    assert 3 <= basis.components <= 6


def test_the_components_hold_the_signal_and_little_noise(low_rank):
    clean, sigma, noise = low_rank
    noisy = clean + noise
    basis = eigenbasis(*moments(noisy), sigma, 3600)
    restored = basis.restore(basis.project(noisy), noisy)
    before, after = np.mean(noise**2), np.mean((restored - clean) ** 2)
    assert after < before * (basis.components + 1) / 40


def test_a_rare_spectrum_beyond_the_components_is_not_cut_off(low_rank):
    clean, sigma, noise = low_rank
    noisy = clean + noise
    basis = eigenbasis(*moments(noisy), sigma, 3600, most=2)
    assert basis.components == 2
    assert basis.tail is not None
    restored = basis.restore(basis.project(clean), clean)
    centred = clean - clean.mean(axis=(1, 2))[:, None, None]
    assert np.mean((restored - clean) ** 2) < 0.01 * np.mean(centred**2)


def test_almost_no_noise_changes_almost_nothing(low_rank):
    clean, sigma, _ = low_rank
    basis = eigenbasis(*moments(clean), 1e-6 * sigma, 3600)
    restored = basis.restore(basis.project(clean), clean)
    np.testing.assert_allclose(restored, clean, atol=1e-4 * np.ptp(clean))


def test_bands_are_a_basis_too(low_rank):
    clean, sigma, _ = low_rank
    basis = band_basis(*moments(clean), sigma)
    assert basis.components == 40
    np.testing.assert_allclose(
        basis.restore(basis.project(clean), clean), clean, atol=1e-5 * np.ptp(clean)
    )
