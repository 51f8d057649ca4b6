"""Training networks that enlarge, for real, on a tiny generated set."""

from importlib import resources

import numpy as np
import pytest
import skimage.data
import skimage.io
import torch
from safetensors.torch import load_file

from benchmarks.models_table import table
from make.runs import assert_two_parts_are_one
from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Metric
from napari_hsi_restore.io import write
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.spec import CoarSRSpec, EigenSRSpec
from napari_hsi_restore.restore import SuperresRecipe, enlarge
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.training import checkpoint, cubes, pictures
from napari_hsi_restore.training.bundle import bundle
from napari_hsi_restore.training.colours import between
from napari_hsi_restore.training.loop import train
from napari_hsi_restore.training.pairs import PairSource
from napari_hsi_restore.training.photographs import prepare, read
from napari_hsi_restore.training.recipe import BlurMix, SuperresTraining, load_recipe
from napari_hsi_restore.training.run_files import BEST, LAST
from napari_hsi_restore.training.scenes import scenes_of
from napari_hsi_restore.zoo import load
from napari_hsi_restore.zoo.composed import members_of
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE, record

RECIPES = resources.files("napari_hsi_restore.training") / "recipes"
NETWORKS = {
    "coarsr": CoarSRSpec(scale=2, width=4),
    "eigensr": EigenSRSpec(scale=2, width=8, blocks=2, components=4),
}
BOTH = pytest.mark.parametrize("kind", NETWORKS)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    for split, seed in (("train", 1), ("validation", 2), ("test", 3)):
        (root / split).mkdir()
        write(demo_scene(size=64, bands=12, seed=seed), root / split / "scene.npy")
    return root


@pytest.fixture(scope="module")
def photographs(data):
    """Photographs made ready: all but one of them are left out."""
    folder, rng = data / "as they came", np.random.default_rng(0)
    stones = rng.integers(0, 256, (90, 120, 3)) * np.linspace(0.1, 1, 120)[:, None]
    large = np.kron(stones, np.ones((2, 2, 1))).astype(np.uint8)
    for name, picture in {
        "a/stones.png": large,
        "b/again.jpg": large,
        "b/sky.png": np.full_like(large, 90),
        "b/small.png": large[:60, :60],
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        skimage.io.imsave(folder / name, picture, check_contrast=False)
    (folder / "b" / "broken.jpg").write_bytes(b"no picture")
    *_, last = prepare(folder, data / "photographs", 80)
    assert last == (5, 5, 1)
    return data / "photographs"


def recipe_of(kind, **changes):
    settings = {
        "name": f"tiny_{kind}",
        "purpose": "A test.",
        "network": NETWORKS[kind],
        "train": ("train/*.npy",),
        "validation": ("validation/*.npy",),
        "patch": 12,
        "batch": 3,
        "bands": 5,
        "steps": 6,
        "warmup": 2,
        "precision": "32-true",
        "check_every": 3,
        "seed": 7,
        **changes,
    }
    return SuperresTraining(**settings)


@pytest.fixture(scope="module")
def scene():
    return demo_scene(size=64, bands=12).array().astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "loss"), [("coarsr", "l1"), ("eigensr", "relative"), ("eigensr", "relative_squared")]
)
def test_training_gains_over_bicubic(kind, loss, data, tmp_path):
    recipe = recipe_of(kind, steps=100, check_every=100, batch=4, learning_rate=5e-3, loss=loss)
    events = list(train(recipe, data, tmp_path, device="cpu"))
    scores = {e.name: e.value for e in events if isinstance(e, Metric)}
    assert scores["gain_mean"] > 0.1
    assert isinstance(events[-1], Done)
    assert checkpoint.load(tmp_path / LAST)[0].best == pytest.approx(scores["gain_mean"])


@BOTH
def test_two_parts_give_the_same_weights_as_one(kind, data, tmp_path):
    assert_two_parts_are_one(recipe_of(kind), data, tmp_path, "gain_mean")


def test_photographs_give_their_share_of_the_patches(data, photographs, tmp_path):
    [file] = photographs.iterdir()
    [picture] = read([file])
    assert picture.shape == (3, 60, 80)
    assert 0 <= picture.min() < picture.mean() < picture.max() <= 1
    recipe = recipe_of("eigensr", photographs=("photographs/*.png",), photograph_share=0.25)
    scenes = scenes_of(cubes.load([data / "train" / "scene.npy"]), recipe)
    source = PairSource(scenes, recipe, scenes_of([picture], recipe, (1.0,)))
    weights = torch.cat([source.draw(step).weight for step in range(200)])
    # Three colours have three components, the scene has four.
    assert (weights[:, 3] == 0).float().mean() == pytest.approx(0.25, abs=0.06)
    list(train(recipe, data, tmp_path / "run", device="cpu"))
    record = bundle(tmp_path / "run", data, tmp_path / "models", "a test machine")
    assert record.provenance.data == ("train/scene.npy", f"photographs/{file.name}")
    assert "1 cubes and 1 photographs" in table([record])
    kept = bundle(tmp_path / "run", data, tmp_path / "last", "a test machine", last=True)
    weights = load_file(tmp_path / "last" / f"{kept.name}.safetensors")
    expected = checkpoint.averaged(checkpoint.load(tmp_path / "run" / LAST)[1])
    assert {name: each.half() for name, each in expected.items()}.keys() == weights.keys()
    assert all(torch.equal(weights[name], each.half()) for name, each in expected.items())


def test_a_network_along_bands_sees_bands_between_the_colours_of_a_photograph(
    data, photographs, tmp_path
):
    [picture] = read(photographs.iterdir())
    patterns = ("photographs/*.png",)
    recipe = recipe_of("coarsr", photographs=patterns, photograph_share=1, bands=6, patch=8)
    scenes = scenes_of(cubes.load([data / "train" / "scene.npy"]), recipe)
    source = PairSource(scenes, recipe, scenes_of([picture], recipe, (1.0,), colours=True))
    pairs = source.draw(0)
    assert pairs.low.shape == (recipe.batch, 6, 5, 8, 8)
    assert pairs.weight.shape == (recipe.batch, 6)
    for truth in pairs.truth:
        # Six bands, of which each is a mixture of two colours next to each other.
        values = torch.linalg.svdvals(truth.flatten(1))
        assert values[3] < 1e-4 * values[0]
        assert not torch.equal(truth[0], truth[1])
        assert truth.min() >= 0
    list(train(recipe, data, tmp_path / "run", device="cpu"))
    record = bundle(tmp_path / "run", data, tmp_path / "models", "a test machine")
    assert record.provenance.data == ("train/scene.npy", "photographs/0000.png")


@pytest.mark.parametrize("colours", [1, 3])
def test_bands_are_mixed_of_the_colours_beside_them(colours):
    rng = np.random.default_rng(3)
    runs = [between(colours, 9, rng) for _ in range(200)]
    for run in runs:
        assert run.shape == (9, colours)
        np.testing.assert_allclose(run.sum(axis=1), 1, rtol=1e-6)
        assert (run > 0).sum(axis=1).max() <= 2
        places = np.diff(run @ np.arange(colours))
        assert (places >= -1e-6).all() or (places <= 1e-6).all()
    # All colours are seen, and runs go either way.
    assert (np.mean(runs, axis=(0, 1)) > 0.1).all()
    if colours > 1:
        assert 60 < sum(run[-1, 0] < run[0, 0] for run in runs) < 140


def test_photographs_that_cannot_be_used_are_refused(data, photographs, tmp_path):
    with pytest.raises(UserError, match="no pictures are there; name a folder"):
        list(prepare(tmp_path, tmp_path / "out", 80))
    (tmp_path / "short.png").write_bytes((photographs / "0000.png").read_bytes()[:50])
    with pytest.raises(UserError, match=r"short\.png: this is no picture that can be read"):
        list(read([tmp_path / "short.png"]))
    skimage.io.imsave(tmp_path / "grey.png", np.eye(60, dtype=np.uint8), check_contrast=False)
    with pytest.raises(UserError, match=r"grey\.png: this is no picture with 8 bits of three"):
        list(read([tmp_path / "grey.png"]))
    with pytest.raises(UserError, match="finds no cube there"):
        list(train(recipe_of("eigensr", photographs=("none/*.png",)), data, tmp_path / "run"))


def test_a_run_does_not_go_on_as_another_task(data, tmp_path):
    list(train(recipe_of("eigensr"), data, tmp_path, device="cpu"))
    with pytest.raises(UserError, match="belongs to another recipe"):
        list(train(recipe_of("coarsr"), data, tmp_path, resume=True, device="cpu"))


def test_nothing_below_test_is_read(data, tmp_path):
    with pytest.raises(UserError, match="training and validation never read them"):
        list(train(recipe_of("coarsr", train=("*/*.npy",)), data, tmp_path, device="cpu"))


@BOTH
def test_a_run_becomes_a_model_that_enlarges(kind, data, tmp_path, monkeypatch):
    list(train(recipe_of(kind), data, tmp_path / "run", device="cpu"))
    record = bundle(tmp_path / "run", data, tmp_path / "models", "a test machine")
    assert record.task == "superres"
    assert record.scale == 2
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    network, same = load(record.name)
    assert same.sha256 == record.sha256
    assert sum(weight.numel() for weight in network.parameters()) == record.parameters
    result = enlarge(demo_scene(size=32, bands=6), SuperresRecipe(scale=2, model=record.name))
    assert result.shape == (6, 64, 64)


@BOTH
def test_batches_are_repeatable(kind, scene):
    recipe = recipe_of(kind)
    source = PairSource(scenes_of([scene], recipe), recipe)
    one, two = source.draw(5), source.draw(5)
    assert torch.equal(one.low, two.low)
    assert torch.equal(one.truth, two.truth)
    assert not torch.equal(one.low, source.draw(6).low)


@pytest.mark.parametrize("scale", [2, 4])
def test_the_shrunk_patch_is_the_shrunk_truth(scene, scale):
    """Far from the rim of the patch, where the rest of the cube is not seen."""
    network = CoarSRSpec(scale=scale, width=4)
    recipe = recipe_of("coarsr", network=network, patch=16, blur=BlurMix(psf=0.0))
    pairs = PairSource(scenes_of([scene], recipe), recipe).draw(0)
    expected = resize_bicubic(pairs.truth[0].numpy(), scale=1 / scale)
    inner = (slice(None), slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(pairs.low[0, :, 0].numpy()[inner], expected[inner], atol=1e-5)


def test_point_spread_functions_of_a_range_are_drawn(scene):
    plain = recipe_of("coarsr", blur=BlurMix(psf=0.0), batch=12)
    wide = recipe_of("coarsr", blur=BlurMix(psf=1.0, narrowest=0.5, widest=1.2), batch=12)
    scenes = scenes_of([scene], plain)
    sharp, soft = (PairSource(scenes, recipe).draw(1).low for recipe in (plain, wide))
    ratios = soft[:, :, 0].std(dim=(1, 2, 3)) / sharp[:, :, 0].std(dim=(1, 2, 3))
    assert (ratios < 1).all()
    assert ratios.max() - ratios.min() > 0.01


def test_neighbours_are_those_of_the_cube_or_of_an_end():
    ramp = np.broadcast_to(np.arange(30, dtype=np.float32)[:, None, None], (30, 48, 48)) / 100
    recipe = recipe_of("coarsr", blur=BlurMix(psf=0.0), batch=1, scales=(1.0,))
    source = PairSource(scenes_of([np.ascontiguousarray(ramp)], recipe), recipe)
    rows = torch.cat([source.draw(step).low[0, :, :, 6, 6] for step in range(20)])
    steps = torch.round((rows - rows[:, :1]) * 100).int().tolist()
    assert [0, -1, 1, -2, 2] in steps
    assert [0, 1, 2, 3, 4] in steps


def test_components_weigh_as_they_count_in_the_bands(scene):
    recipe = recipe_of("eigensr", views=1, scales=(1.0,), blur=BlurMix(psf=0.0))
    [view] = scenes_of([scene], recipe)
    assert view.images[:, 8:-8, 8:-8].std(dim=(1, 2)).tolist() == pytest.approx([1] * 4, abs=0.2)
    assert (view.weight[:-1] >= view.weight[1:]).all()
    total = float(np.sqrt(np.mean(np.var(scene, axis=(1, 2)))))
    assert float(view.weight.square().sum().sqrt()) == pytest.approx(total, rel=0.05)


def test_a_cube_smaller_than_a_patch_is_mirrored(scene):
    recipe = recipe_of("eigensr", patch=40, batch=1)
    pairs = PairSource(scenes_of([scene[:, :20, :30]], recipe), recipe).draw(0)
    assert pairs.truth.shape == (1, 4, 80, 80)


@BOTH
@pytest.mark.parametrize("shape", [(120, 120), (119, 122)])
def test_detail_draws_its_share_of_the_patches(kind, shape):
    """All detail is in one of hundreds of places; the rest of the cube is flat."""
    cube = np.full((6, *shape), 0.25, dtype=np.float32)
    noise = np.random.default_rng(0).random((6, 8, 8), dtype=np.float32)
    cube[:, 90:98, 4:12] = noise
    shares = []
    for share in (0.0, 0.5, 1.0):
        recipe = recipe_of(kind, detail_share=share, views=1, scales=(1.0,), batch=20)
        source = PairSource(scenes_of([cube], recipe), recipe)
        truth = torch.cat([source.draw(step).truth for step in range(20)])
        shares.append(float((truth.std(dim=(2, 3)).amax(dim=1) > 1e-4).float().mean()))
    assert shares[0] < 0.2
    assert shares[1] == pytest.approx((shares[0] + shares[2]) / 2, abs=0.1)
    # The error reaches a few pixels beyond the detail: a patch may have only that.
    assert shares[2] > 0.9


def test_detail_of_a_flat_cube_is_anywhere():
    recipe = recipe_of("coarsr", detail_share=1.0, scales=(1.0,))
    ramp = np.broadcast_to(np.arange(60, dtype=np.float32) / 60, (6, 60, 60))
    flat = np.full((6, 60, 60), 0.5, dtype=np.float32)
    [scene] = scenes_of([flat], recipe)
    places = {scene.places.draw(np.random.default_rng(seed)) for seed in range(50)}
    assert len(places) > 30
    pairs = PairSource(scenes_of([ramp.copy()], recipe), recipe).draw(0)
    assert torch.isfinite(pairs.low).all()


def test_stages_go_on_from_the_run_of_one(data, tmp_path):
    one = recipe_of("eigensr")
    list(train(one, data, tmp_path / "one", device="cpu"))
    stages = one.network.model_copy(update={"scale": 4, "stages": 2})
    both = recipe_of("eigensr", network=stages, start=str(tmp_path / "one"))
    list(train(both, data, tmp_path / "both", device="cpu"))
    record = bundle(tmp_path / "both", data, tmp_path / "models", "a test machine")
    assert record.scale == 4
    assert record.provenance.before.recipe["network"]["scale"] == 2
    assert f"for {2 * one.steps} steps on 1 cubes" in table([record])
    wrong = recipe_of("coarsr", start=str(tmp_path / "one"))
    with pytest.raises(UserError, match="of another network"):
        list(train(wrong, data, tmp_path / "wrong", device="cpu"))


def test_a_larger_scale_goes_on_from_the_run_of_a_smaller_one(data, tmp_path):
    small = recipe_of("coarsr")
    list(train(small, data, tmp_path / "small", device="cpu"))
    network = small.network.model_copy(update={"scale": 4})
    large = recipe_of("coarsr", network=network, patch=8, start=str(tmp_path / "small"), steps=0)
    list(train(large, data, tmp_path / "large", device="cpu"))
    begun, own = (load_file(tmp_path / name / BEST) for name in ("small", "large"))
    for name, tensor in begun.items():
        torch.testing.assert_close(own[name], tensor)


@BOTH
def test_pictures_are_learned_from_beside_the_cubes(kind, data, tmp_path):
    recipe = recipe_of(kind, pictures=("cat", "brick"), steps=2)
    list(train(recipe, data, tmp_path / "run", device="cpu"))
    record = bundle(tmp_path / "run", data, tmp_path / "models", "a test machine")
    assert record.provenance.data == ("train/scene.npy", "scikit-image/cat", "scikit-image/brick")
    assert "scikit-image" in record.provenance.citations[0]


def test_a_photograph_is_proportional_to_light():
    [colour, grey] = pictures.load(("cat", "brick"))
    assert (len(colour), len(grey)) == (3, 1)
    shown = skimage.data.cat()[..., 1] / 255
    assert colour[1].mean() == pytest.approx((shown**2.2).mean(), rel=0.01)


def test_pictures_that_cannot_be_used_are_named(data, tmp_path):
    with pytest.raises(UserError, match="'mona_lisa' is none of astronaut"):
        list(train(recipe_of("eigensr", pictures=("mona_lisa",)), data, tmp_path, device="cpu"))


@pytest.mark.parametrize(
    "name",
    [
        "coarsr_x2",
        "coarsr_x2_detail",
        "coarsr_x2_narrow",
        "coarsr_x2_photographs",
        "coarsr_x4",
        "coarsr_x4_from_x2",
        "coarsr_x4_narrow",
        "coarsr_x4_photographs",
        "coarsr_x4_published",
        "coarsr_x4_wider",
        "eigensr_x2",
        "eigensr_x2_on",
        "eigensr_x2_photographs",
        "eigensr_x4",
        "eigensr_x4_cascade",
        "eigensr_x4_photographs",
    ],
)
def test_committed_recipes_are_whole(name, shared_data):
    recipe = load_recipe(RECIPES / f"{name}.json")
    assert isinstance(recipe, SuperresTraining)
    assert name.startswith(recipe.name)
    assert recipe.network.scale == int(name[name.index("_x") + 2])
    build(recipe.network)
    files = cubes.find(shared_data, (*recipe.train, *recipe.validation))
    assert not any("test" in file.relative_to(shared_data).parts for file in files)


@pytest.mark.parametrize(
    "name",
    ["coarsr_x2_photographs", "coarsr_x4_published", "eigensr_x2_on", "eigensr_x4_photographs"],
)
def test_the_bundled_weights_are_those_of_a_committed_recipe(name):
    recipe = load_recipe(RECIPES / f"{name}.json")
    made_with = record(recipe.name).provenance
    assert SuperresTraining(**made_with.recipe) == recipe
    assert made_with.steps == recipe.steps


@pytest.mark.parametrize(
    ("name", "how", "members"),
    [
        ("coarsr_eigensr_x2", "mean_of", ["coarsr_x2", "eigensr_x2"]),
        ("coarsr_eigensr_x4", "mean_of", ["coarsr_x4", "eigensr_x4"]),
        ("eigensr_x8", "row_of", ["eigensr_x4", "eigensr_x2"]),
    ],
)
def test_bundled_models_of_others_are_made_of_the_bundled_ones(name, how, members):
    made_of = record(name)
    assert list(made_of.provenance.recipe) == [how]
    assert members_of(made_of) == [(each, record(each).sha256) for each in members]
