"""Enlarging with random networks: what must hold whatever the weights are."""

import json
import re

import dask.array as da
import numpy as np
import pytest
import torch

from make.models import store_model
from napari_hsi_restore.cube import Georeference
from napari_hsi_restore.degradations import downscale, resize_bicubic
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Progress
from napari_hsi_restore.models.architectures import eigensr
from napari_hsi_restore.models.spec import CoarSRSpec, EigenSRSpec
from napari_hsi_restore.restore import (
    FineOptions,
    SuperresRecipe,
    denoise,
    enlarge,
    superres,
    superres_recipe,
)
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.superres_recipe import CORRECTIONS, automatic_choice, model_for
from napari_hsi_restore.restore.superres_size import result_shape
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.training.mean import mean_of
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE, find

NO_FINE = FineOptions(half_step="none")
EACH = pytest.mark.parametrize("model", ["coarsr", "eigensr", "mean"])


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for scale in (2, 4):
        store_model(folder, f"random_coarsr_x{scale}", CoarSRSpec(scale=scale, width=4))
        spec = EigenSRSpec(scale=scale, width=8, blocks=2, components=6)
        store_model(folder, f"random_eigensr_x{scale}", spec)
        members = [f"random_{kind}_x{scale}" for kind in ("coarsr", "eigensr")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(FOLDER_VARIABLE, str(folder))
            mean_of(members, f"random_mean_x{scale}", folder)
    stages = EigenSRSpec(scale=4, stages=2, width=8, blocks=2, components=6)
    store_model(folder, "random_cascade_x4", stages)
    three = stages.model_copy(update={"scale": 8, "stages": 3})
    store_model(folder, "random_cascade_x8", three)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="module")
def low():
    return downscale(demo_scene(size=96, bands=9), 2)


def recipe(model, scale=2, **changes):
    return SuperresRecipe(
        **{"scale": scale, "model": f"random_{model}_x{scale}", "device": "cpu", **changes}
    )


@EACH
def test_the_ensemble_gives_the_same_for_a_turned_cube(low, model):
    small = low.crop(slice(0, 20), slice(0, 24))
    turned = small.replace(data=np.rot90(small.array(), axes=(1, 2))[:, :, ::-1].copy())
    for ensemble in (False, True):
        settings = recipe(model, fine=NO_FINE, ensemble=ensemble)
        straight = np.asarray(enlarge(small, settings).data)
        back = np.rot90(np.asarray(enlarge(turned, settings).data)[:, :, ::-1], -1, axes=(1, 2))
        off = np.abs(back - straight).max()
        assert (off < 1e-4) == ensemble


def test_the_mean_of_networks_is_that_of_their_results(low):
    one, other, both = (
        np.asarray(enlarge(low, recipe(kind, fine=NO_FINE, ensemble=False)).data)
        for kind in ("coarsr", "eigensr", "mean")
    )
    assert np.abs(one - other).max() > 1e-2
    np.testing.assert_allclose(both, (one + other) / 2, atol=1e-5)
    tiled = enlarge(low, recipe("mean", fine=NO_FINE, ensemble=False, tile=16)).data
    np.testing.assert_allclose(tiled, both, atol=1e-4)


def test_turns_are_averaged_unasked_where_that_is_quick(low, monkeypatch):
    def values(model, **changes):
        result = enlarge(low, recipe(model, fine=NO_FINE, **changes))
        return np.asarray(result.data), json.loads(result.history[-1])["turns_averaged"]

    (one, single), (eight, mean) = (values("eigensr", ensemble=asked) for asked in (False, True))
    assert (single, mean) == (1, 8)
    assert values("coarsr")[1] == values("mean")[1] == 1
    assert np.abs(one - eight).max() > 1e-3
    unasked, said = values("eigensr")
    np.testing.assert_array_equal(unasked, eight)
    assert said == 8
    spec = find("random_eigensr_x2")[0].spec
    monkeypatch.setattr(superres_recipe, "QUICK", 7.9 * spec.macs(low.shape[1] * low.shape[2], 9))
    large, said = values("eigensr")
    np.testing.assert_array_equal(large, one)
    assert said == 1
    # A part of a large cube is enlarged as the whole would be, and so is what auto checks.
    corner = slice(0, 16), slice(0, 16)
    part = superres(low, recipe("eigensr", fine=NO_FINE), region=corner)
    *_, done = part
    assert json.loads(done.result.history[-1])["turns_averaged"] == 1


@pytest.mark.parametrize("scale", [2, 4])
def test_auto_takes_the_best_network_that_is_quick_on_the_cube(scale):
    def chosen(*shape):
        return model_for(SuperresRecipe(scale=scale), shape).name

    best, quick = f"coarsr_eigensr_x{scale}", f"eigensr_x{scale}"
    assert chosen(31, 128, 128) == best
    assert chosen(200, 1000, 1000) == quick
    # Nothing is quick on such an image; the quickest has to do.
    assert chosen(200, 20_000, 20_000) == quick
    name, reason = automatic_choice(scale, (31, 128, 128))
    assert name == best
    assert "slow" not in reason
    name, reason = automatic_choice(scale, (200, 1000, 1000))
    assert name == quick
    assert f"{best} is more accurate, but slow" in reason


def test_the_ensemble_of_tiles_is_that_of_the_whole(low):
    whole = np.asarray(enlarge(low, recipe("eigensr", ensemble=True)).data)
    tiled = np.asarray(enlarge(low, recipe("eigensr", ensemble=True, tile=16)).data)
    np.testing.assert_allclose(tiled, whole, atol=1e-4)


@EACH
@pytest.mark.parametrize("scale", [2, 4])
def test_progress_grows_and_ends_with_the_cube(low, model, scale):
    *before, done = superres(low, recipe(model, scale))
    fractions = [event.fraction for event in before if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < fractions[-1] <= 1
    assert len(fractions) > 20
    assert isinstance(done, Done)
    assert done.result.shape == (9, 48 * scale, 48 * scale)
    assert done.result.dtype == np.float32
    bicubic = resize_bicubic(low.array(), scale=scale)
    assert 1e-4 < np.std(done.result.data - bicubic) < 0.2


@EACH
@pytest.mark.parametrize("tile", [8, 20])
def test_a_tiled_result_equals_the_whole(low, model, tile):
    whole = enlarge(low, recipe(model, tile=512))
    tiled = enlarge(low, recipe(model, tile=tile))
    np.testing.assert_allclose(tiled.data, whole.data, atol=1e-4)


@pytest.mark.parametrize("scale", [4, 8])
@pytest.mark.parametrize("tile", [8, 20])
def test_tiles_of_a_network_in_stages_are_the_whole(low, tile, scale):
    whole, tiled = (
        enlarge(low, recipe("cascade", scale, tile=side, fine=NO_FINE)).data for side in (512, tile)
    )
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_a_network_in_stages_tells_how_far_it_is(low):
    fractions = [e.fraction for e in superres(low, recipe("cascade", 4)) if hasattr(e, "fraction")]
    assert fractions == sorted(fractions)
    assert max(np.diff(fractions)) < 0.3


@EACH
def test_a_preview_is_a_cut_out_of_the_result(low, model):
    whole = enlarge(low, recipe(model, fine=NO_FINE)).data
    rows, columns = slice(20, 48), slice(5, 30)
    *_, done = superres(low, recipe(model, fine=NO_FINE), region=(rows, columns))
    np.testing.assert_allclose(done.result.data, whole[:, 40:96, 10:60], atol=1e-4)


@EACH
def test_the_result_keeps_what_the_file_said(low, model):
    place = Georeference("EPSG:32633", (10.0, 0.0, 500.0, 0.0, -10.0, 900.0))
    source = low.replace(
        georeference=place, source="scene.hdr", metadata={"sensor": "demo"}, units="reflectance"
    )
    fine = CORRECTIONS["published+consistent"]
    result = enlarge(source, recipe(model, 4, fine=fine))
    for field in ("units", "white_level", "name", "source", "nodata"):
        assert getattr(result, field) == getattr(source, field), field
    np.testing.assert_array_equal(result.wavelengths_nm, source.wavelengths_nm)
    assert dict(result.metadata) == {"sensor": "demo"}
    assert result.georeference.transform == (2.5, 0.0, 500.0, 0.0, -2.5, 900.0)
    assert result.history[:-1] == source.history
    entry = json.loads(result.history[-1])
    assert entry["model"] == f"random_{model}_x4"
    assert entry["fine"]["half_scale"] is True
    assert entry["fine"]["done"] or entry["fine"]["refused"]
    assert entry["consistency"]["rmse"] > 0
    shrunk = resize_bicubic(result.data, scale=0.25)
    rmse = np.sqrt(np.mean((shrunk - source.array()) ** 2))
    assert entry["consistency"]["rmse"] == pytest.approx(rmse, rel=1e-3)


@EACH
def test_units_do_not_matter(low, model):
    plain = enlarge(low, recipe(model)).data
    counts = np.round(low.array() * 20000).astype(np.int32)
    lazy = low.replace(data=da.from_array(counts, chunks=(9, 16, 48)), white_level=20000.0)
    np.testing.assert_allclose(enlarge(lazy, recipe(model)).data / 20000, plain, atol=2e-3)


@EACH
def test_no_data_stays_and_does_not_spread(low, model):
    data = low.array().copy()
    data[:, 10:16, 10:16] = np.nan
    data[:, 40:42] = -9999.0
    data[3, 0, 0] = np.nan
    data[7] = -9999.0
    result = enlarge(low.replace(data=data, nodata=-9999.0), recipe(model)).data
    clean = enlarge(low, recipe(model)).data
    missing = np.zeros(data.shape, dtype=bool)
    missing[:, 10:16, 10:16] = missing[:, 40:42] = missing[7] = missing[3, 0, 0] = True
    missing = missing.repeat(2, 1).repeat(2, 2)
    assert (result[missing] == -9999.0).all()
    assert np.isfinite(result).all()
    assert result[~missing].min() > -0.5
    others = np.delete(np.arange(9), 7)
    assert np.abs(result - clean)[others, 60:70, 60:70].max() < 0.1


@EACH
def test_without_a_marker_gaps_are_nan(low, model):
    data = low.array().copy()
    data[:, 3, 4] = np.nan
    result = enlarge(low.replace(data=data), recipe(model)).data
    assert np.isnan(result[:, 6:8, 8:10]).all()
    assert np.isnan(result).sum() == 9 * 4


def test_bad_bands_are_enlarged_alone(low):
    good = np.ones(9, dtype=bool)
    good[4] = False
    noisy = low.array().copy()
    noisy[4] = np.random.default_rng(0).random(noisy.shape[1:])
    result = enlarge(low.replace(data=noisy, good_bands=good), recipe("coarsr")).data
    np.testing.assert_allclose(result[4], resize_bicubic(noisy[4:5], scale=2)[0], atol=1e-6)
    without = enlarge(low.select_bands(np.flatnonzero(good)), recipe("coarsr")).data
    np.testing.assert_allclose(result[good], without, atol=1e-5)


@EACH
@pytest.mark.parametrize("bands", [1, 2, 4])
def test_few_bands_are_enlarged_too(low, model, bands):
    result = enlarge(low.select_bands(np.arange(bands)), recipe(model))
    assert result.shape == (bands, 96, 96)
    assert np.isfinite(result.data).all()


def test_a_tiny_cube_is_enlarged(low):
    tiny = low.crop(slice(0, 3), slice(0, 2))
    assert enlarge(tiny, recipe("coarsr", 4)).shape == (9, 12, 8)


def test_the_result_can_go_to_a_given_array(low, tmp_path):
    out = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", np.float32, (9, 96, 96))
    *_, done = superres(low, recipe("eigensr"), out=out)
    np.testing.assert_array_equal(out, enlarge(low, recipe("eigensr")).data)
    assert done.result.data is out


def test_out_of_memory_goes_on_with_smaller_tiles(low, monkeypatch):
    expected = enlarge(low, recipe("eigensr", ensemble=False)).data
    whole, sizes = eigensr.EigenSR.stages, []

    def limited(self, images):
        sizes.append(images.shape[2] * images.shape[3])
        if sizes[-1] > 40 * 40:
            raise torch.OutOfMemoryError("no more memory")
        return whole(self, images)

    monkeypatch.setattr(eigensr.EigenSR, "stages", limited)
    smaller = enlarge(low, recipe("eigensr", ensemble=False)).data
    assert len(sizes) == 5
    np.testing.assert_allclose(smaller, expected, atol=1e-5)


def test_closing_cancels(low):
    task = superres(low, recipe("coarsr"))
    for _ in range(5):
        next(task)
    task.close()
    assert not torch.is_inference_mode_enabled()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"scale": 4, "model": "random_coarsr_x2"},
            "by 4; choose one of: coarsr_eigensr_x4, coarsr_x4, eigensr_x4, random_c",
        ),
        ({"scale": 2, "model": "stas_c"}, "not for super-resolution by 2"),
        ({"scale": 3, "model": "auto"}, "enlarges 9 bands by 3; choose one of: bicubic, back"),
        ({"scale": 2, "model": "random_coarsr_x2", "device": "cuda:99"}, "not on this machine"),
        ({"scale": 2, "model": "random_coarsr_x2", "memory_limit_gib": 1e-6}, "memory limit"),
    ],
)
def test_what_cannot_be_done_is_said(low, change, sentence):
    with pytest.raises(UserError, match=sentence):
        enlarge(low, SuperresRecipe(**change))


def test_a_memory_limit_for_which_no_tile_is_small_enough_is_refused_first(low):
    recipe = SuperresRecipe(scale=2, model="eigensr_x2", device="cpu", memory_limit_gib=1e-3)
    events = superres(low, recipe)
    next(events)
    with pytest.raises(UserError, match=r"'memory limit': .* GiB is too small") as refusal:
        next(events)
    # What it names as needed suffices.
    needed = float(re.search(r"takes ([\d.]+) GiB", str(refusal.value))[1])
    enough = recipe.model_copy(update={"memory_limit_gib": needed})
    assert enlarge(low, enough).shape == result_shape(low, 2)


def test_a_result_that_memory_cannot_hold_is_refused_first(low):
    zeros = da.zeros((9, 200_000, 200_000), chunks=(9, 1000, 1000))
    with pytest.raises(UserError, match=r"enlarging it by 2 takes .* GiB of memory"):
        enlarge(low.replace(data=zeros), recipe("coarsr"))


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("fine", ["published+consistent", "pixel"])
def test_arrays_in_files_change_nothing(low, tmp_path, scale, fine):
    data = low.array().copy()
    data[:, 3:16, 4:17] = np.nan
    good = np.ones(9, dtype=bool)
    good[4] = False
    gappy = low.replace(data=data, good_bands=good)
    settings = recipe("eigensr", scale, fine=fine)
    in_memory = enlarge(gappy, settings)
    in_files = enlarge(gappy, settings, tmp_path)
    np.testing.assert_array_equal(np.asarray(in_files.data), np.asarray(in_memory.data))
    assert in_files.history == in_memory.history
    assert isinstance(in_files.data, np.memmap)
    assert not any(tmp_path.iterdir())


def test_a_part_beside_a_large_gap_is_that_of_the_whole(low):
    data = low.array().copy()
    data[:, 10:40, 20:48] = np.nan
    gappy = low.replace(data=data)
    settings = recipe("eigensr", fine="consistent")
    whole = np.asarray(enlarge(gappy, settings).data)
    *_, done = superres(gappy, settings, region=(slice(20, 44), slice(4, 26)))
    np.testing.assert_allclose(done.result.data, whole[:, 40:88, 8:52], atol=1e-4)


def test_single_bands_that_memory_cannot_hold_are_refused_with_files_too(low, tmp_path):
    zeros = da.zeros((9, 900_000, 900_000), chunks=(9, 1000, 1000))
    with pytest.raises(UserError, match="single bands of the result"):
        enlarge(low.replace(data=zeros), recipe("coarsr"), tmp_path)


def test_a_model_for_enlarging_does_not_denoise(low):
    with pytest.raises(UserError, match="model 'random_coarsr_x2' is not for denoising"):
        denoise(low, DenoiseRecipe(model="random_coarsr_x2"))
