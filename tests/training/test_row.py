"""Models of several EigenSR models in a row."""

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import napari_hsi_restore as hsr
from make.models import own_library, store_model
from napari_hsi_restore import zoo
from napari_hsi_restore.models.resampling import bicubic
from napari_hsi_restore.models.spec import CoarSRSpec, EigenSRSpec
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.training.row import app, row
from napari_hsi_restore.zoo import library, records


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = own_library(tmp_path, monkeypatch) / "models"
    store_model(folder, "bands", CoarSRSpec(scale=2, width=4))
    shape = {"width": 4, "blocks": 1, "components": 3}
    store_model(folder, "images", EigenSRSpec(scale=2, **shape), detail=0.1)
    store_model(folder, "stages", EigenSRSpec(scale=4, stages=2, **shape), detail=0.2)
    store_model(folder, "other", EigenSRSpec(scale=2, **shape | {"width": 5}))
    return folder


def made(names, models):
    said = CliRunner().invoke(app, [*names, "--name", "more", "--folder", str(models)])
    assert said.exit_code == 0, said.output
    return records.record("more")


@pytest.mark.parametrize(
    "names", [["images"] * 2, ["images", "stages"], ["stages", "images"]], ids=" ".join
)
@torch.inference_mode()
def test_networks_of_eigenimages_enlarge_what_the_one_before_gave(models, names):
    record = made(names, models)
    members = [records.record(name) for name in names]
    assert record.provenance.recipe == {"row_of": [[each.name, each.sha256] for each in members]}
    assert record.scale == np.prod([each.scale for each in members])
    if len(set(names)) == 2:
        assert record.parameters == sum(each.parameters for each in members)
        assert record.steps == sum(each.steps for each in members)
    images = enlarged = torch.rand(1, 3, 9, 8)
    for name, each in zip(names, members, strict=True):
        enlarged = bicubic(enlarged, each.scale) + zoo.load(name)[0](enlarged)
    found = bicubic(images, record.scale) + zoo.load("more")[0](images)
    torch.testing.assert_close(found, enlarged, atol=1e-4, rtol=0)
    assert (found - bicubic(images, record.scale)).std() > 0.1
    side = 16 * record.scale
    result = hsr.superres(demo_scene(size=16, bands=5), scale=record.scale, model="more")
    assert result.shape == (5, side, side)


@pytest.mark.parametrize(
    "names",
    [
        ["images"],
        ["bands", "bands"],
        ["images", "other"],
        ["bands", "images"],
        ["stages", "stages"],
    ],
    ids=" ".join,
)
def test_what_cannot_stand_in_a_row_is_refused_in_a_sentence(models, names):
    said = CliRunner().invoke(app, [*names, "--name", "more", "--folder", str(models)])
    assert said.exit_code == 1
    assert "in a row stand EigenSR models" in " ".join(said.stderr.split())
    assert not (models / "more.json").exists()


def test_it_can_be_given_away(models, tmp_path):
    row(["images", "images"], "twice", models)
    library.import_model(library.export("twice", tmp_path / "given"), "theirs")
    assert records.record("theirs").spec == records.record("twice").spec
