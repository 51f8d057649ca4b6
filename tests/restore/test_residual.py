"""What is said about the residual: noise is called noise, and a deleted object is found."""

import json

import numpy as np
import pytest
from scipy import ndimage

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.noise.portion import finish
from napari_hsi_restore.restore import DenoiseRecipe, denoise, outcome, restore
from napari_hsi_restore.restore.outcome import residual_of
from napari_hsi_restore.restore.removed import Removed, look_closer
from napari_hsi_restore.restore.residual import MUCH, SOME, look_at_residual
from napari_hsi_restore.scene import demo_scene


@pytest.fixture(scope="module")
def clean():
    return demo_scene(size=96)


def look(cube, result, sigma=None):
    return finish(look_at_residual(cube, result, sigma))


@pytest.mark.parametrize("preset", ["gaussian-30", "non-iid"])
def test_pure_noise_is_called_noise(clean, preset):
    noisy = degrade(clean, preset, seed=3)
    found = look(noisy, clean)
    assert found.structured < SOME
    assert found.points == ()
    assert "looks like noise" in found.sentence


def test_a_deleted_absorption_is_found_where_it_was(clean):
    data = clean.data.copy()
    plume = np.exp(-((np.arange(31) - 20) ** 2) / 4)
    data[:, 60:72, 30:42] -= 0.06 * plume[:, None, None]
    noisy = degrade(clean.replace(data=data), "gaussian-10", seed=0)
    found = look(noisy, clean, np.full(31, 10 / 255))
    assert found.structured < MUCH
    assert found.removed_of_noise == pytest.approx(1.0, abs=0.05)
    row, column = found.points[0]
    assert 58 <= row <= 73
    assert 28 <= column <= 43
    assert f"({row}, {column})" in found.sentence


@pytest.mark.parametrize("turned", [False, True])
def test_gains_that_were_evened_out_are_no_structure(clean, turned):
    gain = 1 + np.random.default_rng(0).normal(0, 0.05, (31, 1, 96))
    gain[np.arange(31) % 3 > 0] = 1
    data = clean.data * (np.swapaxes(gain, 1, 2) if turned else gain)
    found = look(degrade(clean.replace(data=data), "gaussian-2", seed=0), clean)
    assert found.structured < SOME
    assert found.points == ()


def test_a_scene_that_is_dimmed_everywhere_is_no_stripe(clean):
    noisy = degrade(clean, "gaussian-2", seed=0)
    found = look(noisy, clean.replace(data=0.9 * clean.data))
    assert found.structured > 5 * SOME


def test_a_blurred_scene_is_called_structure(clean):
    noisy = degrade(clean, "gaussian-5", seed=0)
    flat = clean.replace(
        data=np.broadcast_to(clean.data.mean(axis=(1, 2))[:, None, None], (31, 96, 96))
    )
    found = look(noisy, flat)
    assert found.structured > MUCH
    assert "parts of the scene may be gone" in found.sentence


def test_missing_and_mended_values_are_no_structure(clean):
    noisy = degrade(clean, "gaussian-30", seed=0)
    data = noisy.data.copy()
    data[5, :, 10:13] = 0.0
    data[9, :, 40:44] += 0.2
    data[3, 20:30, 20:30] = np.nan
    found = look(noisy.replace(data=data), clean)
    assert found.structured < SOME
    assert found.points == ()


def test_a_good_restoration_says_so_and_why_it_was_chosen(clean):
    noisy = degrade(clean, "gaussian-30", seed=1)
    result = denoise(noisy, DenoiseRecipe())
    first, second = outcome(result)
    assert first.startswith("auto took refined: noise without stripes")
    assert second.startswith("What was removed looks like noise")
    assert residual_of(result).removed_of_noise == pytest.approx(1.0, abs=0.1)
    assert json.loads(result.history[-1])["residual"]["structured"] < SOME


def test_a_closer_look_shows_noise_as_a_dot_and_a_deleted_plume_with_its_spectra(clean, tmp_path):
    data = clean.data.copy()
    plume = np.exp(-((np.arange(31) - 20) ** 2) / 4)
    data[:, 60:72, 30:42] -= 0.06 * plume[:, None, None]
    noisy = degrade(clean.replace(data=data), "gaussian-10", seed=0)
    points = look(noisy, clean).points
    finish(look_closer(noisy, clean, points)).save(tmp_path / "removed.npz")
    removed = Removed.load(tmp_path / "removed.npz")
    assert removed.over_space.shape == (21, 21)
    assert removed.over_space[10, 10] == pytest.approx(1.0)
    assert abs(removed.neighbours) < 0.05
    assert removed.points == points
    left = removed.before[0] - removed.after[0]
    assert abs(int(np.argmin(left)) - 20) <= 1
    assert left.min() < -0.04
    row, column = points[0]
    around = noisy.data[:, row - 2 : row + 3, column - 2 : column + 3].mean(axis=(1, 2))
    np.testing.assert_allclose(removed.before[0], around, rtol=1e-4)
    np.testing.assert_allclose(np.diag(removed.over_bands), 1.0, rtol=1e-4)
    assert removed.moved(3, 4).points[0] == (row + 3, column + 4)


def test_a_closer_look_tells_a_blurred_residual_from_a_white_one(clean):
    rng = np.random.default_rng(0)
    white = rng.normal(size=clean.shape)
    blurred = ndimage.gaussian_filter(white, (0, 1, 1))
    nothing = clean.replace(data=np.zeros(clean.shape))
    found = [
        finish(look_closer(clean.replace(data=each), nothing, ())) for each in (white, blurred)
    ]
    assert abs(found[0].neighbours) < 0.02
    # The autocorrelation of a Gaussian blur of width 1 at distance 1.
    assert found[1].neighbours == pytest.approx(np.exp(-0.25), abs=0.03)
    assert np.abs(found[0].over_bands - np.eye(31)).max() < 0.06
    shared = clean.replace(data=np.repeat(white[:1], 31, axis=0))
    assert finish(look_closer(shared, nothing, ())).over_bands.min() > 0.99
    assert finish(look_closer(clean, clean, ())) is None


def test_what_was_hidden_is_no_signal(clean):
    noisy = degrade(clean, "gaussian-10", seed=0)
    cloud = np.zeros((96, 96), bool)
    cloud[20:34, 50:66] = True
    covered = noisy.replace(data=np.where(cloud, np.float32(0.8), noisy.data))
    *_, done = restore(covered, DenoiseRecipe(), hidden=cloud)
    assert residual_of(done.result).points == ()
    assert "looks like noise" in outcome(done.result)[-1]
    removed = finish(look_closer(covered, done.result, (), cloud))
    assert abs(removed.neighbours) < 0.05


def test_nothing_is_said_where_nothing_is_known(clean):
    noisy = degrade(clean, "stripe", seed=0)
    assert outcome(denoise(noisy, DenoiseRecipe(model="destripe"))) == ()
    assert outcome(denoise(noisy, DenoiseRecipe(model="stas_c", strength=0.0))) == ()
    assert outcome(clean) == ()
    assert look(clean, clean) is None
    tiny = HyperCube(np.random.default_rng(0).normal(size=(5, 4, 4)))
    assert look(tiny, tiny.replace(data=tiny.data * 0)) is None


@pytest.mark.parametrize("shape", [(1, 40, 40), (2, 30, 30), (200, 21, 21)])
def test_few_and_many_bands(shape):
    rng = np.random.default_rng(0)
    noise = HyperCube(rng.normal(size=shape))
    found = look(noise, noise.replace(data=np.zeros(shape)))
    assert found.structured < 0.01
