"""What pixels with like spectra share outside of the subspace."""

import numpy as np
import pytest

from napari_hsi_restore.classical import ngmeet
from napari_hsi_restore.classical.ferns import regained
from napari_hsi_restore.classical.refined import refined
from napari_hsi_restore.noise.portion import finish

STRONG, INSIDE, ALL = 3, 11, 24


@pytest.fixture(scope="module")
def scene():
    """Components of materials, (ALL, 128, 128); what is beyond the subspace is faint."""
    rng = np.random.default_rng(0)
    side = 128
    columns, rows = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    strong = np.stack([30 * np.sin(5 * columns), 20 * rows, 10 * np.cos(4 * columns * rows)])
    kinds = np.digitize(strong[0], [-15, 0, 15]) + 4 * (strong[1] > 0)
    faint = 0.12 * rng.standard_normal((ALL - INSIDE, kinds.max() + 1))
    faint -= faint.mean(axis=1, keepdims=True)
    clean = np.zeros((ALL, side, side), dtype=np.float32)
    clean[:STRONG] = strong
    clean[INSIDE:] = faint[:, kinds]
    return clean


def estimate_of(clean, rng):
    estimate = clean[:INSIDE] + 0.1 * rng.standard_normal(clean[:INSIDE].shape)
    return estimate.astype(np.float32)


def noise(shape, level=1.0):
    return (level * np.random.default_rng(1).standard_normal(shape)).astype(np.float32)


def energy(image):
    return float(np.square(image).sum(axis=0).mean())


def test_most_of_what_like_spectra_share_is_found_and_the_subspace_is_left_alone(scene):
    estimate = estimate_of(scene, np.random.default_rng(2))
    given = estimate.copy()
    result = finish(regained(scene + noise(scene.shape), estimate, STRONG))
    missing = energy(scene[INSIDE:])
    assert energy((result - scene)[INSIDE:]) < 0.3 * missing
    np.testing.assert_allclose(result[:INSIDE], given, atol=0.02)
    np.testing.assert_array_equal(estimate, given)


def test_refined_ends_with_it(scene):
    noisy = scene + noise(scene.shape)
    result = finish(refined(noisy, STRONG))
    assert energy((result - scene)[INSIDE:]) < 0.5 * energy(scene[INSIDE:])


@pytest.mark.parametrize("level", [1.0, 1.1])
def test_noise_alone_is_not_taken_for_a_scene_even_if_it_is_stronger_than_told(scene, level):
    clean = scene.copy()
    clean[INSIDE:] = 0
    estimate = estimate_of(clean, np.random.default_rng(2))
    result = finish(regained(clean + noise(clean.shape, level), estimate, STRONG))
    # A hundredth of what the scene of the other test has there, and of the noise nothing.
    assert energy(result[INSIDE:]) < 0.01 * energy(scene[INSIDE:])


def test_an_image_in_several_blocks_gives_the_same_but_for_chance(scene, monkeypatch):
    estimate = estimate_of(scene, np.random.default_rng(2))
    noisy = scene + noise(scene.shape)
    whole = finish(regained(noisy, estimate, STRONG))
    monkeypatch.setattr(ngmeet, "_AT_ONCE", 128 * 48)
    parts = finish(regained(noisy, estimate, STRONG))
    error, other = (energy((result - scene)[INSIDE:]) for result in (whole, parts))
    assert other == pytest.approx(error, rel=0.1)
    assert energy(parts - whole) < error


@pytest.mark.parametrize(
    ("side", "strong", "components"), [(20, STRONG, ALL), (128, 0, ALL), (128, STRONG, INSIDE)]
)
def test_few_pixels_no_scene_or_no_more_components_change_nothing(scene, side, strong, components):
    noisy = (scene + noise(scene.shape))[:components, :side, :side]
    estimate = np.ascontiguousarray(noisy[: strong + 8])
    result = finish(regained(noisy, estimate, strong))
    np.testing.assert_array_equal(result[: len(estimate)], estimate)
    assert not result[len(estimate) :].any()
