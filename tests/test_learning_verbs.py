"""The verbs `finetune`, `search` and `models ...` in Python and on the command line."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import napari_hsi_restore as hsr
from make.models import TINY, own_library, store_model
from make.sensors import clean_cube, noisy_cube
from napari_hsi_restore import search as searching
from napari_hsi_restore import verbs_learning, zoo
from napari_hsi_restore.cli import main
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Metric, Note, Progress
from napari_hsi_restore.jobs import learning_job
from napari_hsi_restore.jobs.learning import LearningClient
from napari_hsi_restore.models.spec import EigenSRSpec
from napari_hsi_restore.search_space.genotype import STAS_C
from napari_hsi_restore.search_space.sharing import read_genotype

SHORT = "0.01"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    return own_library(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cubes")
    clean = clean_cube()
    hsr.write(clean, folder / "clean.npz")
    hsr.write(noisy_cube(clean), folder / "noisy.npz")
    return folder


def own_models():
    return [record.name for record in zoo.list_models() if not record.bundled]


def finetune(files, *options, name="mine"):
    arguments = ["--from", "tiny", "--name", name, "--minutes", SHORT, "--device", "cpu"]
    return main(["finetune", str(files / "noisy.npz"), *arguments, *options])


def test_finetune_makes_a_model_that_denoise_takes(files, place, capsys):
    assert finetune(files) == 0
    said = capsys.readouterr()
    assert "mine  (denoise, user-made)" in said.out
    assert "held-out pixels" in said.out
    assert own_models() == ["mine", "tiny"]
    assert os.listdir(place / "runs") == []
    out = place / "out.npz"
    assert main(["denoise", str(files / "noisy.npz"), str(out), "--model", "mine"]) == 0
    assert hsr.read(out).shape == (8, 64, 64)


@pytest.mark.parametrize(
    ("options", "method"),
    [
        ([], "self-supervised"),
        (["--reference", "clean.npz"], "reference"),
        (["--clean"], "degraded"),
        (["--noise-from", "noisy.npz"], "degraded"),
    ],
)
def test_the_way_of_learning_follows_from_what_is_given(
    files, options, method, monkeypatch, capsys
):
    monkeypatch.chdir(files)
    asked = []

    def events(self, name, folder, *, resume):
        asked.append((self.recipe, self.material.references, self.material.noise_from))
        raise UserError("enough")
        yield

    monkeypatch.setattr(verbs_learning.FineTuning, "events", events)
    assert finetune(files, *options) == 1
    [(recipe, references, noise_from)] = asked
    assert recipe.method == method
    assert (references is not None) == (method == "reference")
    assert (noise_from is not None) == ("--noise-from" in options)
    assert capsys.readouterr().err.endswith("enough\n")


@pytest.mark.parametrize(
    ("verb", "option"),
    [("finetune", "--minutes"), ("search", "--minutes"), ("search", "--cost-weight")],
)
def test_a_setting_must_be_finite(files, verb, option, capsys):
    start = ["--from", "tiny"] if verb == "finetune" else []
    assert main([verb, str(files / "clean.npz"), *start, "--name", "mine", option, "inf"]) == 1
    setting = option.removeprefix("--").replace("-", "_")
    assert f"setting '{setting}' cannot be inf: " in capsys.readouterr().err


def test_a_model_that_enlarges_takes_the_cubes_as_clean(place):
    store_model(place / "models", "larger", EigenSRSpec(scale=2, width=4, blocks=1, components=2))
    record = hsr.finetune(
        clean_cube(), start="larger", name="mine", minutes=float(SHORT), device="cpu"
    )
    assert record.task == "superres"
    assert record.provenance.recipe["method"] == "degraded"


def test_python_takes_cubes_and_paths_alike(files):
    clean = clean_cube()
    record = hsr.finetune(
        [files / "noisy.npz", noisy_cube(clean, 5)],
        references=[clean, files / "clean.npz"],
        start="tiny",
        name="mine",
        minutes=float(SHORT),
        device="cpu",
    )
    assert record == zoo.record("mine")
    assert isinstance(record.recommended, bool)


def test_a_name_that_exists_needs_overwrite_which_waits_for_the_new_one(files, place, capsys):
    assert finetune(files) == 0
    first = zoo.record("mine")
    assert finetune(files) == 1
    assert "a model called 'mine' exists already" in capsys.readouterr().err
    assert finetune(files, "--overwrite", "--seed", "4") == 0
    second = zoo.record("mine")
    assert (first.provenance.seed, second.provenance.seed) == (0, 4)
    assert own_models() == ["mine", "tiny"]
    assert finetune(files, "--overwrite", name="stas_p") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--name", "../evil"], "cannot name a model"),
        (["--name", "x", "--from", "absent"], "model 'absent' is not known"),
        (["--name", "x", "--minutes", "-1"], "setting 'minutes' cannot be -1.0"),
        (["--name", "x", "--device", "cuda:9"], "device 'cuda:9' is not on this machine"),
        (["--name", "x", "--clean", "--reference", "clean.npz"], "need no references"),
        (["--name", "x", "--reference", "absent.npz"], "absent.npz"),
    ],
)
def test_wrong_wishes_are_one_sentence_and_leave_nothing(files, place, capsys, options, said):
    options = [str(files / word) if word.endswith(".npz") else word for word in options]
    assert main(["finetune", str(files / "noisy.npz"), "--from", "tiny", *options]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err
    assert own_models() == ["tiny"]
    assert not (place / "runs").exists() or os.listdir(place / "runs") == []


def test_a_run_of_another_program_is_left_alone(files, place, monkeypatch, capsys):
    monkeypatch.setattr(learning_job, "owned_by_another", lambda folder: True)
    assert finetune(files) == 1
    assert "another program is busy with this run" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent another way there")
def test_ctrl_c_keeps_what_was_learned_and_resume_goes_on(files, place, capsys):
    command = [sys.executable, "-m", "napari_hsi_restore", "finetune", str(files / "noisy.npz")]
    command += ["--from", "tiny", "--name", "mine", "--device", "cpu", "--minutes", "30"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    checkpoint = place / "runs" / "mine" / "last.safetensors"
    client = LearningClient()

    def until(condition):
        end = time.monotonic() + 300
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.05)

    # The docks show it while it runs.
    until(lambda: checkpoint.exists() and client.others()[0].ending.progress is not None)
    [seen] = client.others()
    assert (seen.job.name, seen.job.kind, seen.job.cubes) == ("mine", "finetune", ("noisy",))
    assert seen.elsewhere
    assert client.unfinished() == ()
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 130
    assert "--resume" in said
    assert "Traceback" not in said
    assert checkpoint.exists()
    assert finetune(files) == 1
    assert "interrupted run" in capsys.readouterr().err

    # The docks resume it, and the command line what they have stopped.
    [unfinished] = client.unfinished()
    assert unfinished.ending.reason == "stopped"
    learning = client.resume(unfinished)
    until(lambda: learning.course.last("loss") is not None or not learning.active)
    assert any(note.startswith("Going on after") for note in learning.course.notes)
    client.cancel(learning)
    until(lambda: learning.state == "stopped")
    assert learning.record.name == "mine"
    client.close()
    assert finetune(files, "--resume") == 0
    assert "mine" in own_models()
    assert os.listdir(place / "runs") == []


def test_a_run_that_is_to_replace_a_model_can_only_go_on_where_it_began(files, place):
    assert finetune(files) == 0
    recipe = verbs_learning.finetune_recipe(
        start="tiny", name="mine", references=False, clean=False, minutes=9, seed=0, device="cpu"
    )
    task = verbs_learning.FineTuning(recipe, [hsr.read(files / "noisy.npz")], None, None)
    learning = verbs_learning.Learning(task, resume=False, overwrite=True)
    events = learning.events()
    while not learning.is_begun:
        next(events)
    # Nobody may resume what another thread of this very program is busy with.
    [going] = LearningClient().others()
    assert going.elsewhere
    with pytest.raises(UserError, match="another program"):
        LearningClient().resume(going)
    events.close()
    [unfinished] = LearningClient().unfinished()
    assert unfinished.job.replaces
    assert unfinished.job.name == "mine"
    assert unfinished.folder.name == "mine.new"
    assert own_models() == ["mine", "tiny"]


def test_a_run_goes_on_with_its_own_cubes_only(files, place):
    noisy, clean = (hsr.read(files / name) for name in ("noisy.npz", "clean.npz"))

    def run(cube, reference, minutes, resume=False):
        recipe = verbs_learning.finetune_recipe(
            start="tiny",
            name="mine",
            references=reference is not None,
            clean=False,
            minutes=minutes,
            seed=0,
            device="cpu",
        )
        task = verbs_learning.FineTuning(recipe, [cube], reference and [reference], None)
        return verbs_learning.Learning(task, resume=resume, overwrite=False)

    begun = run(noisy, clean, 9)
    events = begun.events()
    while not begun.is_begun:
        next(events)
    events.close()
    other = noisy.replace(data=noisy.array() + 0.01)
    smaller = noisy.replace(data=noisy.array()[:, :40])
    for cube, reference in ((other, clean), (noisy, noisy), (smaller, smaller), (noisy, None)):
        with pytest.raises(UserError, match=r"learned from noisy.*something else; resume with"):
            next(run(cube, reference, 9, resume=True).events())
    *_, done = run(noisy, clean, 0.01, resume=True).events()
    assert done.result.name == "mine"


def test_cubes_that_cannot_be_noted_do_not_stop_a_run(files, place, monkeypatch, capsys):
    def full(self, folder, cancelled):
        raise UserError("The disk is full; free some space.")

    monkeypatch.setattr(verbs_learning.Material, "write", full)
    assert finetune(files) == 0
    assert "only the command line can resume it" in capsys.readouterr().err
    assert "mine" in own_models()


def test_search_shows_its_events_and_its_model(files, place, monkeypatch, capsys):
    asked = []

    def events(recipe, cubes, folder, *, resume=False):
        asked.append((recipe, len(cubes), folder, resume))
        yield Metric("psnr_start", 30.0, 0)
        yield Metric("psnr", 29.0, 1)
        yield Progress(0.5, "searching", 3.0)
        yield Note("A note.")
        store_model(place / "models", recipe.name, TINY)
        yield Done(str(place / "models" / f"{recipe.name}.json"))

    monkeypatch.setattr(verbs_learning, "searching", events)
    cubes = [str(files / "clean.npz"), str(files / "clean.npz")]
    options = ["--name", "found", "--minutes", "3", "--cost-weight", "0.1", "--seed", "2"]
    assert main(["models", "export", "tiny", str(place / "cell"), "--cell"]) == 0
    options += ["--cell", str(place / "cell.json")]
    capsys.readouterr()
    assert main(["search", *cubes, *options]) == 0
    [(recipe, count, folder, resume)] = asked
    assert recipe == searching.SearchRecipe(
        name="found", minutes=3, cost_weight=0.1, seed=2, genotype=TINY.genotype
    )
    assert (count, folder, resume) == (2, place / "runs" / "found", False)
    said = capsys.readouterr()
    assert "found  (denoise, user-made)" in said.out
    assert "A note." in said.err
    assert "searching; held-out pixels 29.00 dB, best bundled model 30.00 dB" in said.err
    assert hsr.search_model(clean_cube(), name="again", minutes=3).name == "again"


def test_a_cell_is_exported_of_what_has_one(place, capsys):
    path = place / "cell.json"
    assert main(["models", "export", "stas_c", str(path), "--cell"]) == 0
    assert read_genotype(path) == STAS_C
    assert main(["models", "export", "stas_p", str(path), "--cell"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["models", "export", "stas_p", str(path), "--cell", "--overwrite"]) == 0
    assert main(["models", "export", "qrnn3d", str(place / "none"), "--cell"]) == 1
    assert "'qrnn3d' has no cell" in capsys.readouterr().err
    path.write_text("{}")
    assert main(["search", "clean.npz", "--name", "mine", "--cell", str(path)]) == 1
    assert "cell.json: no genotype" in capsys.readouterr().err


def test_models_can_be_exported_imported_renamed_and_removed(place, capsys):
    assert main(["models", "export", "tiny", str(place / "given")]) == 0
    assert main(["models", "rename", "tiny", "small"]) == 0
    assert main(["models", "import", str(place / "given.safetensors")]) == 0
    assert main(["models", "import", str(place / "given.safetensors"), "--name", "third"]) == 0
    assert own_models() == ["small", "third", "tiny"]
    assert main(["models", "remove", "third"]) == 0
    assert own_models() == ["small", "tiny"]
    assert "Removed third" in capsys.readouterr().out
    assert main(["models", "remove", "stas_p"]) == 1
    assert "came with the package" in capsys.readouterr().err
    assert main(["models", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"small", "tiny", "stas_p"} <= {row["name"] for row in rows}
    assert main(["models"]) == 0
    assert "small  (denoise, user-made)" in capsys.readouterr().out
