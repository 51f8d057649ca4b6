"""Learning jobs with a child that only counts: queue, cancel, kill, resume, and what is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from tests.jobs.fake_learning import FakeRecipe

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Progress
from napari_hsi_restore.jobs import learning_job
from napari_hsi_restore.jobs.learning import LearningClient
from napari_hsi_restore.jobs.learning_course import Log, read_ending
from napari_hsi_restore.jobs.learning_job import LearningJob, Material
from napari_hsi_restore.training.library import RUNS_VARIABLE, runs_folder
from napari_hsi_restore.zoo import list_models
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE

ROOT = Path(__file__).parents[2]
CHILD = "tests.jobs.fake_learning"
PATIENCE_S = 300


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def client():
    client = LearningClient(CHILD)
    yield client
    client.close()


def material():
    values = np.random.default_rng(0).random((6, 16, 16), dtype=np.float32)
    return Material([HyperCube(values, "one", wavelengths_nm=np.linspace(400, 700, 6))])


def submit(client, kind="finetune", collect=material, **settings):
    recipe = FakeRecipe(**{"name": "mine", "steps": 10**6, **settings})
    return client.submit(kind, recipe, ("one",), collect)


def until(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def until_step(learning, step):
    until(lambda: (learning.course.curves.get("loss") or [(0, 0)])[-1][0] >= step)


def own_models():
    return [model.name for model in list_models() if not model.bundled]


def left():
    """What lies in the folder of runs, but for what is being deleted."""
    folder = runs_folder()
    return sorted(path.name for path in folder.glob("[!.]*")) if folder.exists() else []


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_job_learns_and_its_model_is_in_the_library(client):
    learning = submit(client, steps=9, kind="search")
    until(lambda: not learning.active)
    assert (learning.state, learning.record.name) == ("done", "mine")
    assert own_models() == ["mine"]
    course = learning.course
    assert course.curves["psnr"] == ((3, 30 + 3 / 9), (6, 30 + 6 / 9), (9, 31.0))
    assert course.last("psnr_start") == 30
    assert course.notes == ("begins at 0 with one",)
    assert len(course.cell.weights) == 10
    with np.load(course.snapshot.path) as arrays:
        np.testing.assert_allclose(arrays["now"], 0.5 * arrays["noisy"])
    assert client.unfinished() == ()


def test_two_jobs_wait_for_each_other(client):
    first, second = submit(client), submit(client, name="other", steps=3)
    until_step(first, 2)
    until(lambda: second.state == "waiting")
    assert (client.jobs_before(first), client.jobs_before(second)) == (0, 1)
    client.cancel(first)
    until(lambda: not second.active)
    assert second.state == "done"


def test_cancelling_keeps_the_best_so_far_and_the_rest_can_be_resumed(client):
    learning = submit(client)
    until_step(learning, 12)
    client.cancel(learning)
    until(lambda: not learning.active)
    assert (learning.state, learning.record.name) == ("stopped", "mine")
    assert own_models() == ["mine"]
    until(lambda: client.pid is None)
    [unfinished] = client.unfinished()
    assert unfinished.ending.reason == "stopped"
    again = client.resume(unfinished)
    until_step(again, 20)
    assert again.course.notes[0] == "begins at 0 with one"
    begun = int(again.course.notes[-1].split()[2])
    assert begun >= 12
    steps = [step for step, _ in again.course.curves["loss"]]
    assert steps == sorted(set(steps))
    assert steps[0] == 1
    client.cancel(again)
    until(lambda: not again.active)
    assert again.record.scores["psnr"] > learning.record.scores["psnr"]
    assert own_models() == ["mine"]


def test_what_is_cancelled_before_there_is_a_model_says_so(client):
    learning = submit(client, first_best=10**6)
    until_step(learning, 3)
    client.cancel(learning)
    until(lambda: not learning.active)
    assert (learning.state, learning.record) == ("stopped", None)
    assert own_models() == []


def test_a_child_that_does_not_answer_is_no_reason_to_wait(client):
    learning = submit(client, end="hang")
    until_step(learning, 11)
    pid = client.pid
    client.cancel(learning)
    until(lambda: not learning.active)
    assert not gone(pid)
    assert learning.record.name == "mine"
    os.kill(pid, signal.SIGKILL)


def test_a_waiting_job_that_is_cancelled_leaves_nothing(client):
    first, second = submit(client), submit(client, name="other")
    until(lambda: second.state == "waiting")
    client.cancel(second)
    assert second.state == "withdrawn"
    assert left() == ["mine"]
    client.cancel(first)


def test_a_job_that_is_cancelled_while_its_cubes_are_copied_leaves_nothing(client):
    def slowly():
        time.sleep(0.2)
        return material()

    learning = submit(client, collect=slowly)
    client.cancel(learning)
    assert learning.state == "withdrawn"
    until(lambda: left() == [])


def test_a_killed_child_loses_only_what_came_after_its_checkpoint(client):
    learning = submit(client)
    until_step(learning, 25)
    os.kill(client.pid, signal.SIGKILL)
    until(lambda: not learning.active)
    assert learning.state == "interrupted"
    assert "killed by signal 9" in learning.message
    [unfinished] = client.unfinished()
    assert (unfinished.job.name, unfinished.ending.reason) == ("mine", "interrupted")
    again = client.resume(unfinished)
    until_step(again, 26)
    assert again.course.notes[-1] in {f"begins at {step} with one" for step in (20, 30, 40)}
    assert client.unfinished() == ()


@pytest.mark.parametrize(("end", "said"), [("user error", "too few pixels"), ("defect", "oh")])
def test_a_failure_is_a_sentence(client, end, said):
    learning = submit(client, end=end, steps=3)
    until(lambda: not learning.active)
    assert learning.state == "failed"
    assert said in learning.message
    assert ("defect of the program" in learning.message) == (end == "defect")
    until(lambda: client.pid is None)
    if end == "user error":
        # It had not begun: the name is free again.
        assert left() == []
    else:
        assert client.unfinished()[0].ending.reason == "failed"


def test_cubes_that_cannot_be_had_are_a_sentence_and_the_next_job_runs(client):
    def fail():
        raise UserError("cube.hdr: is gone; choose another file.")

    failed, good = submit(client, collect=fail), submit(client, name="other", steps=3)
    until(lambda: not good.active)
    assert (failed.state, failed.message) == ("failed", "cube.hdr: is gone; choose another file.")
    assert good.state == "done"
    until(lambda: left() == ["other"])


def test_cubes_that_do_not_go_together_are_refused_before_they_are_copied(client, monkeypatch):
    [cube] = material().cubes
    fewer = HyperCube(cube.data[:4], "fewer")
    shifted = cube.replace(wavelengths_nm=cube.wavelengths_nm + 30, name="shifted")
    smaller = cube.replace(data=cube.data[:, :8], name="smaller")
    monkeypatch.setattr(Material, "write", lambda *_: pytest.fail("copied"))
    for wrong, said in (
        (Material([cube, fewer]), "fewer: has 4 bands"),
        (Material([cube, shifted]), "shifted: band 0 lies at 430 nm"),
        (Material([cube], [smaller]), "smaller: has shape"),
        (Material([cube], None, fewer), "fewer: has 4 bands"),
    ):
        learning = submit(client, collect=lambda wrong=wrong: wrong)
        until(lambda learning=learning: not learning.active)
        assert learning.state == "failed"
        assert said in learning.message
        until(lambda: left() == [])


def test_names_that_are_taken_are_refused(client):
    with pytest.raises(UserError, match="exists already"):
        submit(client, name="stas_p")
    with pytest.raises(UserError, match="cannot name a model"):
        submit(client, name="../mine")
    learning = submit(client, first_best=10**6)
    with pytest.raises(UserError, match="is going on"):
        submit(client)
    until_step(learning, 1)
    client.cancel(learning)
    until(lambda: client.pid is None)
    with pytest.raises(UserError, match="was not finished"):
        submit(client)
    client.forget(client.unfinished()[0])
    assert left() == []
    until_step(submit(client, first_best=10**6), 1)


def test_a_cube_in_a_file_is_not_copied_and_one_that_is_gone_is_a_sentence(client, tmp_path):
    path = tmp_path / "cube.npy"
    np.save(path, np.zeros((4, 32, 32), np.float32))
    cube = HyperCube(np.load(path, mmap_mode="r"), "mapped")
    learning = submit(client, collect=lambda: Material([cube]))
    until_step(learning, 2)
    assert not list(learning.folder.glob("inputs/*.npy"))
    client.cancel(learning)
    until(lambda: client.pid is None)
    path.unlink()
    again = client.resume(client.unfinished()[0])
    until(lambda: not again.active)
    assert again.state == "failed"
    assert str(path) in again.message
    assert client.unfinished()[0].job.name == "mine"


def test_a_file_that_was_changed_meanwhile_is_not_learned_from(tmp_path):
    path, folder = tmp_path / "cube.npy", tmp_path / "job"
    values = np.random.default_rng(0).random((6, 32, 32))
    np.save(path, values)
    mapped = HyperCube(np.load(path, mmap_mode="r"), "one")
    (folder / "inputs").mkdir(parents=True)
    Material([mapped]).write(folder, lambda: False)
    job = LearningJob(kind="finetune", name="new", cubes=("one",), minutes=1.0)
    assert len(Material.read(folder, job).cubes) == 1
    # The same content again, as a copy from a backup is, is no change.
    np.save(path, values)
    assert len(Material.read(folder, job).cubes) == 1
    np.save(path, values + 1.0)
    with pytest.raises(UserError, match=r"cube\.npy: the cube .* was changed; put the file back"):
        Material.read(folder, job)


def test_a_closed_client_leaves_jobs_to_resume_and_can_be_used_again(client):
    learning, waiting = submit(client), submit(client, name="other", steps=5)
    until_step(learning, 15)
    until(lambda: waiting.state == "waiting")
    pid = client.pid
    client.close()
    assert gone(pid)
    assert (learning.state, waiting.state) == ("interrupted", "interrupted")
    assert [unfinished.job.name for unfinished in client.unfinished()] == ["mine", "other"]
    assert int((learning.folder / "last.safetensors").read_text()) >= 15
    again = client.resume(client.unfinished()[1])
    until(lambda: not again.active)
    assert again.state == "done"


def test_what_a_run_says_before_it_goes_on_does_not_count_as_lost(tmp_path):
    log = Log(tmp_path / "events.jsonl", every_s=0.0)
    for at, fraction in enumerate((0.2, 0.4, 0.0)):
        log.add(Progress(fraction, "reading the cubes"), at)
    ending = read_ending(tmp_path / "events.jsonl")
    assert (ending.fraction, ending.progress.fraction) == (0.4, 0.0)


def test_a_half_written_line_is_passed_over(client):
    learning = submit(client)
    until_step(learning, 9)
    os.kill(client.pid, signal.SIGKILL)
    until(lambda: not learning.active)
    with (learning.folder / learning_job.EVENTS).open("a") as file:
        file.write('{"event": "metr')
    again = client.resume(client.unfinished()[0])
    until_step(again, 12)
    assert again.course.curves["loss"][0][0] == 1


PARENT = """
import time
from tests.jobs.test_learning import LearningClient, CHILD, submit, until_step
client = LearningClient(CHILD)
learning = submit(client)
until_step(learning, 25)
print(client.pid, flush=True)
time.sleep(600)
"""


def test_a_killed_parent_takes_its_child_along_and_the_job_can_be_resumed(client):
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as parent:
        pid = int(parent.stdout.readline())
        assert not gone(pid)
        assert client.unfinished() == ()
        parent.kill()
    until(lambda: gone(pid))
    [unfinished] = client.unfinished()
    assert unfinished.ending.reason == "interrupted"
    again = client.resume(unfinished)
    until_step(again, 30)
    # The child wrote a checkpoint when it noticed.
    assert int(again.course.notes[-1].split()[2]) >= 25


@pytest.mark.skipif(os.name != "posix", reason="priorities differ elsewhere")
def test_the_child_is_nicer_than_its_parent(client):
    until_step(submit(client), 1)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, client.pid) == min(19, own + 10)


def test_the_client_loads_neither_torch_nor_qt():
    code = (
        "import sys, napari_hsi_restore.jobs.learning; "
        "print([name for name in ('torch', 'qtpy', 'napari') if name in sys.modules])"
    )
    answer = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert answer.strip() == "[]"
