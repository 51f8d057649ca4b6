"""Methods without training through the one door: as networks are, for the caller."""

import json

import numpy as np
import pytest

from napari_hsi_restore.classical import METHODS
from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Progress
from napari_hsi_restore.metrics import psnr
from napari_hsi_restore.restore import DenoiseRecipe, denoise, denoisers, restore
from napari_hsi_restore.restore.automatic import resolved
from napari_hsi_restore.restore.statistics import Measured
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.zoo.records import record

every_method = pytest.mark.parametrize("name", [method.name for method in METHODS])


@pytest.fixture(scope="module")
def clean():
    return demo_scene(size=72)


@pytest.fixture(scope="module")
def noisy(clean):
    return degrade(clean, "mixture", seed=1)


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


def test_every_choice_has_a_purpose_and_says_what_it_needs():
    choices = denoisers()
    names = [choice.name for choice in choices]
    assert len(set(names)) == len(names)
    assert {"stas_c", *(method.name for method in METHODS)} <= set(names)
    assert all(choice.purpose for choice in choices)
    whole = {choice.name for choice in choices if choice.whole_image}
    assert {"ngmeet", "sparse"} <= whole
    assert not {"stas_c", "smooth"} & whole


# What sip learns from a part is another network.
@pytest.mark.parametrize("name", [method.name for method in METHODS if method.name != "sip"])
def test_a_preview_is_close_to_the_cut_out_of_the_result(name):
    # A long strip: it is cut in one direction, and computed soon.
    clean = demo_scene(size=160, bands=12).crop(slice(60, 100), slice(None))
    noisy = degrade(clean, "mixture", seed=1)
    columns, out = slice(60, 100), np.empty((12, 40, 40), np.float32)
    recipe = DenoiseRecipe(model=name)
    whole = denoise(noisy, recipe).data[:, :, columns]
    *_, done = restore(noisy, recipe, region=(slice(None), columns), out=out)
    assert done.result.data is out
    noise = rms(noisy.data[:, :, columns] - clean.data[:, :, columns])
    assert rms(out - whole) < 0.1 * noise


def test_a_preview_has_its_place_and_the_whole_is_written_where_it_is_wanted(noisy):
    source = noisy.replace(georeference=Georeference("EPSG:32633", (1.0, 0, 100.0, 0, -1.0, 500.0)))
    *_, done = restore(
        source, DenoiseRecipe(model="fasthyde"), region=(slice(32, 64), slice(16, 40))
    )
    assert done.result.shape == (31, 32, 24)
    assert done.result.georeference.transform[2] == 116.0
    out = np.empty(noisy.shape, np.float32)
    *_, done = restore(noisy, DenoiseRecipe(model="fasthyde"), out=out)
    assert done.result.data is out
    entry = json.loads(done.result.history[-1])
    assert (entry["step"], entry["model"], entry["noise"]) == ("denoise", "fasthyde", "estimated")


@pytest.mark.parametrize("name", ["refined", "ngmeet"])
def test_the_history_names_the_weights_that_a_method_took(noisy, name):
    result = denoise(noisy.crop(slice(0, 24), slice(0, 24)), DenoiseRecipe(model=name))
    entry = json.loads(result.history[-1])
    bundled = {part: record(part).sha256 for part in ("refiner_draft", "refiner")}
    assert entry.get("networks") == (bundled if name == "refined" else None)


def test_what_was_measured_once_is_not_measured_again_and_changes_nothing(noisy, monkeypatch):
    from napari_hsi_restore.noise import known

    region, measured = (slice(0, 40), slice(0, 40)), Measured()
    recipe = DenoiseRecipe(model="inpaint")
    *_, fresh = restore(noisy, recipe, region=region)
    *_, first = restore(noisy, recipe, region=region, measured=measured)
    for name in ("find_active", "mark_defects", "moments", "estimated_noise"):
        monkeypatch.setattr(known, name, lambda *_, name=name: pytest.fail(f"{name} again"))
    *_, again = restore(noisy, recipe, region=region, measured=measured)
    np.testing.assert_array_equal(first.result.data, fresh.result.data)
    np.testing.assert_array_equal(again.result.data, fresh.result.data)


def test_hidden_pixels_are_filled(clean):
    noisy = degrade(clean, "gaussian-10", seed=0)
    data = noisy.data.copy()
    hidden = np.zeros(data.shape[1:], bool)
    hidden[40:48, 60:68] = True
    data[:, hidden] = 1.0
    cloudy = noisy.replace(data=data)
    *_, done = restore(cloudy, DenoiseRecipe(model="fasthyin"), hidden=hidden)
    before, after = (
        psnr(clean.data[:, hidden], cube.data[:, hidden], 1.0) for cube in (cloudy, done.result)
    )
    assert after > before + 8
    assert json.loads(done.result.history[-1])["hidden_pixels"] == 64
    with pytest.raises(UserError, match="'stas_c' takes no mask; choose one of mended"):
        list(restore(cloudy, DenoiseRecipe(model="stas_c"), hidden=hidden))


def test_strength_nothing_changes_nothing(noisy):
    out = np.empty((31, 20, 20), np.float32)
    region = (slice(0, 20), slice(10, 30))
    list(restore(noisy, DenoiseRecipe(model="ngmeet", strength=0.0), region=region, out=out))
    np.testing.assert_array_equal(out, noisy.data[:, :20, 10:30])


@every_method
def test_progress_rises_to_the_end(noisy, name):
    task = restore(noisy, DenoiseRecipe(model=name), region=(slice(0, 64), slice(0, 64)))
    *events, last = list(task)
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1.0, abs=0.02)
    assert isinstance(last, Done)


def test_an_unknown_name_and_a_memory_limit_are_answered_with_a_sentence(noisy):
    with pytest.raises(UserError, match=r"'nope' is not known; choose auto or one of: .*ngmeet"):
        denoise(noisy, DenoiseRecipe(model="nope"))
    with pytest.raises(UserError, match=r"'ngmeet' needs about .* GiB are free or allowed"):
        denoise(noisy, DenoiseRecipe(model="ngmeet", memory_limit_gib=1e-5))


def test_auto_takes_a_network_where_memory_does_not_suffice(noisy):
    region = (slice(0, 72), slice(0, 72))
    for limit, expected in ((None, "mended"), (1e-3, "stas_c")):
        recipe = DenoiseRecipe(memory_limit_gib=limit)
        steps = resolved(noisy, recipe, region, Measured(), filled=False)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                found, reason = stop.value
                break
        assert found.model == expected
    assert "GiB of memory" in reason


def test_auto_is_what_is_recommended_and_a_device_that_is_not_there_is_refused(noisy):
    region = (slice(0, 40), slice(0, 40))
    *_, automatic = restore(noisy, DenoiseRecipe(), region=region)
    *_, named = restore(noisy, DenoiseRecipe(model="mended"), region=region)
    np.testing.assert_array_equal(automatic.result.data, named.result.data)
    entry = json.loads(automatic.result.history[-1])
    assert (entry["model"], entry["chosen"].split()[0]) == ("mended", "Stripes,")
    with pytest.raises(UserError, match="device 'cuda:93'"):
        denoise(noisy, DenoiseRecipe(model="sparse", device="cuda:93"))


@pytest.mark.parametrize("shape", [(12, 8, 8), (1, 30, 30), (2, 24, 20), (3, 26, 9), (150, 9, 8)])
@pytest.mark.parametrize("kind", ["integer", "negative", "gaps", "one value"])
def test_auto_gives_odd_cubes_a_right_answer(shape, kind):
    rng = np.random.default_rng(0)
    level = np.linspace(100, 180, shape[0])[:, None, None]
    data = level + rng.normal(0, 3, shape)
    if kind == "integer":
        data = np.round(data).astype(np.uint8)
    elif kind == "negative":
        data -= 1000
    elif kind == "gaps":
        data[rng.random(shape) < 0.3] = np.nan
    elif shape[0] > 1:
        data[0] = 7.0
    cube = HyperCube(data, name="odd")
    result = denoise(cube, DenoiseRecipe(device="cpu"))
    valid = cube.valid(data)
    assert result.data.dtype == np.float32
    assert np.isfinite(result.data[valid]).all()
    assert np.abs(result.data - data.astype(float))[valid].max() < 25
    if kind == "one value" and shape[0] > 1:
        assert (result.data[0] == 7.0).all()


def test_nothing_to_restore_is_said_in_a_sentence_by_auto():
    for data in (np.ones((4, 9, 9)), np.full((4, 9, 9), np.nan)):
        with pytest.raises(UserError, match="nothing to denoise; check the no-data value"):
            denoise(HyperCube(data, name="flat"), DenoiseRecipe())
