"""From spectra to colours, against what the CIE and sRGB say of known lights."""

from __future__ import annotations

import numpy as np
import pytest

from napari_hsi_restore.spectra.colour import (
    covers_visible,
    encoded_srgb,
    matching_functions,
    srgb_weights,
)

FINE = np.arange(380.0, 781.0, 5)


def every(wavelengths):
    return np.ones(len(wavelengths), bool)


def test_the_observer_has_its_known_peaks_areas_and_primaries():
    grid = np.arange(360.0, 831.0)
    functions = matching_functions(grid)
    assert grid[functions[:, 1].argmax()] == pytest.approx(556, abs=3)
    assert functions.max(axis=0) == pytest.approx([1.0622, 1.0, 1.7826], rel=0.02)
    # Sums of the CIE's tables at 1 nm.
    assert functions.sum(axis=0) == pytest.approx([106.865, 106.857, 106.892], rel=2e-3)
    # x, y of two spectral colours on the horseshoe.
    for nm, xy in ((520, (0.0743, 0.8338)), (600, (0.6270, 0.3725))):
        one = matching_functions([nm])[0]
        assert one[:2] / one.sum() == pytest.approx(xy, abs=0.02)


@pytest.mark.parametrize(
    "wavelengths",
    [FINE, np.arange(400.0, 701, 10), np.array([400, 410, 455, 500, 520, 560, 600, 640, 700.0])],
)
def test_a_white_surface_is_white_however_the_bands_lie(wavelengths):
    weights = srgb_weights(wavelengths, every(wavelengths))
    np.testing.assert_allclose(np.ones(len(wavelengths)) @ weights, 1.0)
    np.testing.assert_allclose(np.full(len(wavelengths), 0.2) @ weights, 0.2)
    shuffled = np.random.default_rng(0).permutation(len(wavelengths))
    again = srgb_weights(wavelengths[shuffled], every(wavelengths))
    np.testing.assert_allclose(again, weights[shuffled])


@pytest.mark.parametrize(
    ("centre", "strongest"), [(640, 0), (535, 1), (445, 2)], ids=["red", "green", "blue"]
)
def test_surfaces_have_their_colour(centre, strongest):
    surface = (np.abs(FINE - centre) <= 45).astype(float)
    red_green_blue = surface @ srgb_weights(FINE, every(FINE))
    assert red_green_blue.argmax() == strongest
    assert red_green_blue[strongest] > 2 * np.delete(red_green_blue, strongest).max()


def test_coarse_and_fine_sensors_agree():
    surface = 0.3 + 0.2 * np.sin(FINE / 60)
    fine = surface @ srgb_weights(FINE, every(FINE))
    coarse = surface[::4] @ srgb_weights(FINE[::4], every(FINE[::4]))
    np.testing.assert_allclose(coarse, fine, atol=0.01)


def test_bad_and_doubled_bands_add_nothing():
    good = np.abs(FINE - 600) > 30
    weights = srgb_weights(FINE, good)
    assert (weights[~good] == 0).all()
    np.testing.assert_allclose(weights.sum(axis=0), 1)
    doubled = np.concatenate([FINE, [550.0]])
    np.testing.assert_allclose(srgb_weights(doubled, every(doubled))[-1], 0)


def test_what_covers_the_visible():
    for wavelengths, covered in (
        (np.arange(400.0, 701, 10), True),
        (np.linspace(400, 2500, 100), True),
        (np.array([443.0, 490, 560, 665, 705, 740, 783]), False),
        (np.linspace(480, 950, 100), False),
        (np.linspace(900, 2500, 100), False),
    ):
        assert covers_visible(wavelengths, every(wavelengths)) == covered
    assert not covers_visible(FINE, np.zeros(FINE.size, bool))


def test_the_screen_encoding_has_its_known_points():
    np.testing.assert_allclose(
        encoded_srgb([0, 0.0031308, 0.2140, 1]), [0, 0.04045, 0.5, 1], atol=1e-4
    )
