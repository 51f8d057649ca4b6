"""Models that give the mean of others."""

import numpy as np
import pytest
from safetensors.torch import load_file
from typer.testing import CliRunner

import napari_hsi_restore as hsr
from make.models import own_library, store_model
from napari_hsi_restore import zoo
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import CoarSRSpec, EigenSRSpec
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.training.finetune import FineTuneRecipe
from napari_hsi_restore.training.finetune.run import finetune
from napari_hsi_restore.training.mean import app, mean_of
from napari_hsi_restore.zoo import library, records


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = own_library(tmp_path, monkeypatch) / "models"
    store_model(folder, "bands", CoarSRSpec(scale=2, width=4))
    store_model(folder, "images", EigenSRSpec(scale=2, width=4, blocks=1, components=3))
    store_model(folder, "large", EigenSRSpec(scale=4, width=4, blocks=1, components=3))
    return folder


def test_the_command_writes_a_model_that_says_whose_mean_it_is(models):
    words = ["bands", "images", "--name", "both", "--folder", str(models)]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    record = records.record("both")
    bands, images = records.record("bands"), records.record("images")
    assert record.provenance.recipe == {"mean_of": {"bands": bands.sha256, "images": images.sha256}}
    assert record.parameters == bands.parameters + images.parameters
    assert record.steps == bands.steps + images.steps
    cube = demo_scene(size=24, bands=5)
    one, other, both = (
        hsr.superres(cube, scale=2, model=name, fine="none", ensemble=False).array()
        for name in ("bands", "images", "both")
    )
    np.testing.assert_allclose(both, (one + other) / 2, atol=1e-5)


@pytest.mark.parametrize(
    "names", [["bands"], ["bands", "large"], ["tiny", "tiny"], ["images"] * 5], ids=" ".join
)
def test_what_has_no_mean_is_refused_in_a_sentence(models, names):
    words = [*names, "--name", "both", "--folder", str(models)]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 1
    assert "two to four networks that enlarge by the same scale" in " ".join(said.stderr.split())
    assert not (models / "both.json").exists()


def test_a_mean_can_be_given_away_but_not_fine_tuned(models, tmp_path):
    mean_of(["bands", "images"], "both", models)
    path = library.export("both", tmp_path / "given")
    library.import_model(path, "theirs")
    given = load_file(models / "theirs.safetensors")
    network, _ = zoo.load("both")
    assert given.keys() == network.state_dict().keys()
    library.remove("bands")
    with pytest.raises(UserError, match="model 'bands' is not known"):
        zoo.load("both")
    assert zoo.load("theirs")[1].spec == records.record("both").spec
    store_model(models, "bands", CoarSRSpec(scale=2, width=4))
    recipe = FineTuneRecipe(name="mine", start="both", method="degraded")
    with pytest.raises(UserError, match="mean of several networks") as refusal:
        list(finetune(recipe, [demo_scene(size=48, bands=5)], None, tmp_path / "run"))
    assert "bands, images" in str(refusal.value)
