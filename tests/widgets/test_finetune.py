"""The Fine-tune dock in a real window: the forms, and what is seen while it learns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import numpy as np
import psutil
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QInputDialog, QMessageBox, QPushButton
from tests.jobs.fake_learning import FakeRecipe
from tests.widgets.learning import PATIENCE_MS, client, step_of, wait_for_step, wait_idle
from tests.widgets.window import add, complaints, named, open_dock

from napari_hsi_restore import zoo
from napari_hsi_restore.events import Progress
from napari_hsi_restore.io import write
from napari_hsi_restore.jobs import learning_job
from napari_hsi_restore.jobs.client import shared_client
from napari_hsi_restore.jobs.learning_course import Log
from napari_hsi_restore.jobs.learning_job import LearningJob, Material, read_job
from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.restore.recipe import automatic_choice
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.training.library import runs_folder
from napari_hsi_restore.widgets.parts.library_panel import about
from napari_hsi_restore.widgets.parts.model_library import model_library
from napari_hsi_restore.widgets.parts.reminder import remind_of_unfinished
from napari_hsi_restore.zoo import list_models

__all__ = ["client"]

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module", autouse=True)
def child_ends_with_the_tests():
    yield
    shared_client().close()


@pytest.fixture(scope="module")
def scene():
    return demo_scene(size=40, bands=12)


@pytest.fixture
def viewer(make_napari_viewer, scene, client):
    viewer = make_napari_viewer(show=True)
    add(viewer, scene.replace(name="noisy"))
    return viewer


@pytest.fixture
def dock(viewer):
    return open_dock(viewer, "Fine-tune")


def tick(dock, *names):
    dock.form.material.tick([s for s in dock.form.material.sources if s.name in names])


def own_models():
    return [record.name for record in list_models() if not record.bundled]


def texts(dock):
    return [button.accessibleName() for button in dock.findChildren(QPushButton)]


def test_the_plan_says_what_will_happen_and_what_comes_out(viewer, dock):
    assert dock.form.start_model == automatic_choice(12)[0]
    dock.form.minutes.setValue(3)
    plan = dock.plan.text()
    for part in ("3 minutes", "“noisy”", "20 %", f"“{dock.form.name.text()}”", "Restore dock"):
        assert part in plan
    viewer.layers.clear()
    assert "Open a cube" in dock.plan.text()
    assert not dock.panel.start.isEnabled()


def test_a_dock_that_is_opened_first_offers_a_denoiser_and_ticks_the_cube_that_comes(
    qtbot, viewer, dock, scene, tmp_path
):
    viewer.layers.clear()
    dock.close()
    dock = open_dock(viewer, "Fine-tune")
    form = dock.form
    assert form.start_model == automatic_choice(31)[0]
    assert all(button.isEnabled() for button in form.methods.values())
    layer = add(viewer, scene.replace(name="mine"))
    assert [source.name for source in form.material.ticked] == ["mine"]
    assert dock.panel.start.isEnabled()
    # What the user takes away stays away.
    form.material.list.item(0).setCheckState(Qt.CheckState.Unchecked)
    layer.name = "renamed"
    add(viewer, scene.replace(name="other"))
    assert form.material.ticked == []
    many = demo_scene(size=16, bands=80)
    form.material.add_files([write(many, tmp_path / "many.npy")])
    qtbot.waitUntil(lambda: form.start_model == automatic_choice(80)[0], timeout=PATIENCE_MS)
    assert form.start_model != automatic_choice(31)[0]


def test_a_start_model_that_is_removed_is_replaced_by_a_denoiser(qtbot, viewer, dock):
    dock.form.minutes.setValue(1)
    dock.panel.start.click()
    wait_idle(qtbot, dock)
    [mine] = own_models()
    dock.form.start_model = mine
    dock.form.start.activated.emit(dock.form.start.currentIndex())
    dock.library.remove()
    assert dock.form.start_model == automatic_choice(12)[0]


def test_how_many_gpus_learn_can_be_said_where_there_are_several(dock):
    cpu = DeviceInfo("cpu", "CPU", 1 << 30, 2 << 30)
    gpus = [DeviceInfo(f"cuda:{index}", f"GPU {index}", 1 << 30, 2 << 30) for index in range(2)]
    form = dock.form
    for devices, shown in (([cpu], False), ([gpus[0], cpu], False), ([*gpus, cpu], True)):
        form.show_devices(devices)
        assert form.gpus.isVisibleTo(form.advanced.content()) == shown
        assert form.recipe().devices == "auto"
    assert form.compute.device.currentText() == "auto: 2 GPUs"
    form.gpus.setValue(1)
    assert form.recipe().devices == 1
    assert form.compute.device.currentText() == "auto: GPU 0"
    form.gpus.setValue(2)
    assert form.recipe().devices == 2
    # Whoever names a device means that one.
    form.compute.device.setCurrentIndex(form.compute.device.findData("cuda:1"))
    assert not form.gpus.isVisibleTo(form.advanced.content())
    assert (form.recipe().device, form.recipe().devices) == ("cuda:1", "auto")


def test_start_learns_shows_it_and_the_model_is_in_the_list(qtbot, viewer, dock, client):
    heard = []
    model_library.changed.connect(lambda: heard.append(own_models()))
    restore = open_dock(viewer, "Restore")
    dock.form.minutes.setValue(1)
    notification_manager.records.clear()
    dock.panel.start.click()
    wait_for_step(qtbot, dock, 4)
    assert dock.tabs.tabText(dock.tabs.currentIndex()) == "Progress"
    assert dock.live.plot.psnr.floor == (30.0, "start model: 30.00 dB")
    qtbot.waitUntil(lambda: dock.live.preview.shown is not None, timeout=PATIENCE_MS)
    wait_idle(qtbot, dock)
    assert "is in the list of the Restore dock" in dock.panel.status.text()
    assert own_models() == [client.jobs[0].job.name]
    # Its dock may be closed by then: how good it is stands there, too.
    [told] = [
        note.message for note in notification_manager.records if "Restore dock" in note.message
    ]
    assert told.endswith("+1.00 dB in a test.")
    assert heard == [own_models()]
    assert restore.form.picker.list.findText(own_models()[0]) > 0
    assert dock.library.model == own_models()[0]
    assert dock.form.start.findData(own_models()[0]) >= 0
    assert dock.form.name.text() not in own_models()


def test_stop_keeps_the_best_and_resume_goes_on(qtbot, viewer, dock, client):
    dock.form.minutes.setValue(10)
    dock.panel.start.click()
    wait_for_step(qtbot, dock, 8)
    dock.panel.stop.click()
    wait_idle(qtbot, dock)
    assert dock.panel.status.text().startswith("Stopped. The model")
    assert len(own_models()) == 1
    qtbot.waitUntil(lambda: len(dock.unfinished.shown) == 1, timeout=PATIENCE_MS)
    before = step_of(dock)
    resume = next(name for name in texts(dock) if name.startswith("Resume"))
    named(dock, QPushButton, resume).click()
    wait_for_step(qtbot, dock, before + 5)
    assert dock.unfinished.shown == ()
    dock.panel.stop.click()
    wait_idle(qtbot, dock)
    assert len(own_models()) == 1


def test_a_dock_that_is_closed_and_opened_again_shows_the_job(qtbot, viewer, dock, client):
    dock.form.minutes.setValue(10)
    dock.panel.start.click()
    wait_for_step(qtbot, dock, 4)
    viewer.window.remove_dock_widget(dock)
    at = client.jobs[0].course.curves["loss"][-1][0]
    qtbot.waitUntil(lambda: client.jobs[0].course.curves["loss"][-1][0] > at + 3)
    again = open_dock(viewer, "Fine-tune")
    wait_for_step(qtbot, again, at + 6)
    assert again.tabs.tabText(again.tabs.currentIndex()) == "Progress"
    assert again.panel.stop.isEnabled()
    again.panel.stop.click()
    wait_idle(qtbot, again)
    assert own_models() == [client.jobs[0].job.name]


def test_a_second_job_waits_and_says_so(qtbot, viewer, dock, client):
    dock.form.minutes.setValue(10)
    dock.panel.start.click()
    first = client.jobs[0].job.name
    assert dock.panel.start.text() == "Start another"
    dock.panel.start.click()
    assert "(1 more waiting)" in dock.panel.status.text()
    wait_for_step(qtbot, dock, 4)
    dock.panel.stop.click()
    qtbot.waitUntil(lambda: client.jobs[1].state == "learning", timeout=PATIENCE_MS)
    assert client.jobs[1].job.name != first

    def has_learned():
        # Of the second: the plot may still show the first for a moment.
        loss = client.jobs[1].course.curves.get("loss", [])
        return bool(loss) and loss[-1][0] >= 4

    qtbot.waitUntil(has_learned, timeout=PATIENCE_MS)
    dock.panel.stop.click()
    wait_idle(qtbot, dock)
    assert len(own_models()) == 2


def test_a_job_that_waits_is_listed_and_can_be_taken_back(qtbot, viewer, dock, client):
    dock.form.minutes.setValue(10)
    for _ in range(2):
        dock.panel.start.click()
    first, second = client.jobs
    assert dock.waiting.shown == (second,)
    assert dock.waiting.isVisibleTo(dock)
    wait_for_step(qtbot, dock, 2)
    named(dock, QPushButton, f"Withdraw {second.job.name}").click()
    assert second.state == "withdrawn"
    assert first.state == "learning"
    assert not dock.waiting.isVisibleTo(dock)
    assert "waiting" not in dock.panel.status.text()
    # Its name can be had again.
    qtbot.waitUntil(lambda: not second.folder.exists(), timeout=PATIENCE_MS)
    dock.panel.stop.click()
    wait_idle(qtbot, dock)


def test_a_killed_child_is_a_sentence_and_can_be_resumed(qtbot, viewer, dock, client):
    dock.form.minutes.setValue(10)
    dock.panel.start.click()
    wait_for_step(qtbot, dock, 12)
    with notification_manager:
        os.kill(client.pid, signal.SIGKILL)
        wait_idle(qtbot, dock)
    assert "killed by signal 9" in dock.panel.status.text()
    qtbot.waitUntil(lambda: len(dock.unfinished.shown) == 1, timeout=PATIENCE_MS)
    dock.learnings.resume(dock.unfinished.shown[0])
    wait_for_step(qtbot, dock, 14)
    dock.panel.stop.click()
    wait_idle(qtbot, dock)


def test_jobs_can_be_resumed_after_the_last_window_is_closed(qtbot, viewer, dock, client):
    dock.form.minutes.setValue(10)
    dock.panel.start.click()
    wait_for_step(qtbot, dock, 4)
    viewer.close()
    qtbot.waitUntil(lambda: client.pid is None, timeout=PATIENCE_MS)
    [unfinished] = client.unfinished()
    assert unfinished.ending.reason == "interrupted"


def test_a_run_of_the_command_line_is_shown_and_offered_when_it_is_interrupted(
    qtbot, dock, client, scene
):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        folder = runs_folder() / "theirs"
        (folder / learning_job.INPUTS).mkdir(parents=True)
        material = Material([scene.replace(name="noisy")])
        material.write(folder, lambda: False)
        recipe = FakeRecipe(name="theirs", steps=10**6).model_dump_json()
        learning_job.write_text(folder / learning_job.RECIPE, recipe)
        started = psutil.Process(other.pid).create_time()
        owner = json.dumps({"pid": other.pid, "started": started})
        learning_job.write_text(folder / "owner.json", owner)
        log = Log(folder / learning_job.EVENTS)
        log.add(Progress(0.4, "learning", 90.0), 0.0)
        job = LearningJob(kind="finetune", name="theirs", cubes=(), minutes=9)
        learning_job.write_job(folder, material.describe(job))
        said = "“theirs” runs in another program: learning, 40% · about 1 min 30 s left."
        qtbot.waitUntil(lambda: dock.unfinished.sentences == [said], timeout=PATIENCE_MS)
        assert not any("theirs" in name for name in texts(dock))
        log.add(Progress(0.5, "learning", 60.0), 9.0)
        qtbot.waitUntil(lambda: "50%" in dock.unfinished.sentences[0], timeout=PATIENCE_MS)
    finally:
        other.kill()
        other.wait()
        other.stdin.close()
    qtbot.waitUntil(
        lambda: dock.unfinished.sentences == ["“theirs” was interrupted at 50%."],
        timeout=PATIENCE_MS,
    )
    named(dock, QPushButton, "Resume theirs").click()
    wait_for_step(qtbot, dock, 2)
    dock.panel.stop.click()
    wait_idle(qtbot, dock)


def test_any_dock_tells_of_an_interrupted_job(qtbot, viewer, dock, client):
    dock.form.minutes.setValue(10)
    dock.panel.start.click()
    wait_for_step(qtbot, dock, 4)
    client.close()
    remind_of_unfinished.cache_clear()
    with notification_manager:
        open_dock(viewer, "Inspect")
        name = f"“{client.jobs[0].job.name}” was interrupted"
        qtbot.waitUntil(
            lambda: any(name in note.message for note in notification_manager.records),
            timeout=PATIENCE_MS,
        )


def test_what_is_forgotten_is_gone(qtbot, viewer, dock, client, monkeypatch):
    dock.form.minutes.setValue(10)
    dock.panel.start.click()
    wait_for_step(qtbot, dock, 4)
    dock.panel.stop.click()
    qtbot.waitUntil(lambda: len(dock.unfinished.shown) == 1, timeout=PATIENCE_MS)
    forget = next(name for name in texts(dock) if name.startswith("Forget"))
    answers = iter([QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes])
    monkeypatch.setattr(QMessageBox, "question", lambda *_: next(answers))
    named(dock, QPushButton, forget).click()
    assert len(client.unfinished()) == 1
    named(dock, QPushButton, forget).click()
    qtbot.waitUntil(lambda: dock.unfinished.shown == (), timeout=PATIENCE_MS)
    assert client.unfinished() == ()
    assert len(own_models()) == 1


@pytest.mark.parametrize("method", ["self-supervised", "degraded", "reference"])
def test_each_way_asks_for_what_it_needs_and_hands_it_on(qtbot, viewer, dock, scene, method):
    add(viewer, scene.replace(name="other", data=np.asarray(scene.data) * 2))
    tick(dock, "noisy")
    dock.form.method = method
    assert dock.form.pairs.isVisibleTo(dock.form) == (method == "reference")
    assert dock.form.noise_from.isVisibleTo(dock.form) == (method == "degraded")
    if method == "degraded":
        assert "Choose a noisy cube" in dock.form.explained.text()
        chooser = dock.form.noise_from
        chooser.setCurrentIndex(chooser.findText("other"))
        chooser.activated.emit(chooser.currentIndex())
        assert "Choose a noisy cube" not in dock.form.explained.text()
    dock.form.minutes.setValue(10)
    dock.panel.start.click()
    wait_for_step(qtbot, dock, 1)
    folder = dock.learnings.client.jobs[0].folder
    material = Material.read(folder, read_job(folder))
    expected = np.asarray(scene.data) * 2
    assert [cube.name for cube in material.cubes] == ["noisy"]
    assert (material.references is not None) == (method == "reference")
    assert (material.noise_from is not None) == (method == "degraded")
    for cube in (material.references or ()) + ((material.noise_from,) * (method == "degraded")):
        np.testing.assert_array_equal(cube.data, expected)
    dock.panel.stop.click()
    wait_idle(qtbot, dock)


def test_a_model_that_enlarges_has_one_way(viewer, dock):
    dock.form.method = "self-supervised"
    dock.form.start_model = "eigensr_x2"
    assert dock.form.recipe().method == "degraded"
    assert "super-resolution has one way" in dock.form.explained.text()
    assert not any(button.isEnabled() for button in dock.form.methods.values())
    assert not dock.form.noise_from.isVisibleTo(dock.form)
    dock.form.start_model = "stas_c"
    assert dock.form.recipe().method == "self-supervised"


def test_a_missing_reference_is_asked_for(viewer, dock, client, scene):
    for name in ("second", "third"):
        add(viewer, scene.replace(name=name))
    tick(dock, "noisy")
    dock.form.method = "reference"
    dock.panel.start.click()
    assert dock.panel.status.text() == "Choose the clean version of “noisy”."
    assert client.jobs == ()


def test_cubes_that_do_not_go_together_are_a_sentence_over_the_form(qtbot, viewer, dock):
    add(viewer, demo_scene(size=40, bands=9).replace(name="other"))
    tick(dock, "noisy", "other")
    with notification_manager:
        dock.panel.start.click()
        wait_idle(qtbot, dock)
    assert "other: has 9 bands, noisy has 12" in dock.panel.status.text()
    assert dock.tabs.tabText(dock.tabs.currentIndex()) == "New"


def test_files_are_learned_from_without_a_layer(qtbot, viewer, dock, scene, tmp_path):
    path = write(scene, tmp_path / "cube of mine.npy")
    viewer.layers.clear()
    dock.form.material.add_files([path])
    assert "cube of mine.npy" in dock.plan.text()
    assert dock.form.name.text().endswith("-cube-of-mine")
    dock.form.minutes.setValue(1)
    dock.panel.start.click()
    wait_idle(qtbot, dock)
    assert "is in the list" in dock.panel.status.text()


def test_a_name_that_is_taken_is_refused_in_one_sentence(viewer, dock, client):
    dock.form.name.setText("stas_c")
    dock.form.name.textEdited.emit("stas_c")
    with notification_manager:
        dock.panel.start.click()
        assert any("exists already" in text for text in complaints())
    assert "exists already" in dock.panel.status.text()
    assert client.jobs == ()


def test_settings_are_remembered(viewer, dock):
    dock.form.minutes.setValue(7)
    dock.form.method = "degraded"
    viewer.window.remove_dock_widget(dock)
    viewer.window.add_dock_widget(type(dock)(viewer), name="again")
    again = viewer.window.dock_widgets["again"]
    assert (again.form.minutes.value(), again.form.method) == (7.0, "degraded")


def test_what_is_known_of_a_model_is_said_the_users_cubes_first():
    record = zoo.record("stas_c")
    bundled = record.provenance.data
    mine = record.provenance.model_copy(update={"data": (*bundled, "my cube")})
    said = about(
        record.model_copy(
            update={"purpose": "stas_c fine-tuned", "remark": "+1 dB.", "provenance": mine}
        )
    )
    assert said.startswith("stas_c fine-tuned. +1 dB. Learned from my cube, ")
    assert said.endswith(f"and {len(bundled) - 5} more.")


def test_models_are_renamed_exported_removed_and_imported(
    qtbot, viewer, dock, tmp_path, monkeypatch
):
    dock.form.minutes.setValue(1)
    dock.panel.start.click()
    wait_idle(qtbot, dock)
    library = dock.library
    monkeypatch.setattr(QInputDialog, "getText", lambda *_, **__: ("fenix", True))
    named(library, QPushButton, "Rename").click()
    assert own_models() == ["fenix"] == [library.model]
    exported = tmp_path / "fenix.safetensors"
    monkeypatch.setattr(QFileDialog, "exec", lambda self: 1)
    monkeypatch.setattr(QFileDialog, "selectedFiles", lambda self: [str(exported)])
    named(library, QPushButton, "Export").click()
    assert exported.is_file()
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    named(library, QPushButton, "Remove").click()
    assert own_models() == []
    assert not named(library, QPushButton, "Export").isEnabled()
    exported.write_bytes(b"PK not a model")
    with notification_manager:
        named(library, QPushButton, "Import").click()
        qtbot.waitUntil(lambda: any("not opened" in text for text in complaints()))
    assert own_models() == []
