"""Training the network that looks over what ngmeet removed, on a tiny generated set."""

from importlib import resources

import numpy as np
import pytest
from pydantic import ValidationError

from make.runs import assert_two_parts_are_one
from napari_hsi_restore.classical.ngmeet import axes_of, ngmeet, turned
from napari_hsi_restore.classical.refined import DRAFT_NETWORK
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Metric
from napari_hsi_restore.io import write
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.training import pilots
from napari_hsi_restore.training.bundle import bundle
from napari_hsi_restore.training.loop import train
from napari_hsi_restore.training.recipe import NoiseMix, RefinerTraining, load_recipe
from napari_hsi_restore.zoo import records
from napari_hsi_restore.zoo.loading import load


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for split, seed in (("train", 1), ("validation", 2), ("test", 3)):
        (root / split).mkdir()
        write(demo_scene(size=48, bands=8, seed=seed), root / split / "scene.npy")
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("pilots")


def recipe_of(folder, **changes):
    settings = {
        "name": "tiny_refiner",
        "purpose": "A test.",
        "network": {"widths": (8, 8), "blocks": (1, 1)},
        "train": ("train/*.npy",),
        "validation": ("validation/*.npy",),
        "pilots": str(folder),
        "draws": 2,
        "side": 40,
        "patch": 24,
        "batch": 2,
        "chosen": 2,
        "noise": NoiseMix(lowest=10, highest=60),
        "steps": 6,
        "warmup": 2,
        "precision": "32-true",
        "check_every": 3,
        **changes,
    }
    return RefinerTraining(**settings)


def test_it_learns_from_pilots_that_are_made_once(data, folder, tmp_path):
    recipe = recipe_of(folder, steps=150, check_every=150, learning_rate=3e-3)
    events = list(train(recipe, data, tmp_path / "run", device="cpu"))
    gains = {event.name: event.value for event in events if isinstance(event, Metric)}
    assert gains["gain_mean"] > 0
    made = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert pilots.path_of(folder, "scene", 1) in made
    list(train(recipe_of(folder), data, tmp_path / "again", device="cpu"))
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == made


def test_a_pilot_is_what_it_says(data, folder):
    [source] = pilots.sources(recipe_of(folder), data)
    pilot = pilots.make(source, 0, 0.0)
    assert pilot.removed.shape == pilot.error.shape == pilot.estimate.shape
    noise = np.asarray(pilot.removed - pilot.error)
    assert noise.std() == pytest.approx(1.0, abs=0.05)
    assert np.mean(np.square(pilot.error)) < 0.5
    energy = np.square(pilot.estimate).mean(axis=(1, 2))
    assert (energy[:-1] >= 0.999 * energy[1:]).all()
    same = pilots.make(source, 0, 0.0)
    np.testing.assert_allclose(same.estimate, pilot.estimate, atol=1e-3)


def test_two_parts_give_the_same_weights_as_one(data, folder, tmp_path):
    assert_two_parts_are_one(recipe_of(folder), data, tmp_path, "gain_mean")


def test_a_run_goes_on_with_more_draws(data, folder, tmp_path):
    list(train(recipe_of(folder, steps=2), data, tmp_path, device="cpu"))
    more = recipe_of(folder, draws=3)
    list(train(more, data, tmp_path, resume=True, device="cpu"))
    assert pilots.path_of(folder, "scene", 2).exists()


def test_a_larger_network_begins_with_a_smaller_one(data, folder, tmp_path):
    network = {"widths": (8, 8, 8), "blocks": (1, 2, 1)}
    larger = recipe_of(folder, network=network, start=str(tmp_path / "small"), steps=0)

    def best(recipe, name):
        events = train(recipe, data, tmp_path / name, resume=True, device="cpu")
        metrics = [event for event in events if isinstance(event, Metric)]
        return max(event.value for event in metrics if event.name == "gain_mean")

    small, large = best(recipe_of(folder, steps=9), "small"), best(larger, "large")
    assert large == pytest.approx(small, rel=1e-3)
    narrower = recipe_of(
        folder, network={"widths": (4,), "blocks": (1,)}, start=str(tmp_path / "small")
    )
    with pytest.raises(UserError, match="another network than the recipe's"):
        list(train(narrower, data, tmp_path / "narrow", device="cpu"))


def test_pilots_go_by_a_draft_that_a_network_looked_over(data, folder, tmp_path):
    with pytest.raises(UserError, match="model 'nothing' is not known"):
        list(train(recipe_of(tmp_path, drafts="nothing"), data, tmp_path / "run", device="cpu"))
    recipe = recipe_of(tmp_path, drafts=DRAFT_NETWORK)
    [source] = pilots.sources(recipe, data)
    plain = pilots.make(source, 0, 0.0)
    drafted = pilots.make(source, 0, 0.0, pilots.denoiser_of(recipe))
    noisy = [np.square(one.removed + one.estimate).sum() for one in (plain, drafted)]
    assert noisy[1] == pytest.approx(noisy[0], rel=0.01)
    assert np.std(drafted.error) != pytest.approx(np.std(plain.error), rel=1e-3)


def test_pilots_hold_the_draft_that_the_network_of_the_draft_gets(data, folder, tmp_path):
    with pytest.raises(ValidationError, match="one that no other network improved"):
        recipe_of(tmp_path, looks_over="draft", drafts=DRAFT_NETWORK)
    recipe = recipe_of(tmp_path, looks_over="draft")
    [source] = pilots.sources(recipe, data)
    pilot = pilots.make(source, 0, 0.0, pilots.denoiser_of(recipe))
    met = []

    def guided(components, strong):
        def improve(noisy, draft):
            axes = axes_of(draft, strong)
            met.append((turned(axes.T, noisy - draft), turned(axes.T, draft)))
            yield 1.0
            return draft

        return ngmeet(components, strong, improve)

    result = pilots.make(source, 0, 0.0, guided)
    [(removed, estimate)] = met
    np.testing.assert_allclose(np.abs(pilot.estimate), np.abs(estimate), atol=1e-3)
    np.testing.assert_allclose(np.abs(pilot.removed), np.abs(removed), atol=1e-3)
    assert np.std(pilot.error) != pytest.approx(np.std(result.error), rel=1e-3)


def test_nothing_below_test_is_read(data, folder, tmp_path):
    with pytest.raises(UserError, match="training and validation never read them"):
        list(train(recipe_of(folder, train=("*/*.npy",)), data, tmp_path, device="cpu"))


def test_a_run_becomes_a_part_of_a_method(data, folder, tmp_path, monkeypatch):
    recipe = recipe_of(folder, pictures=("cat",), picture_side=40, draws=1)
    list(train(recipe, data, tmp_path / "run", device="cpu"))
    record = bundle(tmp_path / "run", data, tmp_path / "models", "a test machine")
    assert record.task == "refine"
    assert record.provenance.data == ("train/scene.npy", "scikit-image/cat")
    monkeypatch.setenv(records.FOLDER_VARIABLE, str(tmp_path / "models"))
    network, same = load(record.name)
    assert sum(weight.numel() for weight in network.parameters()) == same.parameters
    assert record.name not in {entry.name for entry in records.list_models()}
    assert record.name in {entry.name for entry in records.list_models("refine")}


@pytest.mark.parametrize(
    ("name", "before"), [("refiner", "refiner_draft"), ("refiner_draft", "refiner_small")]
)
def test_the_bundled_weights_are_those_of_the_committed_recipes(name, before):
    recipes = resources.files("napari_hsi_restore.training") / "recipes"
    recipe = load_recipe(recipes / f"{name}.json")
    assert RefinerTraining(**records.record(name).provenance.recipe) == recipe
    first = load_recipe(recipes / f"{before}.json")
    assert recipe.start == f"runs/{first.name}"
    assert recipe.drafts == {"refiner": DRAFT_NETWORK, "refiner_draft": None}[name]
    network = build(recipe.network)
    network.load_state_dict(network.begun(build(first.network).state_dict()))


def test_the_recipe_of_a_run_on_drafts_is_whole():
    recipes = resources.files("napari_hsi_restore.training") / "recipes"
    recipe, first = (
        load_recipe(recipes / f"{name}.json") for name in ("refiner_draft_on", "refiner_draft")
    )
    assert recipe.looks_over == "draft"
    assert recipe.start == f"runs/{first.name}"
    assert recipe.network == first.network
