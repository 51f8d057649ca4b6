"""Searching for real, on a tiny generated cube."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import CellState, Done, Metric, Note, Progress, Snapshot
from napari_hsi_restore.restore import DenoiseRecipe, restore
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.search import SearchRecipe, search
from napari_hsi_restore.search.found import Found
from napari_hsi_restore.search.portions import halve
from napari_hsi_restore.search.regions import regions
from napari_hsi_restore.search.run import FOUND, SEARCH
from napari_hsi_restore.search.strategy import Search
from napari_hsi_restore.search.supernet import PAIRS
from napari_hsi_restore.search_space.genotype import STAS_P
from napari_hsi_restore.search_space.operations import OPERATIONS
from napari_hsi_restore.search_space.sharing import read_genotype
from napari_hsi_restore.training import checkpoint
from napari_hsi_restore.training.library import keep
from napari_hsi_restore.training.ranks.crew import alone
from napari_hsi_restore.training.run_files import BEST, LAST
from napari_hsi_restore.zoo import list_models, load, record


def of(events, kind, name=None):
    return [e for e in events if isinstance(e, kind) and (name is None or e.name == name)]


def test_a_search_ends_with_a_model_that_denoises(recipe, cube, tmp_path):
    events = list(search(recipe, [cube], tmp_path / "run"))
    assert isinstance(events[-1], Done)
    entry = record("mine")
    assert events[-1].result == str(tmp_path / "models" / "mine.json")
    assert entry.spec.genotype == read_genotype(tmp_path / "run" / FOUND)
    assert entry.spec.genotype.name == "mine"
    assert entry.provenance.data == (cube.name,)
    assert entry.provenance.steps <= 12
    network, _ = load("mine")
    best = load_file(tmp_path / "run" / BEST)
    assert all(torch.equal(best[name], tensor) for name, tensor in network.state_dict().items())
    *_, done = restore(cube, DenoiseRecipe(model="mine"))
    assert done.result.shape == cube.shape


def test_what_it_tells_is_what_the_docks_show(recipe, cube, tmp_path):
    events = list(search(recipe, [cube], tmp_path / "run"))
    states = of(events, CellState)
    assert states[0].entropy == pytest.approx(1.0)
    assert states[-1].step == 8
    assert states[-1].entropy < 1.0
    scores = [e.value for e in of(events, Metric, "psnr")]
    start = of(events, Metric, "psnr_start")[0].value
    bundled = [e.value for e in of(events, Metric) if e.name in ("psnr_stas_c", "psnr_stas_p")]
    assert start == max(bundled)
    assert len(bundled) == 2
    fractions = [e.fraction for e in of(events, Progress)]
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert sorted(fractions) == fractions
    snapshot = np.load(of(events, Snapshot)[-1].path)
    for key in ("noisy", "before", "now", "reference"):
        assert snapshot[key].shape[0] == 10
        assert max(snapshot[key].shape[1:]) <= 96
        assert snapshot[key].dtype == np.float32
    assert len(snapshot["wavelengths_nm"]) == 10
    entry = record("mine")
    assert entry.scores["held-out/psnr"] == pytest.approx(max(scores), abs=1e-3)
    assert entry.recommended == (max(scores) > start)
    notes = [note.message for note in of(events, Note)]
    assert notes[0].startswith(
        "Cells were compared in 6 steps only, so the choice is little better"
    )
    assert notes[-1] == entry.remark


def test_a_search_that_is_broken_off_anywhere_ends_as_one_that_is_not(recipe, cube, tmp_path):
    list(search(recipe, [cube], tmp_path / "whole"))
    entry = record("mine")
    again = recipe.model_copy(update={"name": "again"})
    folder = tmp_path / "parts"
    rounds = 0
    while not (tmp_path / "models" / "again.json").exists():
        rounds += 1
        events = search(again, [cube], folder, resume=True)
        # Between two halves of a step, too; a score before the training takes many events.
        left = {"warming": 4, "comparing": 8, "training": 75}
        for event in events:
            word = event.message.split()[0] if isinstance(event, Progress) else ""
            left[word] = left.get(word, 0) - 1
            if left[word] == 0:
                break
        events.close()
        assert rounds < 60
    assert rounds > 2
    assert read_genotype(folder / FOUND).nodes == read_genotype(tmp_path / "whole" / FOUND).nodes
    for name in (SEARCH, LAST):
        whole = checkpoint.load(tmp_path / "whole" / name)[1]
        parts = checkpoint.load(folder / name)[1]
        assert whole.keys() == parts.keys()
        for key, tensor in whole.items():
            torch.testing.assert_close(parts[key], tensor, rtol=0, atol=0, msg=key)
    assert record("again").scores == entry.scores


def test_the_seed_decides(recipe, cube, tmp_path):
    states = []
    for name, seed in (("one", 0), ("two", 0), ("three", 5)):
        chosen = recipe.model_copy(update={"name": name, "seed": seed})
        states.append(of(search(chosen, [cube], tmp_path / name), CellState)[-1])
    assert states[0] == states[1] != states[2]


def test_the_minutes_are_kept_and_shared(recipe, cube, tmp_path):
    timed = recipe.model_copy(
        update={
            "minutes": 0.05,
            "search_share": 0.7,
            "search_steps": None,
            "training_steps": None,
        }
    )
    list(search(timed, [cube], tmp_path / "run"))
    searched = checkpoint.load(tmp_path / "run" / SEARCH)[0].seconds
    trained = checkpoint.load(tmp_path / "run" / LAST)[0].seconds
    # Never less than asked for, and more by a step at most, which here is well below a second.
    assert searched >= 2.1 - 0.01
    assert trained >= 0.9 - 0.01


def test_a_known_cell_is_only_trained(recipe, cube, tmp_path):
    known = recipe.model_copy(update={"genotype": STAS_P})
    events = list(search(known, [cube], tmp_path / "run"))
    assert not of(events, CellState)
    entry = record("mine")
    assert entry.spec.genotype.nodes == STAS_P.nodes
    assert entry.purpose == f"The cell stas_p, trained on {cube.name}."
    assert [note.message for note in of(events, Note)] == [entry.remark]
    assert not (tmp_path / "run" / SEARCH).exists()


def test_killing_the_process_loses_no_file(recipe, tmp_path):
    endless = recipe.model_copy(update={"search_steps": 10**6, "minutes": 10**6})
    code = (
        "import sys, pathlib\n"
        "from napari_hsi_restore.scene import demo_scene\n"
        "from napari_hsi_restore.search import SearchRecipe, search, run\n"
        "from napari_hsi_restore.events import Metric\n"
        "run.CHECKPOINT_EVERY_S = 0.0\n"
        "recipe = SearchRecipe.model_validate_json(sys.argv[1])\n"
        "cubes = [demo_scene(size=72, bands=10, seed=1)]\n"
        "for event in search(recipe, cubes, pathlib.Path(sys.argv[2])):\n"
        "    if isinstance(event, Metric):\n"
        "        print(event.step, flush=True)\n"
    )
    command = [sys.executable, "-c", code, endless.model_dump_json(), str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 10:
            break
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    state, tensors = checkpoint.load(tmp_path / "run" / SEARCH)
    assert state.step >= 9
    assert all(torch.isfinite(t).all() for t in tensors.values())
    if (tmp_path / "run" / BEST).exists():
        assert keep(tmp_path / "run") is not None


def test_a_noisy_cube_is_denoised_first_and_it_is_said(recipe, tmp_path):
    noisy = demo_scene(size=72, bands=10, seed=1)
    rng = np.random.default_rng(0)
    white = float(noisy.array().max())
    data = noisy.array() + 0.05 * white * rng.standard_normal(noisy.shape)
    noisy = noisy.replace(data=data.astype(np.float32), white_level=white)
    events = list(search(recipe, [noisy], tmp_path / "run"))
    notes = [note.message for note in of(events, Note)]
    assert any("is itself noisy (about sigma 13" in note for note in notes)
    clean = demo_scene(size=72, bands=10, seed=1).array() / white
    target = np.load(of(events, Snapshot)[-1].path)["reference"]
    rows, columns = target.shape[1:]
    # The held-out part is the end of the longer side.
    truth = clean[:, -rows:, :columns]
    assert np.sqrt(np.mean((target - truth) ** 2)) < 0.03


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "stas_c"}, "'stas_c' exists already"),
        ({"name": "../out"}, "cannot name a model"),
    ],
)
def test_a_wrong_name_is_refused(recipe, cube, tmp_path, change, message):
    with pytest.raises(UserError, match=message):
        list(search(recipe.model_copy(update=change), [cube], tmp_path / "run"))
    assert not [entry for entry in list_models() if not entry.bundled]


def test_wrong_cubes_are_refused(recipe, cube, tmp_path):
    with pytest.raises(UserError, match="bands"):
        list(search(recipe, [cube, demo_scene(size=72, bands=12)], tmp_path / "a"))
    small = cube.crop(slice(0, 10), slice(0, 10))
    with pytest.raises(UserError, match="too few pixels"):
        list(search(recipe, [small], tmp_path / "b"))
    with pytest.raises(UserError, match="at least one"):
        list(search(recipe, [], tmp_path / "c"))


def test_a_run_is_not_overwritten_and_not_mixed_with_another(recipe, cube, tmp_path):
    list(search(recipe, [cube], tmp_path / "run"))
    other = recipe.model_copy(update={"name": "other"})
    with pytest.raises(UserError, match="a run lies there already"):
        list(search(other, [cube], tmp_path / "run"))
    wider = recipe.model_copy(update={"width": 16})
    with pytest.raises(UserError, match="other settings"):
        list(search(wider, [cube], tmp_path / "run", resume=True))


def test_a_batch_that_does_not_fit_is_halved(recipe, cube, tmp_path, monkeypatch):
    larger = recipe.model_copy(update={"patches": 2})
    real = Search.theta_step
    calls = []

    def tight(self, step, share):
        calls.append(self.batch_size)
        if self.batch_size > 2:
            raise torch.OutOfMemoryError("none left")
        return (yield from real(self, step, share))

    monkeypatch.setattr(Search, "theta_step", tight)
    notes = [e.message for e in of(search(larger, [cube], tmp_path / "run"), Note)]
    assert calls[:2] == [4, 2]
    assert "Out of memory: a batch now has 2 patches." in notes


def test_a_device_that_is_not_there_and_memory_for_nothing_are_said(
    recipe, cube, tmp_path, monkeypatch
):
    with pytest.raises(UserError, match="device 'cuda:7' is not on this machine"):
        list(search(recipe.model_copy(update={"device": "cuda:7"}), [cube], tmp_path / "run"))

    def nothing(self, step, share):
        raise torch.OutOfMemoryError("none left")

    monkeypatch.setattr(Search, "theta_step", nothing)
    with pytest.raises(UserError, match="does not suffice for a single patch"):
        list(search(recipe, [cube], tmp_path / "run"))


def test_the_gradient_of_a_region_is_that_of_the_batch(recipe, cube):
    settings = recipe.model_copy(update={"crops": 2, "patches": 2}).training(STAS_P)
    learner = Found(settings, [cube.array().astype(np.float32)], None)
    network = learner.network()
    torch.nn.init.normal_(network.conv3.conv.weight, std=0.1)
    learner.loss(network, 3).backward()
    whole = [weight.grad.clone() for weight in network.parameters()]
    network.zero_grad()
    from napari_hsi_restore.training.losses import whitened_error

    for region in regions(learner.batch(3)):
        (whitened_error(network(region.noisy, region.level), region) / 2).backward()
    for weight, expected in zip(network.parameters(), whole, strict=True):
        torch.testing.assert_close(weight.grad, expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("form", "precision"),
    [("single-path", "32-true"), ("full", "32-true"), ("full", "bf16-mixed")],
)
def test_the_search_follows_what_differs(recipe, cube, form, precision):
    """With costs alone the cheapest operation must win, in both forms."""
    chosen = recipe.model_copy(update={"form": form, "cost_weight": 1e4, "travel": 0.3})
    crew = alone("cpu", precision)
    search_ = Search(chosen, halve([cube.array().astype(np.float32)]), crew)
    before = search_.expected_cost()
    for step in range(8):
        for _ in search_.theta_step(step, 0.5):
            pass
        for _ in search_.alpha_step(step, 1.0):
            pass
    assert search_.expected_cost() < before
    chosen_names = {PAIRS[node][choice][1] for node, choice in enumerate(search_.path())}
    assert {OPERATIONS[name].kind for name in chosen_names} == {"spectral"}


def test_a_better_path_gains_weight(recipe, cube, monkeypatch):
    """The score function must prefer what has the smaller error."""
    chosen = recipe.model_copy(update={"paths": 4, "travel": 0.1})
    search_ = Search(chosen, halve([cube.array().astype(np.float32)]), alone("cpu", "32-true"))
    monkeypatch.setattr(
        search_, "_log_error", lambda path, batch: torch.tensor(0.0 if path[0] == 3 else 1.0)
    )
    for step in range(60):
        for _ in search_.alpha_step(step, 1.0):
            pass
    weights = search_.weights()
    assert int(weights[0].argmax()) == 3
    assert float(weights[0][3]) > 0.5


def test_settings_are_whole_and_checked():
    recipe = SearchRecipe(name="x")
    assert SearchRecipe.model_validate_json(recipe.model_dump_json()) == recipe
    assert recipe.search_seconds + recipe.training_seconds == pytest.approx(60 * recipe.minutes)
    with pytest.raises(ValueError, match="multiple of 4"):
        SearchRecipe(name="x", width=18)
    with pytest.raises(ValueError, match="widht"):
        SearchRecipe.model_validate(json.loads('{"name": "x", "widht": 8}'))
