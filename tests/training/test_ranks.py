"""Several devices that learn together: here they are processes that share one processor."""

import functools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from make.models import TINY
from make.tuning import recipe as short_recipe
from make.workers import workers
from napari_hsi_restore import zoo
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Metric, Note
from napari_hsi_restore.jobs import learning_child
from napari_hsi_restore.jobs.learning_job import LearningJob, Material
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.spec import EigenSRSpec
from napari_hsi_restore.restore import devices
from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.training import checkpoint, library
from napari_hsi_restore.training.finetune import finetune
from napari_hsi_restore.training.finetune.cubes import Sample, samples
from napari_hsi_restore.training.finetune.denoising import DenoiserTuning
from napari_hsi_restore.training.finetune.enlarging import EnlargerTuning
from napari_hsi_restore.training.finetune.run import WORKER
from napari_hsi_restore.training.finetune.worker import packed, unpacked
from napari_hsi_restore.training.loop import Run, going_on
from napari_hsi_restore.training.ranks import parcel
from napari_hsi_restore.training.ranks.crew import Crew, LostError, alone
from napari_hsi_restore.training.ranks.devices import at_hand, chosen, label_of, parsed_count
from napari_hsi_restore.training.ranks.messages import Order
from napari_hsi_restore.training.run_files import LAST

PATIENCE = 300.0


recipe = functools.partial(short_recipe, steps=2000, checks=500, devices=2)


@pytest.fixture(autouse=True)
def workers_are_found(place, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def learning(events):
    """Follow a run until it has learned for some steps."""
    for event in events:
        if isinstance(event, Metric) and event.name == "psnr" and event.step >= 4:
            return


def running(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def finished(generator):
    try:
        while True:
            next(generator)
    except StopIteration as end:
        return end.value


# One crew, one worker that is told how to behave ---------------------------------


@pytest.fixture
def crew(tmp_path):
    found = Crew(chosen("cpu", 2), "fake_worker", "32-true")
    found.call()
    finished(found.start(tmp_path, {}, {"numbers": np.arange(4.0)}))
    yield found
    found.close()


def test_gradients_and_numbers_are_averaged_and_memory_that_runs_out_holds_up_nobody(crew):
    assert crew.fabric.world_size == 2
    assert crew.label.startswith("2 x CPU")
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    first = crew.batch(7)
    crew.work(Order(do="work", batch=first), [weight])
    weight.grad = torch.ones(2, 3)
    # Its batch is the next one, its halvings are none, its array came through the parcel.
    assert finished(crew.answers([0.0, 0.0, 0.0])) == [(first + 1) / 2, 0.0, 3.0]
    crew.average([weight])
    torch.testing.assert_close(weight.grad, (1 + (first + 1) * weight.detach()) / 2)

    crew.work(Order(do="work", part="memory"), [weight])
    with pytest.raises(MemoryError):
        finished(crew.answers([0.0]))
    crew.tell(Order(do="shrink"))
    # Our own memory may run out while it computes, too.
    crew.work(Order(do="work"), [weight])
    finished(crew.settle())
    crew.work(Order(do="work", batch=3), [weight])
    assert finished(crew.answers([0.0, 0.0, 0.0])) == [2.0, 0.5, 3.0]
    crew.tell(Order(do="begin", text="6"))
    finished(crew.settle())
    crew.work(Order(do="work"), [weight])
    assert finished(crew.answers([0.0, 0.0, 0.0]))[1] == 3.0

    crew.work(Order(do="work", part="refuse"), [weight])
    with pytest.raises(UserError, match="too small"):
        finished(crew.answers([0.0]))
    crew.close()
    assert not workers()
    assert not torch.distributed.is_initialized()


# Fine-tuning ---------------------------------------------------------------------


class Doubled(DenoiserTuning):
    """One device that does in a step what two do together."""

    def loss(self, network, step):
        both = [super(Doubled, self).loss(network, 2 * step + rank) for rank in (0, 1)]
        return torch.stack(both).mean()


def test_two_devices_learn_what_one_learns_with_the_batches_of_both(noisy, clean, place):
    settings = recipe(learning_rate=1e-3)
    parts = [part for part in samples([noisy], [clean], 0.2) if isinstance(part, Sample)]

    def tuning(kind):
        return kind(settings, zoo.load("tiny")[0], TINY, samples=parts, sigmas=[np.ones(8)])

    def learned(task, crew):
        run = Run(settings, task, place, crew)
        losses = [run.step(0.0) for _ in range(4)]
        return losses, run.plain.state_dict()

    losses, weights = learned(tuning(Doubled), alone("cpu", "32-true"))
    crew = Crew(chosen("cpu", 2), WORKER, "32-true")
    try:
        crew.call()
        task = tuning(DenoiserTuning)
        finished(crew.start(place, *packed(task, settings)))
        together, same = learned(task, crew)
    finally:
        crew.close()
    np.testing.assert_allclose(together, losses, rtol=1e-5)
    before = zoo.load("tiny")[0].state_dict()
    for name, weight in weights.items():
        assert (weight - before[name]).abs().max() > 1e-4
        torch.testing.assert_close(same[name], weight, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", ["reference", "degraded", "self-supervised", "enlarge"])
def test_a_worker_learns_from_the_same_cubes_as_the_leader(noisy, clean, place, method):
    large = method == "enlarge"
    spec = EigenSRSpec(scale=2, width=4, blocks=1, components=2) if large else TINY
    settings = recipe(method="degraded" if large else method)
    references = [clean] if method == "reference" else None
    found = samples([noisy], references, 0.2)
    parts = [part for part in found if isinstance(part, Sample)]
    torch.manual_seed(0)
    network = build(spec)
    if large:
        tuning = EnlargerTuning(settings, network, spec, parts)
    else:
        sigmas = [np.full(8, 0.1)]
        tuning = DenoiserTuning(settings, network, spec, samples=parts, sigmas=sigmas)
    list(tuning.gather())
    parcel.write(place, *packed(tuning, settings))
    work = unpacked(*parcel.read(place))
    crew = alone("cpu", "32-true")
    work.place(crew.fabric)
    work.plain.load_state_dict(network.state_dict())
    tuning.place(crew.fabric.device)
    with torch.no_grad():
        expected = float(tuning.loss(network, 5))
    assert work.compute(Order(do="work"), 5) == [pytest.approx(expected, rel=1e-5)]
    assert any(parameter.grad is not None for parameter in work.parameters())
    work.forget()
    assert all(parameter.grad is None for parameter in work.parameters())


def test_a_process_that_is_killed_ends_the_run_clearly_and_one_device_goes_on(noisy, clean, folder):
    task = finetune(recipe(), [noisy], [clean], folder)
    learning(task)
    (worker,) = workers()
    worker.kill()
    with pytest.raises(LostError, match=r"killed by signal 9.*resume the run"):
        for _ in task:
            pass
    state, _ = checkpoint.load(folder / LAST)
    assert state.devices == 2
    assert state.step >= 4
    assert not list(folder.glob("devices*"))
    assert library.keep(folder).name == "mine"
    assert "2 x CPU" in zoo.record("mine").provenance.hardware

    further = recipe(devices=1, steps=state.step + 2)
    rest = list(finetune(further, [noisy], [clean], folder, resume=True))
    notes = [event.message for event in rest if isinstance(event, Note)]
    assert f"Going on after {state.step} steps. They were made on 2 devices" in " ".join(notes)
    assert isinstance(rest[-1], Done)


SCRIPT = """
import sys
sys.path[:0] = json_paths
from make.sensors import clean_cube, noisy_cube
from napari_hsi_restore.events import Metric
from napari_hsi_restore.training import library
from napari_hsi_restore.training.finetune import FineTuneRecipe, finetune
recipe = FineTuneRecipe.model_validate_json(sys.argv[1])
clean = clean_cube()
for event in finetune(recipe, [noisy_cube(clean)], [clean], library.runs_folder() / "mine"):
    if isinstance(event, Metric) and event.step >= 4:
        print("learning", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is of POSIX systems")
def test_a_leader_that_is_killed_leaves_no_orphans(folder):
    tests = str(Path(__file__).parents[1])
    script = SCRIPT.replace("json_paths", json.dumps([tests]))
    process = subprocess.Popen(
        [sys.executable, "-c", script, recipe().model_dump_json()],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "learning\n"
        (worker,) = workers(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        wait_until(lambda: not running(worker))
        # Written every 20 seconds and at every check, beside its place.
        assert checkpoint.load(folder / LAST)[0].devices == 2
        assert library.keep(folder).name == "mine"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


# Which devices -------------------------------------------------------------------


def gpus(count):
    found = [DeviceInfo(f"cuda:{index}", "GPU", 1, 2) for index in range(count)]
    return lambda: (*found, DeviceInfo("cpu", "CPU (2 threads)", 1, 2))


@pytest.mark.parametrize(
    ("there", "device", "count", "expected"),
    [
        (0, "auto", "auto", ["cpu"]),
        (1, "auto", "auto", ["cuda:0"]),
        (3, "auto", "auto", ["cuda:0", "cuda:1", "cuda:2"]),
        (3, "auto", 2, ["cuda:0", "cuda:1"]),
        (3, "cuda", 2, ["cuda:0", "cuda:1"]),
        (3, "cuda:1", "auto", ["cuda:1"]),
        (3, "cuda:1", 1, ["cuda:1"]),
        (3, "cpu", "auto", ["cpu"]),
        (0, "cpu", 2, ["cpu", "cpu"]),
    ],
)
def test_which_devices_learn(monkeypatch, there, device, count, expected):
    monkeypatch.setattr(devices, "available", gpus(there))
    assert [each.name for each in chosen(device, count)] == expected


@pytest.mark.parametrize(
    ("there", "device", "count", "said"),
    [
        (2, "auto", 3, "has 2 GPUs, not 3"),
        (1, "auto", 2, "has 1 GPU, not 2"),
        (0, "auto", 2, "has no GPU; choose 1"),
        (2, "cuda:1", 2, "where one, 'cuda:1', is named"),
    ],
)
def test_devices_that_are_not_there(monkeypatch, there, device, count, said):
    monkeypatch.setattr(devices, "available", gpus(there))
    with pytest.raises(UserError, match=said):
        chosen(device, count)


@pytest.mark.parametrize(
    ("there", "began", "goes_on", "said"),
    [
        (3, ("auto", 3), ("auto", 3), ""),
        (3, ("cuda:1", "auto"), ("cuda:1", "auto"), ""),
        (1, ("cuda", "auto"), ("cuda", "auto"), ""),
        (0, ("cpu", 2), ("cpu", 2), ""),
        (0, ("auto", "auto"), ("auto", "auto"), ""),
        (2, ("auto", 4), ("auto", 2), "began on 4 GPUs, of which 2 are there"),
        (1, ("cuda", 4), ("auto", 1), "began on 4 GPUs, which are not there now: it uses GPU"),
        (0, ("auto", 2), ("auto", 1), "it uses CPU"),
        (1, ("cuda:1", "auto"), ("auto", 1), "began on 'cuda:1', which is not there"),
        (0, ("cuda", 2), ("auto", 1), "began on 'cuda', which is not there"),
    ],
)
def test_a_run_goes_on_with_the_devices_that_are_still_there(
    monkeypatch, there, began, goes_on, said
):
    monkeypatch.setattr(devices, "available", gpus(there))
    *found, sentence = at_hand(*began)
    assert tuple(found) == goes_on
    assert said in sentence
    assert bool(said) == bool(sentence)
    assert chosen(*found)


def test_a_dock_resumes_a_run_of_gpus_that_are_gone(noisy, clean, folder, monkeypatch):
    begun = finetune(recipe(devices=1), [noisy], [clean], folder)
    learning(begun)
    begun.close()
    monkeypatch.setattr(devices, "available", gpus(0))
    monkeypatch.setattr(learning_child, "_limit_threads", lambda: None)
    job = LearningJob(kind="finetune", name="mine", cubes=("noisy",), minutes=1)
    done = checkpoint.load(folder / LAST)[0].step
    then = recipe(device="auto", devices=4, steps=done + 2).model_dump_json()
    rest = list(learning_child.learn(job, then, Material([noisy], [clean]), folder, True))
    notes = " ".join(event.message for event in rest if isinstance(event, Note))
    assert "began on 4 GPUs, which are not there now: it uses CPU" in notes
    assert f"Going on after {done} steps." in notes
    assert isinstance(rest[-1], Done)


def test_a_number_of_devices_is_typed_and_said():
    assert parsed_count("auto") == "auto"
    assert parsed_count("3") == 3
    for wrong in ("0", "-1", "two", "²", ""):
        with pytest.raises(UserError, match="'devices'"):
            parsed_count(wrong)
    gpu, cpu = DeviceInfo("cuda:0", "GPU", 1, 2), DeviceInfo("cpu", "CPU", 1, 2)
    assert label_of((gpu, gpu, cpu)) == "2 x GPU and CPU"


def test_how_a_run_goes_on_is_said():
    state = checkpoint.RunState(recipe_json="", step=1, devices=2)
    assert going_on(state, 2) == "Going on after 1 step."
    said = "Going on after 1 step. They were made on 2 devices; from now on it is 1."
    assert going_on(state, 1) == said


def test_a_precision_that_several_devices_cannot_share_is_refused():
    with pytest.raises(UserError, match="bf16-mixed"):
        Crew(chosen("cpu", 2), WORKER, "16-mixed")
