"""Fine-tuning for real, with tiny networks on tiny cubes."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from make.models import TINY, store_model
from make.sensors import noisy_cube
from make.tuning import recipe
from napari_hsi_restore import zoo
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Metric, Note, Progress, Snapshot
from napari_hsi_restore.models.spec import CoarSRSpec, EigenSRSpec
from napari_hsi_restore.restore import DenoiseRecipe, denoise
from napari_hsi_restore.training import checkpoint, library
from napari_hsi_restore.training.finetune import FineTuneRecipe, finetune
from napari_hsi_restore.training.finetune.cubes import Sample, samples, split
from napari_hsi_restore.training.finetune.denoising import DenoiserTuning
from napari_hsi_restore.training.finetune.judging import Errors, Judgement
from napari_hsi_restore.training.run_files import BEST, LAST

pytestmark = pytest.mark.usefixtures("place")


def values(events, name):
    return [event.value for event in events if isinstance(event, Metric) and event.name == name]


def given(method, clean, noisy):
    cubes = [clean] if method == "degraded" else [noisy]
    return cubes, [clean] if method == "reference" else None


@pytest.mark.parametrize("method", ["reference", "degraded", "self-supervised"])
def test_a_model_learns_and_stands_in_the_list(method, clean, noisy, folder):
    # The start does nothing at all, so that much is to be gained.
    chosen = recipe(method=method, steps=60, checks=3, learning_rate=5e-3, average=0.9)
    sensor = noisy if method == "degraded" else None
    task = finetune(chosen, *given(method, clean, noisy), folder, noise_from=sensor)
    events = list(task)
    assert isinstance(events[-1], Done)
    assert events[-1].result.endswith("mine.json")
    record = zoo.record("mine")
    scores = values(events, "psnr")
    assert max(scores) > values(events, "psnr_start")[0] + 0.5
    assert record.scores["held-out/psnr"] == pytest.approx(max(scores), abs=1e-3)
    assert record.recommended
    assert "held-out pixels" in record.remark
    assert record.provenance.data == ("sensor",)

    def quality(name):
        result = denoise(noisy, DenoiseRecipe(model=name, device="cpu")).array()
        return -10 * np.log10(np.mean(np.square(result - clean.array())))

    assert quality("mine") > quality("tiny") + 0.5


def test_the_start_is_the_floor(noisy, clean, folder):
    wild = recipe(learning_rate=3.0, steps=4, average=0.0)
    events = list(finetune(wild, [noisy], [clean], folder))
    record = zoo.record("mine")
    assert not record.recommended
    assert record.remark.startswith("Not recommended: nothing better than tiny")
    assert record.scores["held-out/gain"] == 0
    start, kept = zoo.load("tiny")[0].state_dict(), zoo.load("mine")[0].state_dict()
    assert all(torch.equal(kept[name], start[name]) for name in start)
    assert any(isinstance(event, Note) and "Not recommended" in event.message for event in events)


def test_what_noise_clean_cubes_get_is_said_if_none_is_given(noisy, clean, folder):
    def notes(**given):
        chosen = recipe(name="given" if given else "mine", method="degraded")
        events = finetune(chosen, [noisy], None, folder.with_name(chosen.name), **given)
        return [event.message for event in events if isinstance(event, Note)]

    # The square mean of the noise that was added is 24.9.
    assert re.search(r"that they show themselves, about sigma 2\d where white is 255", notes()[0])
    assert not any("show themselves" in note for note in notes(noise_from=noisy))


def test_a_patch_to_look_at_is_written(noisy, clean, folder):
    events = list(finetune(recipe(), [noisy], [clean], folder))
    last = [event for event in events if isinstance(event, Snapshot)][-1]
    with np.load(last.path, allow_pickle=False) as arrays:
        assert set(arrays) == {"noisy", "before", "now", "reference", "wavelengths_nm"}
        shape = arrays["noisy"].shape
        assert shape[0] == noisy.n_bands
        assert max(shape[1:]) <= 96
        assert arrays["now"].shape == arrays["before"].shape == arrays["reference"].shape == shape
        assert arrays["noisy"].dtype == np.float32
        np.testing.assert_allclose(arrays["wavelengths_nm"], noisy.wavelengths_nm, rtol=1e-5)


def test_a_cancelled_run_can_be_kept_and_goes_on_to_the_same_weights(noisy, clean, folder, place):
    whole = list(finetune(recipe(name="whole"), [noisy], [clean], place / "runs" / "whole"))
    task = finetune(recipe(), [noisy], [clean], folder)
    for event in task:
        if isinstance(event, Metric) and event.name == "psnr" and event.step == 3:
            break
    task.close()
    assert checkpoint.load(folder / LAST)[0].step == 3
    assert library.keep(folder).name == "mine"
    with pytest.raises(UserError, match="an interrupted run lies there"):
        next(finetune(recipe(), [noisy], [clean], folder))
    rest = list(finetune(recipe(), [noisy], [clean], folder, resume=True))
    assert values(rest, "psnr")[-1] == values(whole, "psnr")[-1]
    one, two = (zoo.load(name)[0].state_dict() for name in ("whole", "mine"))
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert not (folder / LAST).exists()


def test_other_settings_do_not_go_on(noisy, clean, folder):
    task = finetune(recipe(), [noisy], [clean], folder)
    for event in task:
        if isinstance(event, Snapshot):
            break
    task.close()
    with pytest.raises(UserError, match="belongs to another recipe"):
        list(finetune(recipe(seed=3), [noisy], [clean], folder, resume=True))
    with pytest.raises(UserError, match="began with model 'tiny', not 'stas_c'"):
        list(finetune(recipe(start="stas_c"), [noisy], [clean], folder, resume=True))
    path = folder / LAST
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="not a checkpoint of this program"):
        list(finetune(recipe(), [noisy], [clean], folder, resume=True))


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from make.sensors import clean_cube, noisy_cube
from napari_hsi_restore.events import Metric
from napari_hsi_restore.training.finetune import FineTuneRecipe, finetune, run
run.CHECKPOINT_EVERY_S = 0.0
clean = clean_cube()
recipe = FineTuneRecipe.model_validate_json(sys.argv[2])
for event in finetune(recipe, [noisy_cube(clean)], [clean], Path(sys.argv[3])):
    if isinstance(event, Metric):
        print(event.step, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
def test_killing_it_at_any_moment_leaves_whole_files(noisy, clean, folder, tmp_path):
    tests = os.path.dirname(os.path.dirname(__file__))
    long = recipe(steps=100000, checks=50000)
    arguments = [sys.executable, "-c", KILLED, tests, long.model_dump_json(), str(folder)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 4:
            break
    time.sleep(0.037)
    process.send_signal(signal.SIGKILL)
    process.wait()
    state, tensors = checkpoint.load(folder / LAST)
    assert state.step >= 2
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
    assert load_file(folder / BEST)
    assert library.keep(folder).name == "mine"
    rest = finetune(recipe(steps=state.step + 2), [noisy], [clean], folder, resume=True)
    assert isinstance(list(rest)[-1], Done)


def test_out_of_memory_shrinks_the_batch_and_goes_on(noisy, clean, folder, monkeypatch):
    whole = DenoiserTuning.losses

    def greedy(self, network, step):
        for number, loss in enumerate(whole(self, network, step)):
            if number == 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            yield loss

    monkeypatch.setattr(DenoiserTuning, "losses", greedy)
    events = list(finetune(recipe(), [noisy], [clean], folder))
    notes = [event.message for event in events if isinstance(event, Note)]
    assert notes[:2] == ["Out of memory: the batch is now 2.", "Out of memory: the batch is now 1."]
    assert isinstance(events[-1], Done)


def test_memory_that_suffices_for_nothing_is_told(noisy, clean, folder, monkeypatch):
    def greedy(self, network, step):
        raise MemoryError
        yield

    monkeypatch.setattr(DenoiserTuning, "losses", greedy)
    with pytest.raises(UserError, match="does not suffice for a single patch"):
        list(finetune(recipe(), [noisy], [clean], folder))


def test_learning_that_becomes_unstable_keeps_the_best(noisy, clean, folder, monkeypatch):
    whole = DenoiserTuning.losses

    def wild(self, network, step):
        for loss in whole(self, network, step):
            yield loss * float("nan") if step == 4 else loss

    monkeypatch.setattr(DenoiserTuning, "losses", wild)
    events = list(finetune(recipe(), [noisy], [clean], folder))
    assert any(isinstance(event, Note) and "unstable" in event.message for event in events)
    assert isinstance(events[-1], Done)
    assert np.isfinite(zoo.record("mine").scores["held-out/psnr"])


def test_a_full_disk_is_told_and_the_last_checkpoint_stays(noisy, clean, folder, monkeypatch):
    task = finetune(recipe(), [noisy], [clean], folder)
    for event in task:
        if isinstance(event, Snapshot):
            break
    before = (folder / LAST).read_bytes()

    def full(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        list(task)
    assert (folder / LAST).read_bytes() == before


def spoilt(cube, part, value=np.nan):
    data = cube.array().copy()
    data[(slice(None), *part)] = value
    return cube.replace(data=data)


def test_pixels_without_data_are_never_learned_from(noisy, clean, folder):
    gap = (slice(10, 30), slice(0, 40))
    found = []
    for value in (np.nan, -9999.0):
        holed = spoilt(noisy, gap, value).replace(nodata=-9999.0)
        place = folder.with_name(f"gap{len(found)}")
        chosen = recipe(name=place.name)
        found.append(list(finetune(chosen, [holed], [clean], place)))
    assert values(found[0], "psnr") == values(found[1], "psnr")
    assert len(set(values(found[0], "psnr"))) == 3
    assert np.all(np.isfinite(values(found[0], "psnr")))


def test_held_out_pixels_are_never_learned_from(noisy, clean):
    learned, held_out = split((64, 64), 0.2)
    assert (learned[0].stop, held_out[0].start) == (51, 51)
    parts = samples([spoilt(noisy, held_out, 7.0)], None, 0.2)
    task = DenoiserTuning(
        recipe(method="self-supervised"),
        zoo.load("tiny")[0],
        TINY,
        samples=[part for part in parts if isinstance(part, Sample)],
        sigmas=[np.linspace(0.03, 0.15, 8)],
    )
    rng = np.random.default_rng(0)
    list(task.gather())
    list(task.prepare())
    for _ in range(20):
        piece = task._piece(rng)
        assert piece.valid.shape == (16, 16)
        assert np.abs(piece.noisy).max() < 20


def wavelengths(cube, shift):
    return cube.replace(wavelengths_nm=cube.wavelengths_nm + shift)


def test_cubes_that_do_not_go_together_are_told(noisy, clean, folder):
    fewer = noisy.select_bands(range(5)).replace(name="fewer")
    small = noisy.crop(slice(0, 20), slice(0, 20))
    thin = noisy.crop(slice(0, 64), slice(0, 10))
    empty = spoilt(noisy, (slice(0, 60), slice(0, 64)))
    cases = [
        (([noisy, fewer], None), "fewer: has 5 bands, .* has 8"),
        (([noisy, wavelengths(noisy, 9.0)], None), "the same wavelengths"),
        (([noisy], [clean, clean]), "2 references for 1 cubes"),
        (([noisy], [small]), "cannot be the reference"),
        (([noisy], [wavelengths(clean, 9.0)]), "the same wavelengths"),
        (([noisy], [clean.replace(data=clean.array() * 100)]), "same units"),
        (([small], None), "too few pixels"),
        (([thin], None), "too few pixels"),
        (([empty], None), "too few pixels"),
        (([], None), "no cube to learn from"),
    ]
    for (cubes, references), said in cases:
        method = "self-supervised" if references is None else "reference"
        with pytest.raises(UserError, match=said):
            list(finetune(recipe(method=method), cubes, references, folder))
    assert not folder.exists()
    assert [known.name for known in zoo.list_models() if not known.bundled] == ["tiny"]


def test_methods_and_names_that_cannot_be_are_told(noisy, clean, folder, place):
    store_model(place / "models", "larger", EigenSRSpec(scale=2, width=4, blocks=1, components=2))
    cases = [
        ({"method": "reference"}, None, "needs a clean reference for each cube"),
        ({"method": "self-supervised"}, [clean], "takes no references"),
        ({"start": "larger", "method": "self-supervised"}, None, "enlarges"),
        ({"start": "absent"}, [clean], "model 'absent' is not known"),
        ({"name": "../evil"}, [clean], "cannot name a model"),
        ({"name": "tiny"}, [clean], "exists already"),
        ({"name": "stas_p"}, [clean], "exists already"),
        ({"device": "cuda:77"}, [clean], "is not on this machine"),
    ]
    for changes, references, said in cases:
        with pytest.raises(UserError, match=said):
            list(finetune(recipe(**changes), [noisy], references, folder))
    assert not folder.exists()
    loud = noisy.replace(data=noisy.array() * 1000)
    with pytest.raises(UserError, match="of the same sensor in the same units"):
        list(finetune(recipe(method="degraded"), [clean], None, folder, noise_from=loud))


def test_a_model_whose_name_was_taken_meanwhile_is_not_overwritten(noisy, clean, folder, place):
    task = finetune(recipe(), [noisy], [clean], folder)
    for event in task:
        if isinstance(event, Snapshot):
            break
    store_model(place / "models", "mine", TINY)
    before = (place / "models" / "mine.safetensors").read_bytes()
    with pytest.raises(UserError, match="exists already"):
        list(task)
    assert (place / "models" / "mine.safetensors").read_bytes() == before
    assert (folder / BEST).exists()


@pytest.mark.parametrize(
    "spec",
    [
        EigenSRSpec(scale=2, width=8, blocks=1, components=3),
        CoarSRSpec(scale=2, width=4),
    ],
    ids=["eigensr", "coarsr"],
)
def test_a_network_that_enlarges_learns_from_clean_cubes(spec, clean, folder, place):
    if spec.architecture == "eigensr":
        store_model(place / "models", "larger", spec, detail=0.0)
        steps = 40
    else:
        store_model(place / "models", "larger", spec)
        steps = 2
    chosen = recipe(start="larger", method="degraded", steps=steps, learning_rate=2e-3, average=0.9)
    events = list(finetune(chosen, [clean], None, folder))
    record = zoo.record("mine")
    assert record.task == "superres"
    assert record.scores["held-out/psnr"] >= values(events, "psnr_start")[0] - 1e-3
    if steps > 2:
        assert record.recommended
    with np.load(folder / "patch.npz", allow_pickle=False) as arrays:
        assert arrays["now"].shape == arrays["reference"].shape


def test_several_cubes_and_time_by_the_clock(noisy, clean, folder):
    both = [noisy, noisy_cube(clean, 9)]
    chosen = recipe(method="self-supervised", steps=None, minutes=0.03)
    events = list(finetune(chosen, both, None, folder))
    fractions = [event.fraction for event in events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)
    left = [e.eta_s for e in events if isinstance(e, Progress) and e.message == "learning"]
    assert all(0 <= seconds <= 60 * 0.03 for seconds in left)
    assert isinstance(events[-1], Done)
    assert zoo.record("mine").name == "mine"


def test_a_cube_larger_than_the_memory_is_cut(noisy, clean, folder):
    limit = 8 * 48 * 48 * 4 * 2 / 2**30
    events = list(finetune(recipe(memory_limit_gib=limit), [noisy], [clean], folder))
    assert any(
        isinstance(event, Note) and "48 x 48 pixels in its middle" in event.message
        for event in events
    )


def test_a_gain_counts_only_above_chance():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.5, 1.5, 400)
    pixels = np.full(400, 64.0)

    def judged(total):
        return Judgement((Errors(total, pixels),))

    start = judged(base)
    better = judged(base * 0.9 + rng.normal(0, 0.01, 400))
    gain = better.gain_over(start)
    assert gain.is_real
    assert gain.db == pytest.approx(-10 * np.log10(0.9), abs=0.05)
    assert not judged(base + rng.normal(0, 0.5, 400)).gain_over(start).is_real
    assert not start.gain_over(start).is_real
    single = Judgement((Errors(base[:1], pixels[:1]),))
    assert not Judgement((Errors(base[:1] / 2, pixels[:1]),)).gain_over(single).is_real


def test_the_recipe_is_json_and_needs_no_torch():
    chosen = recipe()
    assert FineTuneRecipe.model_validate_json(chosen.model_dump_json()) == chosen
    code = (
        "import sys; import napari_hsi_restore.training.finetune, napari_hsi_restore.zoo.library;"
        "import napari_hsi_restore.training.library, napari_hsi_restore.verbs_learning;"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.strip().lower()) is False
