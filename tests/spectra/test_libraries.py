"""Resampling library spectra to a sensor, and finding the ones most like a pixel."""

from __future__ import annotations

import numpy as np
import pytest

from napari_hsi_restore.metrics import spectral_angle_map
from napari_hsi_restore.spectra import best_matches, resample, spectral_angles

FINE = np.arange(400.0, 1001.0)


def test_a_line_is_kept_and_a_narrow_feature_is_smoothed_by_the_width():
    centres = np.array([450.0, 600.5, 800.0])
    spectra = np.stack([2e-3 * FINE, np.exp(-0.5 * ((FINE - 800) / 10) ** 2)])
    for fwhm in (None, np.full(3, 20.0)):
        np.testing.assert_allclose(resample(FINE, spectra, centres, fwhm)[0], 2e-3 * centres)
    sharp = resample(FINE, spectra, centres)[1]
    smooth = resample(FINE, spectra, centres, np.full(3, 20.0))[1]
    assert sharp[2] == pytest.approx(1)
    sigma = 20 / 2.3548
    assert smooth[2] == pytest.approx(10 / np.hypot(10, sigma), rel=1e-3)


def test_what_the_library_does_not_reach_is_unknown():
    centres = np.array([380.0, 401, 500, 700, 990, 1200])
    spectra = np.ones((2, FINE.size))
    spectra[1, (FINE > 650) & (FINE < 750)] = np.nan
    for fwhm in (None, np.full(6, 15.0), np.array([15.0, 15, np.nan, 0, 15, 15])):
        found = resample(FINE, spectra, centres, fwhm)
        known = np.isfinite(found)
        np.testing.assert_allclose(found[known], 1)
        assert not known[:, [0, 5]].any()
        assert known[:, [2, 4]].all()
        np.testing.assert_array_equal(known[:, 3], [True, False])
        # Half of a wide band lies before the first sample.
        assert known[0, 1] == (fwhm is None)


def test_a_library_coarser_than_the_bands_is_read_off_between_its_samples():
    coarse = np.array([400.0, 500, 600])
    found = resample(coarse, np.array([[0.0, 1, 2]]), np.array([425.0, 550]), np.full(2, 5.0))
    np.testing.assert_allclose(found, [[0.25, 1.5]])
    unordered = resample(coarse[::-1], np.array([[2.0, 1, 0]]), np.array([425.0, 550]))
    np.testing.assert_allclose(unordered, found)


def test_angles_are_those_of_the_spectral_angle_mapper():
    generator = np.random.default_rng(0)
    spectrum, others = generator.random(9), generator.random((5, 9))
    angles, bands, factors = spectral_angles(spectrum, others)
    reference = np.repeat(spectrum[:, None, None], 5, axis=2)
    expected = spectral_angle_map(reference, others.T[:, None, :])[0]
    np.testing.assert_allclose(angles, expected)
    assert (bands == 9).all()
    for factor, other in zip(factors, others, strict=True):
        assert factor == pytest.approx(np.linalg.lstsq(other[:, None], spectrum)[0][0])
    spectrum[2] = np.nan
    others[1, 3:] = np.nan
    masked, bands, _ = spectral_angles(spectrum, others)
    assert bands.tolist() == [8, 2, 8, 8, 8]
    kept = [0, 1, *range(3, 9)]
    assert masked[0] == pytest.approx(spectral_angles(spectrum[kept], others[:, kept])[0][0])


def test_the_nearest_spectra_come_first_whatever_their_brightness():
    generator = np.random.default_rng(1)
    library = generator.random((6, 20))
    measured = 0.01 * (library[4] + 0.02 * generator.normal(size=20))
    names = [f"mineral {n}" for n in range(6)]
    found = best_matches(measured, names, library, 3)
    assert found[0].name == "mineral 4"
    assert found[0].angle_deg < 5 < found[1].angle_deg <= found[2].angle_deg
    assert found[0].factor == pytest.approx(0.01, rel=0.05)
    assert [match.bands for match in found] == [20, 20, 20]


def test_a_spectrum_of_few_bands_or_without_any_is_no_match():
    library = np.random.default_rng(2).random((4, 20))
    library[0, 4:] = np.nan
    library[1] = np.nan
    library[2] = 0
    assert [m.index for m in best_matches(library[3], "abcd", library)] == [3]
    assert best_matches(np.full(20, np.nan), "abcd", library) == ()
