"""Continuum, derivative and projections on spectra whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from napari_hsi_restore.spectra import (
    continuum,
    first_derivative,
    remove_continuum,
    strongest_components,
)

NM = np.concatenate([np.arange(400.0, 700, 10), np.arange(700.0, 2500, 25)])


def absorption(centre, width, depth):
    return 1 - depth * np.exp(-0.5 * ((NM - centre) / width) ** 2)


def test_an_absorption_on_a_slope_keeps_its_depth_and_place():
    slope = 0.2 + 1e-4 * NM
    removed = remove_continuum(NM, slope * absorption(2200, 40, 0.3))
    assert NM[removed.argmin()] == 2200
    assert removed.min() == pytest.approx(0.7, abs=1e-3)
    assert removed.max() == 1
    np.testing.assert_allclose(continuum(NM, slope), slope)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_the_hull_is_the_convex_hull(seed):
    generator = np.random.default_rng(seed)
    x = generator.permutation(np.cumsum(generator.uniform(0.5, 20, 30)))
    y = generator.uniform(0.1, 1, 30)
    hull = continuum(x, y)
    assert (hull >= y - 1e-12).all()
    corners = ConvexHull(np.stack([x, y], 1)).vertices
    touched = np.flatnonzero(np.isclose(hull, y))
    assert set(touched) <= set(corners)
    order = np.argsort(x)
    slopes = np.diff(hull[order]) / np.diff(x[order])
    assert (np.diff(slopes) < 1e-9).all()


def test_missing_bands_do_not_count_and_zeros_do_not_divide():
    values = absorption(900, 50, 0.5)
    values[5] = np.nan
    removed = remove_continuum(NM, values)
    assert np.isnan(removed[5])
    assert np.isfinite(np.delete(removed, 5)).all()
    assert np.isnan(remove_continuum(NM, np.zeros(NM.size))).all()
    assert np.isnan(continuum(NM, np.full(NM.size, np.nan))).all()
    one = np.full(NM.size, np.nan)
    one[3] = 1.0
    assert np.isnan(continuum(NM, one)).all()
    twice = np.array([1.0, 2.0, 2.0, 3.0])
    np.testing.assert_allclose(continuum(twice, np.array([1.0, 1.0, 3.0, 1.0])), [1, 3, 3, 1])


def test_the_derivative_of_a_parabola_is_its_slope_on_uneven_bands_in_any_order():
    shuffled = np.random.default_rng(0).permutation(NM)
    slope = first_derivative(shuffled, 1e-6 * shuffled**2)
    inside = (shuffled > NM.min()) & (shuffled < NM.max())
    np.testing.assert_allclose(slope[inside], 2e-6 * shuffled[inside], rtol=1e-9)


def test_no_slope_across_gaps_and_missing_bands():
    x = np.array([1.0, 2, 3, 4, 40, 41, 42, 60])
    y = np.array([0.0, 1, 2, 3, 100, 102, 104, 0])
    np.testing.assert_allclose(first_derivative(x, y)[:7], [1, 1, 1, 1, 2, 2, 2])
    assert np.isnan(first_derivative(x, y)[7])
    y[1] = np.nan
    np.testing.assert_array_equal(np.isnan(first_derivative(x, y))[:4], [True, True, False, False])
    assert np.isnan(first_derivative(np.array([1.0, 1.0]), np.array([2.0, 3.0]))).all()
    assert np.isnan(first_derivative(np.array([1.0]), np.array([2.0]))).all()


@pytest.mark.parametrize("reverse", [False, True])
def test_two_detectors_that_overlap_are_two_stretches(reverse):
    first, second = np.arange(400.0, 1000, 7), np.arange(900.0, 1700, 11)
    x = np.concatenate([first, second])
    y = np.concatenate([1e-3 * first, 1e-3 * second + 0.1])
    order = slice(None, None, -1) if reverse else slice(None)
    np.testing.assert_allclose(first_derivative(x[order], y[order]), 1e-3)


def test_principal_components_follow_variance_and_noise_fractions_signal_to_noise():
    generator = np.random.default_rng(0)
    signal = generator.normal(size=4000)
    pixels = np.stack([signal, 0.8 * signal, 0.0 * signal, 0.0 * signal])
    sigma = np.array([0.1, 0.1, 0.1, 5.0])
    pixels = pixels + sigma[:, None] * generator.normal(size=pixels.shape) + 7
    plain = strongest_components(pixels)
    assert np.abs(plain.loadings[:, 0]).argmax() == 3
    whitened = strongest_components(pixels, 3, sigma)
    scores = (pixels - whitened.mean[:, None]).T @ whitened.loadings
    assert np.corrcoef(scores[:, 0], signal)[0, 1] > 0.99
    # Noise has the variance 1 in each fraction, and only the first one has a signal.
    np.testing.assert_allclose(scores.var(axis=0)[1:], 1, rtol=0.1)
    few = strongest_components(generator.normal(size=(1, 9)))
    assert few.loadings.shape == (1, 1)
