"""Training for real, on a tiny generated set."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib import resources

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from make.runs import assert_two_parts_are_one
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Metric
from napari_hsi_restore.io import write
from napari_hsi_restore.models.basis import eigenbasis
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.search_space.genotype import STAS_C
from napari_hsi_restore.training import checkpoint, cubes
from napari_hsi_restore.training.bundle import bundle
from napari_hsi_restore.training.loop import train
from napari_hsi_restore.training.optimisers import optimisers_of
from napari_hsi_restore.training.patches import draw_batch, draw_sigma, moments
from napari_hsi_restore.training.recipe import NoiseMix, TrainingRecipe, load_recipe
from napari_hsi_restore.training.run_files import BEST, LAST
from napari_hsi_restore.training.tasks import task_of

RECIPES = resources.files("napari_hsi_restore.training") / "recipes"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for split, seed in (("train", 1), ("validation", 2), ("test", 3)):
        (root / split).mkdir()
        write(demo_scene(size=64, bands=12, seed=seed), root / split / "scene.npy")
    return root


@pytest.fixture
def recipe():
    return TrainingRecipe(
        name="tiny",
        purpose="A test.",
        genotype=STAS_C,
        width=8,
        train=("train/*.npy",),
        validation=("validation/*.npy",),
        crop=48,
        patch=24,
        steps=6,
        warmup=2,
        precision="32-true",
        check_every=3,
        seed=7,
    )


def finish(task):
    return list(task)


def test_training_lowers_the_loss_and_keeps_the_best(recipe, data, tmp_path):
    longer = recipe.model_copy(update={"steps": 60, "check_every": 20})
    events = finish(train(longer, data, tmp_path, device="cpu"))
    scores = [e.value for e in events if isinstance(e, Metric) and e.name == "psnr_mean"]
    assert scores[-1] > scores[0] - 0.5
    assert isinstance(events[-1], Done)
    assert checkpoint.load(tmp_path / LAST)[0].best == pytest.approx(max(scores))
    assert (tmp_path / BEST).is_file()


def test_two_parts_give_the_same_weights_as_one(recipe, data, tmp_path):
    assert_two_parts_are_one(recipe, data, tmp_path, "psnr_mean")


def test_muon_takes_the_inner_kernels_and_resumes_alike(recipe, data, tmp_path):
    muon = recipe.model_copy(update={"optimiser": "muon"})
    network = task_of(muon).network()
    # The last convolution begins at zero, and then no other one gets a gradient.
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    adam, inner = optimisers_of(network, muon)
    kernels = [parameter for parameter in network.parameters() if parameter.ndim >= 4]
    assert len(inner.param_groups[0]["params"]) == len(kernels) - 2
    network(torch.randn(1, 4, 16, 16), torch.ones(1, 4)).square().sum().backward()
    for optimiser in (adam, inner):
        optimiser.step()
    after = network.state_dict()
    assert sum(not torch.equal(before[name], after[name]) for name in after) > len(kernels) - 2
    assert_two_parts_are_one(muon, data, tmp_path, "psnr_mean")


def test_a_run_is_not_overwritten_and_not_mixed_with_another(recipe, data, tmp_path):
    finish(train(recipe, data, tmp_path, device="cpu"))
    with pytest.raises(UserError, match="a run lies there already"):
        finish(train(recipe, data, tmp_path, device="cpu"))
    other = recipe.model_copy(update={"width": 12})
    with pytest.raises(UserError, match="belongs to another recipe"):
        finish(train(other, data, tmp_path, resume=True, device="cpu"))


def test_nothing_below_test_is_read(recipe, data, tmp_path):
    cheat = recipe.model_copy(update={"train": ("*/*.npy",)})
    with pytest.raises(UserError, match="training and validation never read them"):
        finish(train(cheat, data, tmp_path, device="cpu"))
    with pytest.raises(UserError, match="finds no cube"):
        cubes.find(data, ("nothing/*.tif",))


def test_killing_the_process_loses_no_file(recipe, data, tmp_path):
    file = tmp_path / "recipe.json"
    file.write_text(recipe.model_copy(update={"steps": 100000, "check_every": 2}).model_dump_json())
    command = [sys.executable, "-m", "napari_hsi_restore.training", str(file)]
    command += ["--data", str(data), "--out", str(tmp_path / "run"), "--device", "cpu"]
    process = subprocess.Popen([*command, "--threads", "1"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line).get("name") == "psnr_mean":
            break
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(timeout=300) == 130
    assert checkpoint.load(tmp_path / "run" / LAST)[0].step >= 2
    again = subprocess.Popen([*command, "--resume"], stdout=subprocess.PIPE, text=True)
    time.sleep(6)
    again.kill()
    again.wait()
    state, tensors = checkpoint.load(tmp_path / "run" / LAST)
    assert state.step >= 2
    assert all(torch.isfinite(tensor).all() for tensor in tensors.values())


def test_a_truncated_checkpoint_is_named(recipe, data, tmp_path):
    finish(train(recipe, data, tmp_path, device="cpu"))
    path = tmp_path / LAST
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"last\.safetensors: not a checkpoint"):
        finish(train(recipe, data, tmp_path, resume=True, device="cpu"))


def test_a_run_can_begin_with_the_weights_of_another(recipe, data, tmp_path):
    first = tmp_path / "first"
    later = recipe.model_copy(update={"start": str(first), "learning_rate": 1e-9})
    with pytest.raises(UserError, match="no weights to begin with"):
        finish(train(later, data, tmp_path / "none", device="cpu"))
    finish(train(recipe, data, first, device="cpu"))
    finish(train(later, data, tmp_path / "second", device="cpu"))
    best, again = load_file(first / BEST), load_file(tmp_path / "second" / BEST)
    for name, tensor in best.items():
        torch.testing.assert_close(again[name], tensor, rtol=1e-4, atol=1e-6)
    record = bundle(tmp_path / "second", data, tmp_path / "models", "a test machine")
    assert record.provenance.before is not None
    assert record.provenance.before.steps == recipe.steps
    wider = later.model_copy(update={"width": 12})
    with pytest.raises(UserError, match="of another network"):
        finish(train(wider, data, tmp_path / "wider", device="cpu"))


def test_a_run_becomes_a_model(recipe, data, tmp_path, monkeypatch):
    finish(train(recipe, data, tmp_path / "run", device="cpu"))
    record = bundle(tmp_path / "run", data, tmp_path / "models", "a test machine")
    assert record.provenance.data == ("train/scene.npy",)
    monkeypatch.setenv("NAPARI_HSI_RESTORE_MODELS", str(tmp_path / "models"))
    from napari_hsi_restore.zoo import load

    network, _ = load("tiny")
    best = load_file(tmp_path / "run" / BEST)
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, best[name])


@pytest.mark.parametrize("name", ["stas_c", "stas_p"])
def test_committed_recipes_are_whole(name, shared_data):
    recipe = load_recipe(RECIPES / f"{name}.json")
    assert recipe.name == recipe.genotype.name == name
    files = cubes.find(shared_data, (*recipe.train, *recipe.validation))
    assert len(files) > 10
    assert not any("test" in file.relative_to(shared_data).parts for file in files)


def test_a_wrong_recipe_names_its_setting(tmp_path):
    path = tmp_path / "recipe.json"
    path.write_text('{"name": "x", "widht": 3}')
    with pytest.raises(UserError, match=r"recipe\.json: setting '"):
        load_recipe(path)
    with pytest.raises(UserError, match="cannot be read"):
        load_recipe(tmp_path / "absent.json")


def test_batches_are_repeatable_and_truly_noisy(recipe):
    scene = [demo_scene(size=64, bands=12).array().astype(np.float32)]
    one, two = draw_batch(scene, recipe, 5), draw_batch(scene, recipe, 5)
    assert torch.equal(one.noisy, two.noisy)
    assert not torch.equal(one.noisy, draw_batch(scene, recipe, 6).noisy)
    wide = recipe.model_copy(update={"patch": 48, "patches": 4})
    batch = draw_batch(scene, wide, 5)
    noise = (batch.noisy - batch.clean).square().mean(dim=(0, 2, 3)).sqrt()
    assert float(noise[0]) == pytest.approx(
        float(batch.level[:, 0].square().mean().sqrt()), rel=0.2
    )


def test_the_noise_mix_covers_its_range():
    mix = NoiseMix()
    rng = np.random.default_rng(0)
    drawn = np.concatenate([draw_sigma(mix, 31, rng) for _ in range(300)]) * 255
    assert drawn.min() < 3
    assert drawn.max() > 75


def test_the_basis_of_training_is_that_of_restoring():
    cube = demo_scene(size=48, bands=12).array().astype(np.float32)
    basis = eigenbasis(*moments(cube), np.full(12, 0.01), 48 * 48)
    assert basis.components >= 3
