"""Models that apply another one several times."""

import numpy as np
import pytest
from typer.testing import CliRunner

import napari_hsi_restore as hsr
from make.models import own_library, store_model
from napari_hsi_restore.models.spec import CoarSRSpec, EigenSRSpec
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.training.again import again, app
from napari_hsi_restore.zoo import library, records


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = own_library(tmp_path, monkeypatch) / "models"
    store_model(folder, "once", CoarSRSpec(scale=2, width=4))
    store_model(folder, "four", CoarSRSpec(scale=4, width=4))
    store_model(folder, "images", EigenSRSpec(scale=2, width=4, blocks=1, components=3))
    return folder


@pytest.mark.parametrize("stages", [2, 3])
def test_the_command_writes_a_model_that_is_another_one_in_a_row(models, stages):
    words = ["once", "--name", "more", "--stages", str(stages), "--folder", str(models)]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    one, record = records.record("once"), records.record("more")
    assert record.provenance.recipe == {"again": {"once": one.sha256}}
    assert (record.scale, record.parameters) == (2**stages, one.parameters)
    assert (record.steps, record.seconds) == (one.steps, one.seconds)
    cube = result = demo_scene(size=88, bands=6)
    for _ in range(stages):
        result = hsr.superres(result, scale=2, model="once", fine="none")
    found = hsr.superres(cube, scale=2**stages, model="more", fine="none").array()
    # Every run mirrors the cube at its rim; what is seen from there is left out.
    inside = (..., *[slice(42 * 2**stages, 46 * 2**stages)] * 2)
    np.testing.assert_allclose(found[inside], result.array()[inside], atol=1e-5)
    assert np.std(found[inside]) > 0.01


@pytest.mark.parametrize(("model", "stages"), [("four", 2), ("images", 2), ("twice", 2)])
def test_what_cannot_be_applied_again_is_refused_in_a_sentence(models, model, stages):
    again("once", 2, "twice", models)
    words = [model, "--name", "more", "--stages", str(stages), "--folder", str(models)]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 1
    assert "only a CoarSR of one stage can be applied again" in " ".join(said.stderr.split())
    assert not (models / "more.json").exists()


def test_it_can_be_given_away(models, tmp_path):
    again("once", 2, "twice", models)
    library.import_model(library.export("twice", tmp_path / "given"), "theirs")
    assert records.record("theirs").spec == records.record("twice").spec
