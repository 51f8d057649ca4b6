"""The user's own models: names, removing, renaming, importing and exporting."""

import errno
import json
import os
import pickle
import struct

import pytest
import torch
from safetensors.torch import load_file, save, save_file

from make.models import store_model
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import EigenSRSpec
from napari_hsi_restore.zoo import library, list_models, load, record
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE

SPEC = EigenSRSpec(scale=2, width=4, blocks=1, components=2)


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    store_model(folder, "mine", SPEC)
    return folder


def own_names():
    return [known.name for known in list_models() if not known.bundled]


def weights(name):
    return load(name)[0].state_dict()


def assert_equal(one, two):
    assert one.keys() == two.keys()
    for key in one:
        assert torch.equal(one[key], two[key])


@pytest.mark.parametrize(
    "name",
    ["", "../x", "a/b", "a\\b", ".hidden", "ends.", "C:x", "ä", "a b", "x" * 65, "a\n", "~"],
)
def test_a_name_that_is_none_or_leaves_the_folder_is_refused(models, name):
    with pytest.raises(UserError, match="cannot name a model"):
        library.check_name(name)
    assert os.listdir(models.parent) == ["models"]


@pytest.mark.parametrize("name", ["auto", "bicubic", "CON", "nul.v1"])
def test_a_name_with_a_meaning_is_refused(models, name):
    with pytest.raises(UserError, match="has a meaning of its own"):
        library.check_name(name)


@pytest.mark.parametrize("name", ["mine", "MINE", "stas_p", "Stas_P"])
def test_a_name_that_exists_is_refused(models, name):
    with pytest.raises(UserError, match="exists already"):
        library.check_name(name)


def test_names_may_have_dots_and_digits(models):
    assert library.check_name("fenix-2024.v1_b") == "fenix-2024.v1_b"
    library.rename("mine", "fenix-2024.v1_b")
    assert own_names() == ["fenix-2024.v1_b"]
    weights("fenix-2024.v1_b")


def test_a_model_is_removed_with_its_weights(models):
    library.remove("mine")
    assert own_names() == []
    assert os.listdir(models) == []
    with pytest.raises(UserError, match="model 'mine' is not known"):
        library.remove("mine")


def test_a_renamed_model_is_the_same(models):
    before = weights("mine")
    assert library.rename("mine", "other").name == "other"
    assert own_names() == ["other"]
    assert_equal(before, weights("other"))
    with pytest.raises(UserError, match="exists already"):
        library.rename("other", "stas_c")


@pytest.mark.parametrize("act", [library.remove, lambda name: library.rename(name, "x")])
def test_bundled_models_cannot_be_changed(models, act):
    with pytest.raises(UserError, match="'stas_c' came with the package"):
        act("stas_c")


def test_a_model_travels_as_one_file(models, tmp_path):
    before, was = weights("mine"), record("mine")
    path = library.export("mine", tmp_path / "given")
    assert path.name == "given.safetensors"
    with pytest.raises(UserError, match="exists already"):
        library.export("mine", path)
    library.remove("mine")
    assert library.import_model(path) == was.model_copy(update={"bundled": False})
    assert_equal(before, weights("mine"))
    assert_equal(load_file(path), before)
    library.import_model(path, "twin")
    assert own_names() == ["mine", "twin"]


def test_a_bundled_model_can_be_exported(models, tmp_path):
    library.import_model(library.export("eigensr_x2", tmp_path), "copy")
    assert_equal(weights("copy"), weights("eigensr_x2"))
    assert not record("copy").bundled


def test_what_a_foreign_record_says_is_counted_anew_and_gives_a_terminal_no_orders(
    models, tmp_path
):
    path = library.export("mine", tmp_path / "given")
    was, content = library.read_marked(path)
    provenance = was.provenance.model_copy(
        update={"data": ("a\x1b]0;evil\x07",), "recipe": {"c\rd": ["x\ny"]}}
    )
    lying = {"parameters": 10**30, "remark": "good\x1b[2J", "provenance": provenance}
    path.write_bytes(library.marked(was.model_copy(update=lying), content))
    found = library.import_model(path, "theirs")
    assert found.parameters == was.parameters
    assert found.remark == "good\ufffd[2J"
    assert found.provenance.data == ("a\ufffd]0;evil\ufffd",)
    assert found.provenance.recipe == {"c\ufffdd": ["x\ufffdy"]}


def test_a_pickle_is_never_opened(models, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"weights": Trap()}, tmp_path / "trap.pt")
    (tmp_path / "trap.safetensors").write_bytes(pickle.dumps(Trap()))
    for name in ("trap.pt", "trap.safetensors"):
        with pytest.raises(UserError, match="is a pickled PyTorch file"):
            library.import_model(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("longer", range(0, 264, 8))
def test_no_length_of_a_header_is_taken_for_a_pickle(models, tmp_path, longer):
    entry = record("mine").model_copy(update={"name": "other", "remark": "x" * longer})
    weights = save({"weight": torch.zeros(3)})
    path = tmp_path / "whole.safetensors"
    path.write_bytes(library.marked(entry, weights))
    assert library.read_marked(path)[0].remark == entry.remark


def header_of(content):
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def with_record(content, **changes):
    """An exported file whose record says something else."""
    header, rest = header_of(content)
    told = json.loads(header["__metadata__"][library.RECORD_KEY])
    told.update(changes)
    header["__metadata__"][library.RECORD_KEY] = json.dumps(told)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + rest


def mean_spec(**changes):
    member = {**SPEC.model_dump(), **changes}
    return {"architecture": "mean", "scale": 2, "members": [member, member]}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda content: content[:40], "no safetensors file, or a damaged one"),
        (lambda content: b"", "no safetensors file, or a damaged one"),
        (lambda content: b"\xff" * 64, "no safetensors file, or a damaged one"),
        (lambda content: content[:-4], "damaged or was changed"),
        (lambda content: content[:-1] + b"x", "damaged or was changed"),
        (lambda content: save({"a": torch.zeros(2)}), "no record of this program"),
        (lambda content: with_record(content, surprise=1), "damaged or from a newer version"),
        (lambda content: with_record(content, sha256="0"), "damaged or was changed"),
        (
            lambda content: with_record(content, spec={**SPEC.model_dump(), "width": 8}),
            "do not fit the network",
        ),
        (
            lambda content: with_record(content, spec={**SPEC.model_dump(), "blocks": 10**9}),
            "do not fit the network",
        ),
        (
            lambda content: with_record(content, spec=mean_spec(blocks=10**9)),
            "do not fit the network",
        ),
        (lambda content: with_record(content, name="../../evil"), "cannot name a model"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(models, tmp_path, spoil, said):
    path = library.export("mine", tmp_path / "given")
    path.write_bytes(spoil(path.read_bytes()))
    library.remove("mine")
    with pytest.raises(UserError, match=said):
        library.import_model(path)
    assert os.listdir(models) == []
    assert sorted(os.listdir(tmp_path)) == ["given.safetensors", "models"]


def test_weights_that_are_no_numbers_are_refused(models, tmp_path):
    spoilt = weights("mine")
    spoilt["head.bias"][0] = float("nan")
    content = library.marked(record("mine"), save(spoilt))
    (tmp_path / "given.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="no numbers"):
        library.import_model(tmp_path / "given.safetensors", "other")


def test_a_full_disk_leaves_the_old_model(models, monkeypatch):
    before = weights("mine")

    def full(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left"):
        library.install(record("mine"), save(before))
    monkeypatch.undo()
    monkeypatch.setenv(FOLDER_VARIABLE, str(models))
    assert_equal(before, weights("mine"))
    assert sorted(os.listdir(models)) == ["mine.json", "mine.safetensors"]


def test_a_plain_folder_or_a_missing_file_is_named(models, tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "plain.safetensors")
    for name, said in (
        ("plain.safetensors", "no record"),
        ("absent", "no such file"),
        ("models", "no such file"),
    ):
        with pytest.raises(UserError, match=said):
            library.import_model(tmp_path / name)
