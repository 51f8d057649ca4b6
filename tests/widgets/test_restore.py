"""The Restore dock in a real window, with the real child process and bundled weights."""

from __future__ import annotations

import json
import os
import shlex
import signal

import numpy as np
import psutil
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QApplication

from napari_hsi_restore.cli import main
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.io import read, write
from napari_hsi_restore.jobs.client import JobClient, shared_client
from napari_hsi_restore.plugin.layers import METADATA_KEY, cube_to_layer_data
from napari_hsi_restore.restore.recipe import AUTOMATIC
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.widgets.compare import CompareWidget
from napari_hsi_restore.widgets.inspect import InspectWidget
from napari_hsi_restore.widgets.restore import RestoreWidget

pytestmark = pytest.mark.gui

PATIENCE_MS = 120_000


@pytest.fixture(autouse=True)
def own_settings(tmp_path):
    """Settings of this test alone, not the user's."""
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path))


@pytest.fixture(autouse=True)
def one_child_for_all(monkeypatch):
    """Starting a child costs seconds: it outlives the windows of these tests."""
    monkeypatch.setattr(JobClient, "retire", lambda self: None)


@pytest.fixture(scope="module", autouse=True)
def child_ends_with_the_tests():
    yield
    shared_client().close()


@pytest.fixture(scope="module")
def clean():
    return demo_scene(size=64)


@pytest.fixture(scope="module")
def noisy(clean):
    return degrade(clean, "gaussian-50").replace(name="noisy")


@pytest.fixture
def viewer(make_napari_viewer, noisy):
    viewer = make_napari_viewer(show=True)
    add(viewer, noisy)
    return viewer


@pytest.fixture
def dock(viewer):
    return open_dock(viewer)


def add(viewer, cube):
    [(data, options, _)] = cube_to_layer_data(cube)
    return viewer.add_image(data, **options)


def open_dock(viewer):
    dock = RestoreWidget(viewer)
    viewer.window.add_dock_widget(dock, name="Restore")
    return dock


def wait_idle(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.runs.status.busy, timeout=PATIENCE_MS)


def error(layer_or_cube, clean):
    return float(np.sqrt(np.mean((np.asarray(layer_or_cube.data) - clean.array()) ** 2)))


def slow_layer(viewer):
    values = np.random.default_rng(0).normal(1, 0.1, (31, 400, 400)).astype(np.float32)
    return viewer.add_image(values, name="large")


def test_run_adds_an_aligned_cleaner_layer_with_its_history(qtbot, viewer, dock, noisy, clean):
    source = viewer.layers["noisy"]
    source.scale, source.translate = (1, 2, 2), (0, 7, 9)
    dock.form.denoise.residual.setChecked(True)
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    assert "finished" in dock.panel.status.text()
    assert len(viewer.layers) == 3
    result = next(layer for layer in viewer.layers if "[denoise: " in layer.name)
    residual = next(layer for layer in viewer.layers if "[residual: " in layer.name)
    assert error(result, clean) < 0.5 * error(noisy, clean)
    np.testing.assert_allclose(result.scale, source.scale)
    np.testing.assert_allclose(result.translate, source.translate)
    np.testing.assert_allclose(residual.data, source.data - result.data, atol=1e-6)
    cube = result.metadata[METADATA_KEY]["cube"]
    np.testing.assert_array_equal(cube.wavelengths_nm, noisy.wavelengths_nm)
    assert cube.history[:-1] == noisy.history
    assert json.loads(cube.history[-1])["model"] in result.name
    assert dock.layer == source


def test_preview_covers_what_is_in_view_and_replaces_the_last_one(qtbot, viewer, dock):
    source = viewer.layers["noisy"]
    source.translate = (0, 100, 50)
    viewer.reset_view()
    # The docks may have made the canvas narrow since.
    viewer.scene.camera.zoom *= 0.7
    qtbot.wait(100)
    dock.panel.preview.click()
    wait_idle(qtbot, dock)
    assert viewer.layers["preview"].data.shape == source.data.shape
    viewer.scene.camera.center = (0, 100 + 20, 50 + 30)
    viewer.scene.camera.zoom *= 4 / 0.7
    qtbot.wait(100)
    (_, top, left), (_, bottom, right) = source.corner_pixels
    dock.panel.preview.click()
    wait_idle(qtbot, dock)
    assert [layer.name for layer in viewer.layers] == ["noisy", "preview"]
    preview = viewer.layers["preview"]
    assert preview.data.shape[1:] == (bottom - top + 1, right - left + 1)
    assert preview.data.shape[1] < source.data.shape[1]
    np.testing.assert_allclose(preview.translate, (0, 100 + top, 50 + left))
    assert dock.layer == source


def test_noise_is_drawn_over_the_wavelength(qtbot, dock, noisy):
    assert not dock.form.denoise.chart.shows_noise
    dock.form.denoise.estimate.click()
    wait_idle(qtbot, dock)
    assert dock.form.denoise.chart.shows_noise
    where, sigma = dock.form.denoise.chart.curve.getData()
    np.testing.assert_array_equal(where, noisy.wavelengths_nm)
    np.testing.assert_allclose(np.median(sigma), 50, rtol=0.15)


def test_cancel_adds_nothing_and_the_next_run_works(qtbot, viewer, dock):
    large = slow_layer(viewer)
    assert dock.layer == large
    dock.panel.run.click()
    qtbot.waitUntil(lambda: (dock.runs.status.fraction or 0) > 0.01, timeout=PATIENCE_MS)
    assert dock.panel.cancel.isEnabled()
    dock.panel.cancel.click()
    wait_idle(qtbot, dock)
    assert "cancelled" in dock.panel.status.text()
    assert not dock.panel.cancel.isEnabled()
    assert len(viewer.layers) == 2
    viewer.layers.selection.active = viewer.layers["noisy"]
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    assert len(viewer.layers) == 3


def test_a_killed_child_is_said_in_one_sentence(qtbot, viewer, dock):
    slow_layer(viewer)
    dock.panel.run.click()
    qtbot.waitUntil(lambda: (dock.runs.status.fraction or 0) > 0.01, timeout=PATIENCE_MS)
    os.kill(shared_client().pid, signal.SIGKILL)
    wait_idle(qtbot, dock)
    assert "killed by signal 9" in dock.panel.status.text()
    assert len(viewer.layers) == 2


def test_a_second_run_waits_and_says_so(qtbot, viewer, dock):
    dock.panel.run.click()
    dock.panel.run.click()
    assert "1 more waiting" in dock.panel.status.text()
    wait_idle(qtbot, dock)
    assert len(viewer.layers) == 3


def test_the_run_survives_its_dock_and_its_source(qtbot, viewer, clean):
    first = open_dock(viewer)
    first.panel.run.click()
    viewer.window.remove_dock_widget(first)
    viewer.layers.remove("noisy")
    again = open_dock(viewer)
    qtbot.waitUntil(lambda: "Denoising “noisy”" in again.panel.status.text())
    assert again.panel.cancel.isEnabled()
    assert not again.panel.run.isEnabled()
    wait_idle(qtbot, again)
    [result] = viewer.layers
    assert result.name.startswith("noisy [denoise: ")
    assert again.panel.run.isEnabled()


def test_only_cubes_can_be_chosen_and_the_active_one_is_followed(viewer, dock):
    flat = viewer.add_image(np.zeros((5, 6)), name="flat")
    viewer.add_image(np.zeros((2, 5, 6, 3)), rgb=True, name="colour")
    viewer.add_labels(np.zeros((3, 5, 6), int), name="labels")
    second = viewer.add_image(np.random.default_rng(0).random((3, 5, 6)), name="second")
    names = [dock.source.itemText(index) for index in range(dock.source.count())]
    assert names == ["noisy", "second"]
    assert dock.layer == second
    viewer.layers.selection.active = flat
    assert dock.layer == second
    viewer.layers.selection.active = viewer.layers["noisy"]
    assert dock.layer == viewer.layers["noisy"]
    second.name = "renamed"
    assert dock.source.itemText(1) == "renamed"
    viewer.layers.clear()
    assert dock.layer is None
    assert not dock.panel.run.isEnabled()


def test_the_copied_command_repeats_the_run(viewer, dock, noisy, tmp_path):
    QApplication.clipboard().setText("untouched")
    dock.copy.click()
    assert QApplication.clipboard().text() == "untouched"
    assert "in no file yet" in dock.panel.status.text()
    add(viewer, noisy.replace(source=str(tmp_path / "my cube.hdr"), history=()))
    dock.form.denoise.noise.setCurrentIndex(1)
    dock.form.denoise.sigma.setValue(50)
    dock.form.denoise.strength.setValue(0.75)
    dock.copy.click()
    words = shlex.split(QApplication.clipboard().text())
    assert words[:3] == ["napari-hsi-restore", "denoise", str(tmp_path / "my cube.hdr")]
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert options["--noise"] == "50"
    assert options["--strength"] == "0.75"


def test_the_copied_command_gives_the_same_result(qtbot, viewer, dock, noisy, tmp_path):
    viewer.open(str(write(noisy, tmp_path / "my cube.hdr")), plugin="napari-hsi-restore")
    dock.form.picker.model = "stas_c"
    dock.form.denoise.noise.setCurrentIndex(1)
    dock.form.denoise.sigma.setValue(42.5)
    dock.form.denoise.strength.setValue(0.75)
    dock.form.compute.memory.setValue(0.5)
    dock.copy.click()
    words = shlex.split(QApplication.clipboard().text())
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    result = viewer.layers["my cube [denoise: stas_c]"]
    assert main(words[1:]) == 0
    np.testing.assert_allclose(read(words[3]).array(), np.asarray(result.data), atol=1e-4)


def test_the_result_gets_limits_of_its_own_unless_the_user_chose_some(qtbot, viewer, dock):
    source = viewer.layers["noisy"]
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    low, high = source.contrast_limits
    assert low < viewer.layers[-1].contrast_limits[0]
    assert viewer.layers[-1].contrast_limits[1] < high
    source.contrast_limits = (0.1, 0.6)
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    assert viewer.layers[-1].contrast_limits == [0.1, 0.6]


def test_a_closed_dock_listens_no_more_and_can_come_back(viewer, dock):
    frame = dock.parent()
    assert frame is not None
    dock.setParent(None)
    add(viewer, demo_scene(size=16).replace(name="late"))
    assert dock.source.findText("late") < 0
    viewer.window.add_dock_widget(dock, name="Restore again")
    assert dock.source.findText("late") >= 0
    assert dock.panel.run.isEnabled()


def test_docks_opened_one_after_another_share_one_place(qtbot, viewer):
    frames = []
    for kind in (InspectWidget, RestoreWidget, CompareWidget):
        frames.append(viewer.window.add_dock_widget(kind(viewer), area="right"))
        qtbot.waitUntil(frames[-1].isVisible)
    window = frames[0].parent()
    qtbot.waitUntil(lambda: set(window.tabifiedDockWidgets(frames[0])) == set(frames[1:]))
    qtbot.waitUntil(lambda: not frames[0].widget().visibleRegion().boundingRect().height())
    assert frames[2].widget().visibleRegion().boundingRect().height() > 0


def test_devices_are_listed_with_their_free_memory(qtbot, dock):
    qtbot.waitUntil(lambda: dock.form.compute.device.count() > 1, timeout=PATIENCE_MS)
    assert dock.form.compute.device.findData("cpu") > 0
    assert "GiB memory free" in dock.form.compute.free.text()


def test_settings_are_remembered(viewer, dock):
    dock.form.denoise.noise.setCurrentIndex(1)
    dock.form.denoise.sigma.setValue(33)
    dock.form.denoise.strength.setValue(0.5)
    dock.form.compute.tile.setValue(64)
    dock.form.compute.memory.setValue(1.5)
    dock.form.picker.model = "stas_c"
    recipe = dock.form.recipe()
    assert (recipe.noise, recipe.strength, recipe.tile) == (33.0, 0.5, 64)
    assert (recipe.memory_limit_gib, recipe.model) == (1.5, "stas_c")
    assert open_dock(viewer).form.recipe() == recipe


def test_every_model_says_what_it_is_for(dock):
    picker = dock.form.picker
    purposes = set()
    for index in range(1, picker.list.count()):
        picker.list.setCurrentIndex(index)
        purposes.add(picker.purpose.text())
    assert len(purposes) == picker.list.count() - 1 > 0
    assert "" not in purposes


def test_auto_says_what_it_does(viewer, dock):
    viewer.add_image(np.random.default_rng(0).random((3, 9, 9)), name="other")
    assert dock.form.picker.model == "auto"
    assert dock.form.picker.list.currentText() == "auto (recommended)"
    assert dock.form.picker.purpose.text() == AUTOMATIC


def test_an_estimate_stays_with_its_layer_until_its_values_change(qtbot, viewer, dock):
    source = viewer.layers["noisy"]
    dock.form.denoise.estimate.click()
    wait_idle(qtbot, dock)
    summary = dock.form.denoise.summary.text()
    viewer.add_image(np.random.default_rng(0).random((4, 9, 9)), name="other")
    assert not dock.form.denoise.chart.shows_noise
    viewer.layers.selection.active = source
    assert dock.form.denoise.chart.shows_noise
    assert dock.form.denoise.summary.text() == summary
    source.data = source.data * 2
    assert not dock.form.denoise.chart.shows_noise


def test_the_child_ends_with_the_window(qtbot, viewer, dock, monkeypatch):
    monkeypatch.undo()
    slow_layer(viewer)
    dock.panel.run.click()
    qtbot.waitUntil(lambda: (dock.runs.status.fraction or 0) > 0.01, timeout=PATIENCE_MS)
    pid = shared_client().pid
    viewer.close()
    qtbot.waitUntil(lambda: not psutil.pid_exists(pid), timeout=PATIENCE_MS)


def test_what_listens_to_new_layers_may_fail_and_the_next_run_works(qtbot, viewer, dock):
    def fail(event):
        raise RuntimeError("not ours")

    with notification_manager:
        viewer.layers.events.inserted.connect(fail)
        dock.panel.preview.click()
        wait_idle(qtbot, dock)
        assert "not ours" in dock.panel.status.text()
        viewer.layers.events.inserted.disconnect(fail)
        dock.panel.preview.click()
        wait_idle(qtbot, dock)
    assert "finished" in dock.panel.status.text()
    assert [layer.name for layer in viewer.layers] == ["noisy", "preview"]


def test_a_cube_without_values_is_a_sentence_and_adds_nothing(qtbot, viewer, dock):
    viewer.add_image(np.full((3, 8, 8), np.nan, np.float32), name="blank")
    with notification_manager:
        dock.panel.run.click()
        wait_idle(qtbot, dock)
    assert "blank" in notification_manager.records[-1].message
    assert [layer.name for layer in viewer.layers] == ["noisy", "blank"]
    assert dock.panel.run.isEnabled()
