import numpy as np
import pytest

from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.metrics import psnr, sam_degrees, spectral_angle_map
from napari_hsi_restore.restore.fine import back_project, refine
from napari_hsi_restore.restore.superres_recipe import FineOptions
from napari_hsi_restore.scene import demo_scene


def finish(task):
    fractions = []
    while True:
        try:
            fractions.append(next(task))
        except StopIteration as end:
            assert fractions == sorted(fractions)
            assert 0 < fractions[0] <= fractions[-1] <= 1
            return end.value


@pytest.fixture(scope="module")
def truth():
    return demo_scene(size=64, bands=8).array().astype(np.float32)


def resized(cube, scale):
    return resize_bicubic(cube, scale=scale)


@pytest.fixture
def low(truth):
    return resized(truth, 0.25)


def test_the_published_step(truth, low):
    enlarged, half = resized(low, 4), back_project(low, 2, 5)
    shrunk = resized(enlarged, 0.5)
    weight = min(1.0, sam_degrees(half, shrunk))
    expected = enlarged + resized((weight * (half - shrunk)).astype(np.float32), 2)
    report = finish(refine(enlarged, half, low, FineOptions()))
    assert len(report.accepted) == 1
    assert report.angle_after <= report.angle_before
    np.testing.assert_allclose(enlarged, expected, atol=1e-5)


def test_at_x2_the_input_is_the_half(truth):
    low = resized(truth, 0.5)
    enlarged = resized(low, 2)
    before = psnr(truth, enlarged, 1.0)
    report = finish(refine(enlarged, low, low, FineOptions()))
    assert len(report.accepted) == 1
    assert psnr(truth, enlarged, 1.0) > before


def test_the_angle_of_every_pixel_can_weigh(truth):
    low = resized(truth, 0.5)
    enlarged = resized(low, 2)
    shrunk = resized(enlarged, 0.5)
    weight = np.minimum(1.0, spectral_angle_map(low, shrunk)).astype(np.float32)
    expected = enlarged + resized(weight * (low - shrunk), 2)
    finish(refine(enlarged, low, low, FineOptions(half_step="pixel")))
    np.testing.assert_allclose(enlarged, expected, atol=1e-5)


def test_a_step_that_turns_the_spectra_away_is_refused(truth, low):
    enlarged = back_project(low, 4, 8)
    kept = enlarged.copy()
    wrong = resized(low, 2)[::-1].copy()
    report = finish(refine(enlarged, wrong, low, FineOptions()))
    assert report.accepted == ()
    assert len(report.refused) == 1
    assert report.angle_after == report.angle_before
    np.testing.assert_array_equal(enlarged, kept)


def test_consistency_steps_are_back_projection(truth, low):
    enlarged = resized(low, 4)
    report = finish(refine(enlarged, None, low, FineOptions(half_step="none", consistency_steps=5)))
    assert len(report.accepted) == 5
    np.testing.assert_allclose(enlarged, back_project(low, 4, 5), atol=1e-5)
    assert psnr(truth, enlarged, 1.0) > psnr(truth, resized(low, 4), 1.0) + 0.3


def test_without_a_half_nothing_is_done(low):
    enlarged = resized(low, 4)
    kept = enlarged.copy()
    report = finish(refine(enlarged, None, low, FineOptions()))
    assert report.accepted == report.refused == ()
    np.testing.assert_array_equal(enlarged, kept)


def test_gaps_do_not_count_for_the_angle(low):
    enlarged, half = resized(low, 4), resized(low, 2)
    valid = np.ones(low.shape[1:], dtype=bool)
    valid[:4] = False
    bad = low.copy()
    bad[:, :4] = bad[::-1, :4]
    ours = finish(refine(enlarged.copy(), half, bad, FineOptions(half_step="none"), valid))
    everywhere = finish(refine(enlarged.copy(), half, bad, FineOptions(half_step="none")))
    assert ours.angle_before < everywhere.angle_before
