"""FastHyDe and NGmeet: what noise they remove and what they leave alone."""

from __future__ import annotations

import json

import dask.array as da
import numpy as np
import pytest

from napari_hsi_restore.classical import METHODS, restore_classically
from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Progress
from napari_hsi_restore.metrics import psnr
from napari_hsi_restore.scene import demo_scene

denoisers = pytest.mark.parametrize("name", ["fasthyde", "ngmeet", "refined"])


def score(clean, result):
    return psnr(np.asarray(clean.data, float), np.asarray(result.data, float), 1.0)


@denoisers
@pytest.mark.parametrize(
    ("preset", "gain"), [("gaussian-50", 14), ("gaussian-10", 10), ("non-iid", 15)]
)
def test_noise_that_was_not_told_is_removed(run, clean, name, preset, gain):
    noisy = degrade(clean, preset, seed=2)
    assert score(clean, run(noisy, name)) > score(clean, noisy) + gain


@denoisers
def test_little_noise_is_never_made_worse(run, clean, name):
    noisy = degrade(clean, "gaussian-2", seed=0)
    assert score(clean, run(noisy, name)) > score(clean, noisy)
    assert score(clean, run(clean, name)) > 45


def test_ngmeet_is_the_better_one(run, clean, noisy):
    assert score(clean, run(noisy, "ngmeet")) > score(clean, run(noisy, "fasthyde"))


def test_sip_learns_from_the_noisy_cube_alone_and_the_same_each_time(run):
    clean = demo_scene(size=48)
    noisy = degrade(clean, "gaussian-50", seed=0)
    first = run(noisy, "sip")
    assert score(clean, first) > score(clean, noisy) + 11
    assert np.array_equal(run(noisy, "sip").data, first.data)


def test_shot_noise_wants_photon(run):
    clean = demo_scene(size=96)
    for photons, gain in ((100, 1.0), (20, 1.0)):
        noisy = degrade(clean, f"poisson-{photons}", seed=0)
        assert score(clean, run(noisy, "photon")) > score(clean, run(noisy, "ngmeet")) + gain


def test_few_photons_show_the_scene(run):
    clean = demo_scene(size=96)
    counts = np.random.default_rng(0).poisson(np.asarray(clean.data))
    result = np.asarray(run(HyperCube(counts.astype(np.uint16)), "photon").data)
    assert psnr(np.asarray(clean.data), result, 1.0) > 20


def test_without_shot_noise_photon_is_refined(run, clean, noisy):
    assert np.std(run(noisy, "photon").data - run(noisy, "refined").data) < 2e-3
    clean = demo_scene(size=96)
    weak = run(degrade(clean, "poisson-100", seed=0), "photon", strength=0.5)
    strong = run(degrade(clean, "poisson-100", seed=0), "photon")
    assert score(clean, weak) < score(clean, strong)


def test_photon_does_not_care_for_units_and_keeps_what_is_missing(run):
    clean = demo_scene(size=96)
    noisy = degrade(clean, "poisson-100", seed=0)
    expected = run(noisy, "photon").data
    counts = noisy.replace(data=np.round(noisy.data * 100).astype(np.int32), white_level=100.0)
    # Rounding may change which patches are most similar here and there.
    assert np.std(run(counts, "photon").data / 100 - expected) < 1e-3
    data = noisy.data.copy()
    data[:, 5:9, 5:9], data[7] = -1.0, -1.0
    result = run(noisy.replace(data=data, nodata=-1.0), "photon").data
    assert (result[data == -1.0] == -1.0).all()
    assert np.abs(result - expected)[data != -1.0].max() < 0.2


def test_many_bands(run):
    clean = demo_scene(size=32, bands=220)
    noisy = degrade(clean, "gaussian-30", seed=0)
    assert score(clean, run(noisy, "fasthyde")) > score(clean, noisy) + 12


@denoisers
def test_units_integers_and_lazy_arrays(run, noisy, name):
    expected = run(noisy, name).data
    stored = np.round(noisy.data * 20000 - 3000).astype(np.int32)
    lazy = noisy.replace(data=da.from_array(stored, chunks=(31, 16, 64)))
    # Rounding may change which patches are most similar here and there.
    assert np.std((run(lazy, name).data + 3000) / 20000 - expected) < 2e-3


@denoisers
def test_the_same_twice(run, noisy, name):
    np.testing.assert_array_equal(run(noisy, name).data, run(noisy, name).data)


@denoisers
def test_no_data_stays_and_does_not_spread(run, clean, noisy, name):
    data = noisy.data.copy()
    data[:, 20:30, 20:30] = np.nan
    data[3:9, 40:50, 5:25] = -9999.0
    data[12] = -9999.0
    given = noisy.replace(data=data, nodata=-9999.0)
    measured = given.valid(data)
    result = run(given, name)
    np.testing.assert_array_equal(result.data[~measured], data[~measured])
    assert np.isfinite(result.data[measured]).all()
    whole = psnr(clean.data, run(noisy, name).data, 1.0)
    assert psnr(clean.data[measured], result.data[measured], 1.0) > whole - 2


def test_the_result_keeps_what_the_file_said(run, noisy):
    place = Georeference("EPSG:32633", (10.0, 0.0, 500.0, 0.0, -10.0, 900.0))
    source = noisy.replace(georeference=place, source="scene.hdr", metadata={"sensor": "demo"})
    result = run(source, "fasthyde", noise=40.0, strength=0.8)
    for field in ("georeference", "units", "white_level", "name", "source", "nodata"):
        assert getattr(result, field) == getattr(source, field), field
    assert dict(result.metadata) == {"sensor": "demo"}
    np.testing.assert_array_equal(result.wavelengths_nm, source.wavelengths_nm)
    assert result.history[:-1] == source.history
    entry = json.loads(result.history[-1])
    assert (entry["model"], entry["noise"], entry["strength"]) == ("fasthyde", "told", 0.8)
    assert len(entry["sigma"]) == 31


def test_told_noise_and_strength(run, noisy):
    one = run(noisy, "fasthyde", noise=50.0)
    each = run(noisy, "fasthyde", noise=np.full(31, 50 / 255))
    np.testing.assert_allclose(one.data, each.data, atol=1e-4)
    half = run(noisy, "fasthyde", noise=50.0, strength=0.5)
    assert np.std(half.data - noisy.data) < np.std(one.data - noisy.data)
    nothing = run(noisy, "fasthyde", strength=0.0)
    np.testing.assert_array_equal(nothing.data, noisy.data)


def test_progress_rises_and_closing_cancels(noisy):
    events = list(restore_classically(noisy, "ngmeet"))
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert len(fractions) > 10
    assert fractions[-1] == pytest.approx(1.0)
    assert isinstance(events[-1], Done)
    task = restore_classically(noisy, "ngmeet")
    for event in task:
        assert isinstance(event, Progress)
        if event.fraction > 0.3:
            break
    task.close()


every_method = pytest.mark.parametrize("name", [method.name for method in METHODS])


@every_method
@pytest.mark.parametrize(
    "shape", [(31, 8, 8), (1, 40, 40), (2, 24, 20), (3, 1, 48), (4, 60, 2), (200, 8, 8)]
)
def test_small_cubes(run, name, shape):
    rng = np.random.default_rng(0)
    result = run(HyperCube(rng.normal(5, 1, shape)), name)
    assert np.isfinite(result.data).all()
    assert result.data.mean() == pytest.approx(5, abs=0.5)


@every_method
def test_odd_values(run, name):
    rng = np.random.default_rng(0)
    data = rng.normal(0, 1, (6, 20, 20)) - np.linspace(0, 900, 20)
    data[2] = 7.0
    data[rng.random(data.shape) < 0.2] = np.nan
    data[4] = np.nan
    result = run(HyperCube(data), name)
    measured = np.isfinite(data)
    assert np.isfinite(result.data[measured]).all()
    assert np.isnan(result.data[4]).all()
    assert (result.data[2][measured[2]] == 7.0).all()
    assert np.abs(result.data - data)[measured].max() < 100


def test_bad_requests_are_answered_with_a_sentence(run, noisy):
    def fails(match, cube=noisy, name="fasthyde", **settings):
        with pytest.raises(UserError, match=match):
            run(cube, name, **settings)

    fails("no classical method 'nope'; choose one of fasthyde", name="nope")
    fails("'noise' has 3 values", noise=(1.0, 2.0, 3.0))
    fails("'noise': a standard deviation", noise=-1.0)
    fails("'noise' is 'much'", noise="much")
    fails("'strength' is 9", strength=9.0)
    fails("mask has", hidden=np.zeros((3, 3), bool))
    fails("mask covers the whole", hidden=np.ones((64, 64), bool))
    fails("nothing to denoise", HyperCube(np.full((5, 8, 8), np.nan), name="empty"))
    fails("nothing to denoise", HyperCube(np.ones((5, 8, 8)), name="flat"))


@pytest.mark.parametrize("name", ["ngmeet", "destripe", "smooth"])
@pytest.mark.parametrize("scale", [1e-25, 1e30])
def test_values_whose_squares_are_no_numbers_are_refused(run, noisy, name, scale):
    unlikely = noisy.replace(data=np.asarray(noisy.data, np.float64) * scale)
    with pytest.raises(UserError, match="to compute with"):
        run(unlikely, name)


def test_too_little_memory_is_said_before_anything_is_done(run):
    huge = da.zeros((400, 300_000, 300_000), chunks=(1, 1000, 1000), dtype=np.uint8)
    with pytest.raises(UserError, match=r"'sparse' needs about .* GiB"):
        run(HyperCube(huge), "sparse")
