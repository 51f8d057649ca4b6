"""Stripes, dead lines, impulses, gaps: what is mended and what is left as measured."""

from __future__ import annotations

import numpy as np
import pytest

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import add_gaussian, add_stripes, degrade
from napari_hsi_restore.metrics import psnr
from napari_hsi_restore.scene import demo_scene


def score(clean, result):
    return psnr(np.asarray(clean.data, float), np.asarray(result.data, float), 1.0)


@pytest.fixture(scope="module")
def scene():
    return demo_scene(size=72)


def striped(scene, sigma, axis):
    rng = np.random.default_rng(5)
    turned = np.swapaxes(scene.data, 1, 2) if axis == "rows" else scene.data
    spoilt = add_gaussian(add_stripes(turned, np.arange(0, 31, 3), rng), sigma, rng)
    return scene.replace(data=np.swapaxes(spoilt, 1, 2) if axis == "rows" else spoilt)


@pytest.mark.parametrize("axis", ["columns", "rows"])
def test_stripes_are_removed_along_either_axis(run, scene, axis):
    given = striped(scene, 5.0, axis)
    along = 1 if axis == "columns" else 2
    before = np.std((given.data - scene.data).mean(axis=along))
    after = np.std((run(given, "destripe").data - scene.data).mean(axis=along))
    assert after < before / 4


@pytest.mark.parametrize("turned", [False, True])
def test_detectors_of_different_gain_are_made_alike(run, scene, turned):
    rng = np.random.default_rng(0)
    gain = np.ones((31, 1, 72), np.float32)
    gain[::3, 0] += rng.normal(0, 0.02, (11, 72))
    striped = scene.data * gain
    noisy = add_gaussian(striped, 1.0, rng)
    noise = noisy - striped
    axes = (0, 2, 1) if turned else (0, 1, 2)
    result = run(scene.replace(data=noisy.transpose(axes)), "destripe").data.transpose(axes)
    before, after = np.std(striped - scene.data), np.std(result - noise - scene.data)
    assert after < 0.55 * before
    # What a shift alone would leave: the stripe goes with the signal.
    mean = (striped - scene.data).mean(axis=1, keepdims=True)
    assert after < 0.75 * np.std(striped - mean - scene.data)


def test_shifts_are_not_taken_for_gains(run, scene):
    spoilt = add_gaussian(
        add_stripes(scene.data, range(0, 31, 3), np.random.default_rng(5)),
        2.0,
        np.random.default_rng(6),
    )
    taken = spoilt - run(scene.replace(data=spoilt), "destripe").data
    assert np.abs(taken - taken.mean(axis=1, keepdims=True)).max() < 1e-5


def test_destriping_hardly_touches_a_clean_cube(run, scene):
    assert score(scene, run(scene, "destripe")) > 60
    noisy = degrade(scene, "gaussian-10", seed=0)
    assert score(scene, run(noisy, "destripe")) > score(scene, noisy) - 0.02


def test_stripes_smaller_than_their_error_are_left_alone(run, scene):
    rng = np.random.default_rng(0)
    gain = np.ones((31, 1, 72), np.float32)
    gain[::3, 0] += rng.normal(0, 0.01, (11, 72))
    stripes = scene.data * gain - scene.data
    noisy = add_gaussian(scene.data + stripes, 10.0, rng)
    left = run(scene.replace(data=noisy), "destripe").data - (noisy - stripes)
    assert np.sqrt(np.mean(left**2)) < 1.02 * np.sqrt(np.mean(stripes**2))


def test_a_line_that_saw_nothing_is_no_gain(run, scene):
    # Among so few photons 0 is no sign of a dead line.
    counts = degrade(scene, "poisson-20", seed=0).data
    counts[4, :, [10, 40, 41, 60]] = 0.0
    for name in ("destripe", "sparse", "mended"):
        assert np.isfinite(run(scene.replace(data=counts), name).data).all()


def test_destriping_leaves_other_lines_exactly_as_they_were(run, scene):
    given = striped(scene, 10.0, "columns")
    same = run(given, "destripe").data == given.data
    assert same.all(axis=1).mean() > 0.8


def test_dead_lines_are_filled_and_the_rest_stays(run, scene):
    data = degrade(scene, "gaussian-10", seed=0).data
    dead = np.zeros(data.shape, dtype=bool)
    dead[4, :, [10, 50, 51]] = dead[20, 33] = True
    data[dead] = 0.0
    result = run(scene.replace(data=data), "inpaint").data
    np.testing.assert_array_equal(result[~dead], data[~dead])
    assert psnr(scene.data[dead], result[dead], 1.0) > 28


def test_a_cloud_is_filled_smoothly_and_only_there(run, scene):
    cloud = np.zeros(scene.shape[1:], dtype=bool)
    cloud[30:40, 30:42] = True
    covered = scene.replace(data=np.where(cloud, np.float32(5.0), scene.data))
    result = run(covered, "inpaint", hidden=cloud).data
    np.testing.assert_array_equal(result[:, ~cloud], scene.data[:, ~cloud])
    assert result.max() < 1.5
    assert psnr(scene.data[:, cloud], result[:, cloud], 1.0) > 15


def test_missing_values_are_filled_but_not_the_margin(run, scene):
    data = degrade(scene, "gaussian-10", seed=0).data
    data[:, :, :7] = np.nan
    data[:, 50:53, 60:63] = np.nan
    data[8, 20:30, 20:30] = np.nan
    for name in ("inpaint", "fasthyin", "sparse", "mended"):
        result = run(scene.replace(data=data), name).data
        assert np.isnan(result[:, :, :7]).all()
        assert np.isfinite(result[:, :, 7:]).all()
        assert psnr(scene.data[8, 20:30, 20:30], result[8, 20:30, 20:30], 1.0) > 25


@pytest.mark.parametrize("preset", ["stripe", "mixture"])
def test_mending_first_is_as_good_as_looking_for_outliers(run, scene, preset):
    noisy = degrade(scene, preset, seed=3)
    assert score(scene, run(noisy, "mended")) > score(scene, run(noisy, "sparse")) - 0.2


def test_stripes_beside_shot_noise_are_mended_and_the_noise_is_stabilised(run, scene):
    counts = degrade(scene, "poisson-100", seed=0)
    data = add_stripes(counts.data, [3, 9], np.random.default_rng(0))
    data[20, :, [7, 30]] = 0.0
    data[:, :3, :5] = np.nan
    mended = run(counts.replace(data=data), "mended").data
    plain = run(counts, "photon").data
    assert np.isnan(mended[:, :3, :5]).all()
    assert np.isfinite(mended[:, 3:]).all()
    inside = (slice(None), slice(3, None), slice(5, None))
    assert psnr(scene.data[inside], mended[inside], 1.0) > (
        psnr(scene.data[inside], plain[inside], 1.0) - 0.5
    )


@pytest.mark.parametrize(
    ("preset", "least"), [("stripe", 30), ("deadline", 30), ("impulse", 28), ("mixture", 28)]
)
def test_mixed_noise(run, scene, preset, least):
    noisy = degrade(scene, preset, seed=3)
    result = run(noisy, "sparse")
    assert score(scene, result) > least
    assert score(scene, result) > score(scene, run(noisy, "fasthyde")) + 2


def test_mixed_noise_method_on_gaussian_noise_alone(run, scene):
    noisy = degrade(scene, "non-iid", seed=3)
    assert score(scene, run(noisy, "sparse")) > score(scene, run(noisy, "fasthyde")) - 0.5


@pytest.mark.parametrize("name", ["mended", "sparse", "fasthyin", "inpaint"])
@pytest.mark.parametrize("missing", [0.9, 0.97])
def test_a_scene_of_which_next_to_nothing_was_seen_keeps_its_range(run, scene, name, missing):
    rng = np.random.default_rng(0)
    noisy = scene.data + rng.normal(0, 0.05, scene.shape)
    seen = np.where(rng.random(scene.shape) < missing, 0.0, noisy).astype(np.float32)
    result = run(HyperCube(seen), name).data
    assert result.min() > 2 * seen.min() - seen.max()
    assert result.max() < 2 * seen.max() - seen.min()


@pytest.mark.parametrize("sigma", [0.0, 1e-6])
def test_mixed_noise_method_on_a_scene_without_noise(run, scene, sigma):
    noise = np.random.default_rng(0).normal(0, 1, scene.shape)
    hardly = scene.replace(data=(scene.data + sigma * noise).astype(np.float32))
    # With no noise to speak of, rounding decides what stands out of it: 61 to 94 dB were seen.
    assert psnr(np.asarray(scene.data), run(hardly, "sparse").data, 1.0) > 45


def test_filling_and_denoising_at_once(run, scene):
    noisy = degrade(scene, "deadline", seed=3)
    assert score(scene, run(noisy, "fasthyin")) > score(scene, run(noisy, "fasthyde")) + 3


def test_smoothing_keeps_parabolas_and_gaps(run):
    wavelengths = np.concatenate([np.arange(400, 500, 10), np.arange(900, 1000, 10)])
    position = (wavelengths - 450.0) / 100
    data = np.empty((20, 3, 4), np.float32)
    data[:] = (1 + position - position**2)[:, None, None]
    data[10:] += 3.0
    data *= np.linspace(1, 2, 4, dtype=np.float32)
    data[5, 1, 1] = np.nan
    order = np.random.default_rng(0).permutation(20)
    cube = HyperCube(data[order], wavelengths_nm=wavelengths[order])
    result = run(cube, "smooth").data
    elsewhere = np.ones((3, 4), bool)
    elsewhere[1, 1] = False
    np.testing.assert_allclose(result[:, elsewhere], data[order][:, elsewhere], atol=1e-4)
    assert np.isnan(result[np.argsort(order)[5], 1, 1])


def test_noisier_bright_ground_beside_quiet_water_is_no_impulse(run):
    rng = np.random.default_rng(0)
    scene = demo_scene(size=64, bands=60).array().astype(np.float32)
    clean = 0.1 * scene / scene.max()
    clean[:, :, 50:] *= 10.0
    sigma = np.full(clean.shape, 3e-4, np.float32)
    sigma[:, :, 50:] = 0.01
    noisy = clean + rng.standard_normal(clean.shape).astype(np.float32) * sigma
    restored = run(HyperCube(noisy, white_level=1.0), "sparse").array()
    error = np.sqrt(np.mean((restored - clean)[:, :, 50:] ** 2))
    assert error < 0.011
