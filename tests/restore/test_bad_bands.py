"""Bands that are marked as bad: they spoil nothing, and become what was asked for."""

import json

import numpy as np
import pytest

from napari_hsi_restore.classical import METHODS
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import degrade, resize_bicubic
from napari_hsi_restore.events import Done
from napari_hsi_restore.metrics import psnr
from napari_hsi_restore.noise.portion import finish
from napari_hsi_restore.restore import (
    DenoiseRecipe,
    SuperresRecipe,
    denoise,
    enlarge,
    outcome,
    restore,
)
from napari_hsi_restore.restore.bad_bands import learn_filling, listed
from napari_hsi_restore.restore.statistics import Measured
from napari_hsi_restore.restore.streaming import denoise_in_pieces
from napari_hsi_restore.scene import demo_scene

NOISY, DEAD, FINE = 5, 12, 20
BANDS = 31
GOOD = np.ones(BANDS, dtype=bool)
GOOD[[NOISY, DEAD, FINE]] = False


@pytest.fixture(scope="module")
def clean():
    return demo_scene(size=48)


@pytest.fixture(scope="module")
def sound(clean):
    """Marked bands that are as good as the others."""
    return degrade(clean, "gaussian-30", seed=0).replace(good_bands=GOOD)


@pytest.fixture(scope="module")
def spoilt(sound):
    """The same with one marked band full of noise and another one dead."""
    data = np.asarray(sound.data).copy()
    data[NOISY] += np.random.default_rng(0).normal(0, 2, data.shape[1:])
    data[DEAD] = 0.0
    return sound.replace(data=data)


def both(name, how="keep"):
    return DenoiseRecipe(model=name, bad_bands=how, device="cpu")


@pytest.mark.parametrize(
    # sip learns a network anew for each run, which takes long; it sees what the others see.
    "name",
    ["stas_c", "auto", *(method.name for method in METHODS if method.name != "sip")],
)
def test_a_bad_band_leaks_into_no_other_one(sound, spoilt, name):
    ours, theirs = (denoise(cube, both(name)) for cube in (spoilt, sound))
    np.testing.assert_array_equal(ours.array()[GOOD], theirs.array()[GOOD])
    np.testing.assert_array_equal(ours.array()[~GOOD], spoilt.array()[~GOOD].astype(np.float32))
    np.testing.assert_array_equal(ours.good_bands, GOOD)
    assert "sigma" not in json.loads(ours.history[-1]) or (
        len(json.loads(ours.history[-1])["sigma"]) == GOOD.sum()
    )


def test_what_became_of_them_is_said(spoilt):
    kept, filled = (denoise(spoilt, both("stas_c", how)) for how in ("keep", "restore"))
    assert json.loads(kept.history[-1])["bad_bands"] == {"done": "kept", "bands": [5, 12, 20]}
    assert any("Bands 5, 12, 20 (counted from 0)" in said for said in outcome(kept))
    assert any("as they were stored" in said for said in outcome(kept))
    assert any("what the other bands say" in said for said in outcome(filled))
    without = denoise(spoilt.replace(good_bands=None), both("stas_c"))
    assert "bad_bands" not in json.loads(without.history[-1])


@pytest.mark.parametrize("name", ["stas_c", "fasthyde"])
def test_bad_bands_are_filled_from_the_others(clean, spoilt, name):
    kept, filled = (denoise(spoilt, both(name, how)) for how in ("keep", "restore"))
    np.testing.assert_array_equal(kept.array()[GOOD], filled.array()[GOOD])

    def gain(band):
        truth = clean.array()[band].astype(np.float64)
        before, after = (
            psnr(truth, cube.array()[band].astype(np.float64), 1.0) for cube in (kept, filled)
        )
        return after - before

    assert gain(NOISY) > 20
    assert gain(DEAD) > 12
    assert gain(FINE) > 8
    np.testing.assert_array_equal(filled.good_bands, GOOD)


def test_pieces_are_the_whole(spoilt):
    for how in ("keep", "restore"):
        recipe = both("stas_c", how).model_copy(update={"tile": 24})
        whole = denoise(spoilt, recipe)
        *_, done = denoise_in_pieces(spoilt, recipe)
        assert isinstance(done, Done)
        np.testing.assert_allclose(np.asarray(done.result.data), whole.array(), atol=1e-5)
        assert done.result.history[-1].count('"bad_bands"') == 1


def test_a_preview_is_that_of_the_whole_and_learns_once(spoilt):
    recipe, known = both("stas_c", "restore"), Measured()
    whole = denoise(spoilt, recipe).array()
    part = (slice(8, 30), slice(10, 40))
    for _ in range(2):
        *_, done = restore(spoilt, recipe, region=part, measured=known)
        np.testing.assert_allclose(done.result.array(), whole[:, *part], atol=1e-5)
    assert list(learn_filling(spoilt, known)) == []


def test_a_filled_pixel_without_data_stays_without(spoilt):
    data = np.asarray(spoilt.data).copy()
    data[:, 4, 7] = np.nan
    result = denoise(spoilt.replace(data=data), both("stas_c", "restore")).array()
    assert np.isnan(result[:, 4, 7]).all()
    assert np.isfinite(result[:, 5, 7]).all()


def test_a_dead_band_lies_between_its_neighbours_in_physical_values():
    rng = np.random.default_rng(0)
    physical = np.linspace(1.0, 3.0, 5)[:, None, None] * rng.uniform(0.5, 1.5, (1, 20, 20))
    gain, offset = np.array([1.0, 2.0, 0.5, 4.0, 1.0]), np.array([0.0, 1.0, -1.0, 2.0, 0.5])
    stored = (physical - offset[:, None, None]) / gain[:, None, None]
    stored += rng.normal(0, 1e-3, stored.shape)
    stored[2] = np.nan
    good = np.array([True, True, False, True, True])
    waves = np.array([400.0, 500.0, 600.0, 700.0, 800.0])
    cube = HyperCube(stored, wavelengths_nm=waves, gain=gain, offset=offset, good_bands=good)
    filling = finish(learn_filling(cube, Measured()))
    values = stored.astype(np.float32)
    filling.fill(cube, values)
    np.testing.assert_allclose(0.5 * values[2] - 1.0, physical[2], atol=0.02)


def test_where_all_bands_are_marked_none_is_left_out(sound):
    told = DenoiseRecipe(model="fasthyde", device="cpu")
    every = denoise(sound.replace(good_bands=np.zeros(BANDS, bool)), told)
    none = denoise(sound.replace(good_bands=None), told)
    np.testing.assert_array_equal(every.array(), none.array())


def test_an_enlarged_cube_says_what_became_of_them(spoilt):
    recipe = SuperresRecipe(scale=2, model="bicubic", device="cpu")
    result = enlarge(spoilt, recipe)
    np.testing.assert_allclose(
        result.data[NOISY], resize_bicubic(spoilt.data[NOISY : NOISY + 1], scale=2)[0], atol=1e-5
    )
    assert any("bicubic resampling alone" in said for said in outcome(result))


def test_runs_of_bands_are_short():
    assert listed([9, 0, 4, 5, 6], "-") == "0, 4-6, 9"
    assert listed([], "-") == ""
