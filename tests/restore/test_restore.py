"""Restoring with the real bundled weights, on the generated scene and on real cubes."""

import json
import re

import dask.array as da
import numpy as np
import pytest
import torch

from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Progress
from napari_hsi_restore.io import read
from napari_hsi_restore.metrics import psnr
from napari_hsi_restore.models.architectures.stas import Stas
from napari_hsi_restore.restore import DenoiseRecipe, restore
from napari_hsi_restore.restore import denoise as denoise_with
from napari_hsi_restore.restore.statistics import Measured
from napari_hsi_restore.restore.tile_loop import too_small
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.zoo import list_models


def network(**settings):
    return DenoiseRecipe(**{"model": "stas_c", **settings})


def denoise(cube, recipe=None):
    """Denoise with a bundled network, unless the recipe names another model."""
    return denoise_with(cube, recipe or network())


@pytest.fixture(scope="module")
def clean():
    return demo_scene(size=96)


@pytest.fixture(scope="module")
def noisy(clean):
    return degrade(clean, "gaussian-50", seed=1)


@pytest.fixture(scope="module")
def restored(noisy):
    return denoise(noisy)


def values(cube):
    return np.asarray(cube.data, dtype=np.float64)


def test_noise_that_was_not_told_is_removed(clean, noisy, restored):
    before = psnr(values(clean), values(noisy), 1.0)
    after = psnr(values(clean), values(restored), 1.0)
    assert before == pytest.approx(14.15, abs=0.1)
    assert after > before + 12


@pytest.mark.parametrize("preset", ["gaussian-10", "non-iid"])
def test_other_noise_is_removed_too(clean, preset):
    noisy = degrade(clean, preset, seed=2)
    gain = psnr(values(clean), values(denoise(noisy)), 1.0) - psnr(
        values(clean), values(noisy), 1.0
    )
    assert gain > 5


def test_a_clean_cube_stays_as_it_is(clean):
    assert psnr(values(clean), values(denoise(clean)), 1.0) > 40


@pytest.mark.parametrize("record", list_models("denoise"), ids=lambda record: record.name)
def test_a_tiled_result_equals_the_whole(noisy, record):
    crop = noisy.crop(slice(0, 96), slice(0, 70))
    whole = denoise(crop, network(model=record.name, tile=512))
    # The smallest tiles of the large network take long.
    for tile in (40,) if record.parameters > 500_000 else (16, 40, 64):
        tiled = denoise(crop, network(model=record.name, tile=tile))
        np.testing.assert_allclose(tiled.data, whole.data, atol=1e-4)


def test_a_preview_is_a_cut_out_of_the_result(noisy, restored):
    rows, columns = slice(20, 60), slice(50, 96)
    events = list(restore(noisy, network(), region=(rows, columns)))
    preview = events[-1].result
    np.testing.assert_allclose(preview.data, restored.data[:, rows, columns], atol=1e-4)


def test_the_result_keeps_what_the_file_said(noisy):
    place = Georeference("EPSG:32633", (10.0, 0.0, 500.0, 0.0, -10.0, 900.0))
    source = noisy.replace(georeference=place, source="scene.hdr", metadata={"sensor": "demo"})
    result = denoise(source)
    for field in ("georeference", "units", "white_level", "name", "source"):
        assert getattr(result, field) == getattr(source, field), field
    np.testing.assert_array_equal(result.wavelengths_nm, source.wavelengths_nm)
    assert dict(result.metadata) == {"sensor": "demo"}
    assert result.dtype == np.float32
    entry = json.loads(result.history[-1])
    assert entry["model"] == "stas_c"
    assert len(entry["sigma"]) == 31
    assert result.history[:-1] == source.history


def test_units_do_not_matter(noisy, restored):
    counts = noisy.replace(data=(noisy.data * 4000 + 200).astype(np.float32), white_level=4200.0)
    again = denoise(counts)
    np.testing.assert_allclose((again.data - 200) / 4000, restored.data, atol=2e-3)


def test_integers_and_lazy_arrays_are_taken(noisy, restored):
    stored = np.round(noisy.data * 10000).astype(np.int32)
    lazy = noisy.replace(data=da.from_array(stored, chunks=(31, 32, 96)), white_level=10000.0)
    np.testing.assert_allclose(denoise(lazy).data / 10000, restored.data, atol=2e-3)


def test_no_data_stays_and_does_not_spread(noisy):
    data = noisy.data.copy()
    data[:, 30:40, 30:40] = np.nan
    data[:, 60:64, :] = -9999.0
    data[7] = -9999.0
    result = denoise(noisy.replace(data=data, nodata=-9999.0)).data
    assert np.isnan(result[[0, 6, 8, 30], 30:40, 30:40]).all()
    assert (result[7] == -9999.0).all()
    assert (result[:, 60:64] == -9999.0).all()
    measured = np.ones(data.shape, dtype=bool)
    measured[:, 30:40, 30:40] = measured[:, 60:64] = measured[7] = False
    assert np.isfinite(result[measured]).all()
    assert result[measured].min() > -1
    truth = demo_scene(size=96).data
    assert psnr(truth[measured], result[measured], 1.0) > 24


def test_strength_goes_from_nothing_to_more(noisy, restored):
    nothing = denoise(noisy, network(strength=0.0))
    np.testing.assert_array_equal(nothing.data, noisy.data)
    half = denoise(noisy, network(strength=0.5))
    moved = [float(np.std(cube.data - noisy.data)) for cube in (nothing, half, restored)]
    assert moved[0] < moved[1] < moved[2]


def test_told_noise_is_used(noisy, restored):
    told = denoise(noisy, network(noise=50.0))
    per_band = denoise(noisy, network(noise=(50 / 255,) * 31))
    np.testing.assert_allclose(told.data, per_band.data, atol=1e-4)
    assert float(np.std(told.data - restored.data)) < 0.02


def test_a_single_band_is_denoised(clean, noisy):
    one = denoise(noisy.select_bands([15]))
    assert psnr(values(clean)[15:16], values(one), 1.0) > 20


def test_closing_cancels(noisy):
    task = restore(noisy, network(tile=16))
    for event in task:
        assert isinstance(event, Progress)
        if event.fraction > 0.2:
            break
    task.close()


def test_progress_rises_to_the_end_with_an_eta(noisy):
    events = list(restore(noisy, network(tile=48)))
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0, abs=0.02)
    assert sum(event.eta_s is not None for event in events[:-1]) > 4
    assert isinstance(events[-1], Done)


def test_out_of_memory_goes_on_with_smaller_tiles(noisy, restored, monkeypatch):
    whole = Stas.stages
    sides = []

    def limited(self, components, level):
        sides.append(components.shape[-1])
        if components.shape[-1] > 150:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(self, components, level)

    monkeypatch.setattr(Stas, "stages", limited)
    wide = noisy.replace(data=np.concatenate([noisy.data, noisy.data], axis=2))
    result = denoise(wide, network(tile=512))
    assert max(sides) > 150 > min(sides)
    monkeypatch.undo()
    np.testing.assert_allclose(result.data, denoise(wide).data, atol=1e-4)


def test_a_memory_limit_that_is_too_small_is_told_at_once_and_what_suffices(noisy, monkeypatch):
    monkeypatch.setattr("napari_hsi_restore.restore.statistics.gather", None)
    with pytest.raises(UserError) as refused:
        denoise(noisy, network(memory_limit_gib=1e-6))
    monkeypatch.undo()
    limit, needed = (float(word) for word in re.findall(r"([0-9.e-]+) GiB", str(refused.value)))
    assert limit == 1e-6
    denoise(noisy, network(memory_limit_gib=needed))
    with pytest.raises(UserError) as refused:
        denoise(noisy, network(memory_limit_gib=0.001))
    limit, least = (float(word) for word in re.findall(r"([0-9.e-]+) GiB", str(refused.value)))
    assert limit < least <= needed


@pytest.mark.parametrize("missing", [1, 1000, 10**7])
def test_a_limit_and_what_is_needed_never_read_the_same(missing):
    needed = 1.234567 * 2**30
    sentence = str(too_small(needed - missing, needed, "cube"))
    first, second = re.findall(r"([0-9.]+) GiB", sentence)
    assert first != second


def test_bad_requests_are_answered_with_a_sentence(noisy):
    def fails(match, cube=noisy, **settings):
        with pytest.raises(UserError, match=match):
            denoise(cube, network(**settings))

    fails("model 'nope' is not known; choose auto or one of", model="nope")
    fails("device 'tpu' is not on this machine", device="tpu")
    fails("memory limit.*too small", memory_limit_gib=1e-6)
    fails("'noise' has 3 values", noise=(1.0, 2.0, 3.0))
    fails("'noise': a standard deviation", noise=-1.0)
    fails("nothing to denoise", HyperCube(np.full((5, 8, 8), np.nan), name="empty"))
    fails("nothing to denoise", HyperCube(np.ones((5, 8, 8)), name="flat"))


@pytest.mark.parametrize("model", ["stas_c", "auto"])
def test_a_fill_value_that_the_file_did_not_state_is_named(clean, model):
    data = np.array(clean.data, np.float32)
    data[:, 1, 5] = 9.96921e36
    with pytest.raises(UserError, match=r"9\.97e\+36.*no-data value"):
        denoise(clean.replace(data=data), network(model=model))
    assert np.isfinite(denoise(clean.replace(data=data, nodata=9.96921e36)).data).any()


def test_a_real_camera_scene(shared_data):
    clean = read(shared_data / "validation" / "cave" / "superballs.tif")
    clean = clean.crop(slice(100, 260), slice(100, 260))
    noisy = degrade(clean, "gaussian-50", seed=0)
    white = float(clean.white_level)
    truth = values(clean) / white
    result = denoise(noisy)
    assert psnr(truth, np.clip(values(result) / white, 0, 1), 1.0) > 32


def test_a_real_airborne_scene(shared_data):
    clean = read(shared_data / "validation" / "airborne" / "abu-beach-3.mat")
    noisy = degrade(clean, "non-iid", seed=0)
    white = float(noisy.white_level)
    before = psnr(values(clean) / white, values(noisy) / white, 1.0)
    after = psnr(values(clean) / white, values(denoise(noisy)) / white, 1.0)
    assert after > before + 15


def test_a_real_satellite_tile_keeps_its_empty_bands(shared_data):
    cube = read(sorted((shared_data / "train" / "satellite").glob("*.tif"))[0])
    result = denoise(cube)
    stored = cube.array()
    empty = ~cube.valid(stored)
    assert empty.any()
    np.testing.assert_array_equal(np.asarray(result.data)[empty], stored[empty])
    np.testing.assert_array_equal(result.wavelengths_nm, cube.wavelengths_nm)


@pytest.mark.parametrize("noise", ["auto", 25.0])
def test_what_is_known_of_a_cube_changes_nothing(noisy, noise):
    recipe, region = network(noise=noise), (slice(8, 56), slice(20, 60))
    measured = Measured()
    first, again = (
        list(restore(noisy, recipe, region=region, measured=measured))[-1].result for _ in range(2)
    )
    unknown = list(restore(noisy, recipe, region=region))[-1].result
    np.testing.assert_array_equal(first.data, unknown.data)
    np.testing.assert_array_equal(again.data, unknown.data)
    assert first.history == again.history == unknown.history


def test_a_cube_is_measured_once(noisy):
    read = []

    class Counted(np.ndarray):
        def __getitem__(self, key):
            read.append(key)
            return np.asarray(super().__getitem__(key))

    measured = Measured()
    counted = noisy.replace(data=np.asarray(noisy.data).view(Counted))
    region = slice(0, 16), slice(0, 16)
    whole = (slice(None), slice(0, noisy.shape[1]), slice(None))
    list(restore(counted, network(), region=region, measured=measured))
    assert whole in read
    read.clear()
    list(restore(counted, network(), region=region, measured=measured))
    assert read
    assert whole not in read


@pytest.mark.parametrize(("bands", "gain"), [((15,), 4.0), ((5, 25), 5.0)])
def test_a_cube_of_one_or_two_bands_is_restored_by_the_bundled_network(bands, gain):
    scene = demo_scene(size=96)
    clean = HyperCube(np.ascontiguousarray(scene.array()[list(bands)]), white_level=1.0)
    noisy = degrade(clean, "gaussian-10", seed=0)
    restored = denoise(noisy, DenoiseRecipe(model="stas_c", device="cpu"))
    before, after = (psnr(clean.array(), cube.array(), 1.0) for cube in (noisy, restored))
    assert after > before + gain
