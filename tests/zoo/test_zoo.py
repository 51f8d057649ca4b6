import hashlib
import json
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.zoo import library, list_models, load, record
from napari_hsi_restore.zoo.composed import members_of
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE, damaged

WEIGHTS = Path(str(resources.files("napari_hsi_restore.zoo") / "weights"))


def test_both_published_cells_are_bundled():
    assert {"stas_c", "stas_p"} <= {entry.name for entry in list_models() if entry.bundled}


@pytest.mark.parametrize("entry", list_models(), ids=lambda entry: entry.name)
def test_a_record_tells_the_truth_about_its_weights(entry):
    if members_of(entry):
        assert all(sha256 == record(name).sha256 for name, sha256 in members_of(entry))
        assert not (WEIGHTS / f"{entry.name}.safetensors").exists()
    else:
        content = (WEIGHTS / f"{entry.name}.safetensors").read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry.sha256
    network, same = load(entry.name)
    assert same == entry
    assert sum(weight.numel() for weight in network.parameters()) == entry.parameters
    assert not any(name.startswith("test") for name in entry.provenance.data)
    assert entry.provenance.steps > 0
    assert entry.provenance.citations
    assert any("psnr" in name for name in entry.scores)
    assert len(entry.purpose) < 100


def test_listing_models_loads_no_torch():
    code = "import napari_hsi_restore.zoo as z, sys; z.list_models(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_unknown_model_lists_the_known():
    with pytest.raises(UserError, match=r"model 'x' is not known; choose one of: .*stas_c"):
        record("x")


@pytest.fixture
def own_model(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    content = json.loads((WEIGHTS / "stas_c.json").read_text())
    (tmp_path / "mine.json").write_text(json.dumps({**content, "name": "mine"}))
    shutil.copy(WEIGHTS / "stas_c.safetensors", tmp_path / "mine.safetensors")
    return tmp_path


def test_a_users_model_stands_in_the_same_list(own_model):
    assert not record("mine").bundled
    load("mine")


def test_a_bundled_name_stays_with_the_bundled_model(own_model):
    content = json.loads((own_model / "mine.json").read_text())
    (own_model / "other.json").write_text(json.dumps({**content, "name": "stas_p"}))
    assert [entry.name for entry in list_models()].count("stas_p") == 1
    assert record("stas_p").bundled


def test_changed_weights_are_refused(own_model):
    path = own_model / "mine.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"mine\.safetensors: these are not the weights"):
        load("mine")


@pytest.mark.parametrize("content", [b"{", b"\xff\x00", b"[]", b'{"name": "mine"}'])
def test_a_damaged_record_is_named_and_harms_no_other_model(own_model, content):
    (own_model / "mine.json").write_bytes(content)
    assert {"stas_c", "stas_p"} <= {entry.name for entry in list_models()}
    assert damaged() == (own_model / "mine.json",)
    load("stas_c")
    with pytest.raises(UserError, match=r"mine\.json: the record of this model is damaged"):
        load("mine")
    library.remove("mine")
    assert damaged() == ()
