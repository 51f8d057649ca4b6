"""The Restore dock in a real window, with the real child process and bundled weights."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys

import numpy as np
import psutil
import pytest
import tifffile
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QApplication, QToolTip

from napari_hsi_restore.degradations import add_dead_lines, add_stripes, degrade
from napari_hsi_restore.io import read, write
from napari_hsi_restore.jobs.client import JobClient, shared_client
from napari_hsi_restore.noise import NoiseReport
from napari_hsi_restore.plugin.band_edits import BandEdits
from napari_hsi_restore.plugin.layers import METADATA_KEY, cube_to_layer_data
from napari_hsi_restore.plugin.mask_layers import painted_pixels
from napari_hsi_restore.restore.recipe import AUTOMATIC
from napari_hsi_restore.restore.removed import Removed
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.widgets.compare import CompareWidget
from napari_hsi_restore.widgets.inspect import InspectWidget
from napari_hsi_restore.widgets.parts.removed_layers import kept
from napari_hsi_restore.widgets.restore import RestoreWidget

pytestmark = pytest.mark.gui

PATIENCE_MS = 300_000


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


def run_copied(words):
    """Run a copied command as in a terminal: a process of its own."""
    subprocess.run([sys.executable, "-m", "napari_hsi_restore", *words[1:]], check=True)


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
    assert "Noise of standard deviation" in dock.form.denoise.found.findings.text()
    assert "auto takes refined" in dock.form.denoise.found.advice.text()
    assert dock.form.picker.list.itemText(0) == "auto: refined"


def test_what_is_wrong_with_single_bands_is_marked_and_said_under_the_pointer(
    qtbot, viewer, dock, monkeypatch
):
    cube = demo_scene(size=64, bands=40, wavelength_range=(900, 2500))
    bad = degrade(cube, "gaussian-10", seed=0)
    data = add_dead_lines(bad.data.copy(), [5], np.random.default_rng(0))
    data = add_stripes(data, [9], np.random.default_rng(0))
    data[30:33] = 0.3
    good = np.ones(40, bool)
    good[35] = False
    add(viewer, bad.replace(data=data, good_bands=good, name="bad"))
    viewer.layers.selection.active = viewer.layers["bad"]
    dock.form.denoise.estimate.click()
    wait_idle(qtbot, dock)
    chart, found = dock.form.denoise.chart, dock.form.denoise.found
    marked = {name: list(marks.getData()[0]) for name, marks in chart.marks.items()}
    assert marked["dead lines"] == [cube.wavelengths_nm[5]]
    assert marked["stripes (gain)"] == []
    assert marked["stripes (shift)"] == [cube.wavelengths_nm[9]]
    assert marked["impulses"] == []
    assert "dead columns" in chart.described(5)
    assert "stripes (shift)" in chart.described(9)
    assert "not worth using: constant" in chart.described(31)
    assert "not worth using: marked in the file" in chart.described(35)
    assert f"Band 5, {cube.wavelengths_nm[5]:.5g} nm" in chart.described(5)
    assert "dead lines" in chart.legend.text()
    assert "bad bands" in chart.legend.text()
    assert "Not worth using (constant)" in found.findings.text()
    told = []
    monkeypatch.setattr(QToolTip, "showText", lambda place, text, widget: told.append(text))
    # Its axes follow with the next drawing.
    qtbot.waitUntil(lambda: bool(chart.point_at(cube.wavelengths_nm[31]) or told))
    assert told[-1] == chart.described(31)


def test_looking_at_the_noise_shows_its_progress_and_can_be_cancelled(qtbot, viewer, dock):
    slow_layer(viewer)
    dock.form.denoise.estimate.click()
    qtbot.waitUntil(lambda: (dock.runs.status.fraction or 0) > 0, timeout=PATIENCE_MS)
    assert "looking at the noise" in dock.panel.status.text()
    dock.panel.cancel.click()
    wait_idle(qtbot, dock)
    assert "cancelled" in dock.panel.status.text()
    assert not dock.form.denoise.chart.shows_noise


def test_the_recommendation_is_taken_with_one_press(qtbot, viewer, dock, clean):
    add(viewer, degrade(clean, "stripe", seed=1).replace(name="striped"))
    viewer.layers.selection.active = viewer.layers["striped"]
    dock.form.picker.model = "stas_c"
    found = dock.form.denoise.found
    dock.form.denoise.estimate.click()
    wait_idle(qtbot, dock)
    assert "Recommended: mended, not stas_c. Stripes found" in found.advice.text()
    assert found.take.isVisibleTo(found)
    found.take.click()
    assert dock.form.picker.model == "mended"
    assert not found.take.isVisibleTo(found)
    dock.form.picker.model = "auto"
    assert "auto takes mended" in found.advice.text()
    assert dock.form.picker.list.itemText(0) == "auto: mended"
    assert "Stripes found" in dock.form.picker.purpose.text()


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_the_report_is_saved(qtbot, dock, tmp_path, monkeypatch, suffix):
    dock.form.denoise.estimate.click()
    wait_idle(qtbot, dock)
    path = tmp_path / f"report.{suffix}"
    monkeypatch.setattr(
        "napari_hsi_restore.widgets.restore.save_as",
        lambda parent, title, proposal, suffix, save: save(path),
    )
    dock.form.denoise.found.save_requested.emit(suffix)
    assert path.name in dock.panel.status.text()
    if suffix == "json":
        assert NoiseReport.model_validate_json(path.read_text()).shape == (31, 64, 64)
    else:
        rows = path.read_text().splitlines()
        assert rows[0].startswith("band,wavelength_nm,sigma,sigma_255")
        assert len(rows) == 1 + 31
        assert float(rows[1].split(",")[3]) == pytest.approx(50, rel=0.3)


def test_painted_pixels_are_filled(qtbot, viewer, dock, clean):
    spoilt = clean.data.copy()
    spoilt[:, 20:26, 30:36] = 5.0
    source = add(viewer, clean.replace(data=spoilt, name="cloudy"))
    source.scale, source.translate = (1, 2, 2), (0, 5, 7)
    viewer.layers.selection.active = source
    mask = dock.form.denoise.mask
    assert [mask.itemText(n) for n in range(mask.count())] == ["None", "", "New…"]
    mask.activated.emit(mask.count() - 1)
    labels = viewer.layers["mask of cloudy"]
    assert mask.layer == labels
    assert dock.layer == source
    np.testing.assert_allclose(labels.data_to_world((3, 4)), source.data_to_world((0, 3, 4))[1:])
    with notification_manager:
        dock.panel.run.click()
        assert "Nothing is painted" in notification_manager.records[-1].message
    assert not dock.runs.status.busy
    labels.data[20:26, 30:36] = 1
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    result = viewer.layers["cloudy [denoise: fasthyin]"]
    assert np.abs(result.data[:, 20:26, 30:36] - clean.data[:, 20:26, 30:36]).mean() < 0.3
    dock.form.picker.model = "ngmeet"
    assert mask.layer is None
    assert "ngmeet fills nothing" in mask.toolTip()
    assert mask.currentText() == "not with this model"
    dock.form.picker.model = "inpaint"
    assert mask.currentText() == "mask of cloudy"


def test_only_what_lies_on_the_same_ground_can_be_a_mask(viewer, dock, noisy):
    source = viewer.layers["noisy"]
    shape = noisy.shape[1:]
    viewer.add_labels(np.zeros(shape, np.uint8), name="fits")
    viewer.add_labels(np.zeros(shape, np.uint8), name="moved", translate=(3, 3))
    viewer.add_labels(np.zeros((9, 9), np.uint8), name="small")
    viewer.add_shapes([np.array([[4, 4], [4, 12], [10, 12], [10, 4]])], name="drawn")
    mask = dock.form.denoise.mask
    assert dock.layer == source
    names = [mask.itemText(n) for n in range(mask.count())]
    assert sorted(names[1:-2]) == ["drawn", "fits"]
    hidden = painted_pixels(viewer.layers["drawn"], shape)
    assert hidden[5:10, 5:12].all()
    assert not hidden[:3].any()
    mask.choose(viewer.layers["drawn"])
    viewer.layers.remove("drawn")
    assert mask.layer is None


def test_the_command_names_the_file_of_the_mask(viewer, dock, noisy, tmp_path):
    viewer.open(str(write(noisy, tmp_path / "cube.hdr")), plugin="napari-hsi-restore")
    cloud = np.zeros(noisy.shape[1:], np.uint8)
    cloud[3:8, 3:8] = 1
    tifffile.imwrite(tmp_path / "cloud.tif", cloud)
    [labels] = viewer.open(str(tmp_path / "cloud.tif"), plugin="napari", layer_type="labels")
    viewer.layers.selection.active = viewer.layers["cube"]
    dock.form.denoise.mask.choose(labels)
    dock.copy.click()
    words = shlex.split(QApplication.clipboard().text())
    assert words[words.index("--mask") + 1] == str(tmp_path / "cloud.tif")
    labels.data[20:22, 20:22] = 1
    dock.copy.click()
    assert "--mask" not in QApplication.clipboard().text()
    assert "without the mask" in dock.panel.status.text()


def test_what_was_removed_can_be_looked_at(qtbot, viewer, dock, clean):
    data = clean.data.copy()
    plume = np.exp(-((np.arange(31) - 20) ** 2) / 4)
    data[:, 40:50, 20:30] -= 0.2 * plume[:, None, None]
    add(viewer, degrade(clean.replace(data=data), "gaussian-10", seed=0).replace(name="plume"))
    viewer.layers.selection.active = viewer.layers["plume"]
    dock.form.picker.model = "stas_c"
    dock.form.denoise.strength.setValue(1.5)
    panel = dock.removed
    assert not panel.point_out.isVisibleTo(dock)
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    assert "hat was removed" in dock.panel.status.text()
    panel.fold.click()
    assert panel.name.text() == "plume [denoise: stas_c]"
    assert not panel.over_space.pixmap().isNull()
    assert panel.over_space.isVisibleTo(panel)
    viewer.layers.selection.active = viewer.layers["noisy"]
    assert not panel.over_space.isVisibleTo(panel)
    viewer.layers.selection.active = viewer.layers["plume"]
    assert panel.over_space.isVisibleTo(panel)
    assert open_dock(viewer).removed.name.text() == panel.name.text()


def test_the_places_of_a_preview_go_with_it(qtbot, viewer, dock, clean):
    data = clean.data.copy()
    data[:, 30:33, 30:33] += 0.5
    add(viewer, degrade(clean.replace(data=data), "gaussian-2", seed=0).replace(name="glint"))
    viewer.layers.selection.active = viewer.layers["glint"]
    dock.form.picker.model = "smooth"
    dock.panel.preview.click()
    wait_idle(qtbot, dock)
    (top, left), shape = viewer.layers["preview"].translate[1:], viewer.layers["preview"].data.shape
    dock.removed.point_out.click()
    points = viewer.layers["what was removed: preview"]
    assert np.all(points.data >= (top, left))
    assert np.all(points.data < (top + shape[1], left + shape[2]))
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    assert points not in viewer.layers
    assert dock.removed.name.text() == "glint [denoise: smooth]"


def test_places_are_pointed_out_on_the_image_with_their_spectra(qtbot, viewer, dock, clean):
    source = viewer.layers["noisy"]
    source.scale, source.translate = (1, 2, 2), (0, 5, 7)
    result = add(viewer, clean.replace(name="noisy [denoise: made up]"))
    rng = np.random.default_rng(0)
    removed = Removed(
        over_space=np.eye(21, dtype=np.float32),
        over_bands=np.eye(31, dtype=np.float32),
        bands=np.arange(31),
        points=((10, 20), (40, 50)),
        before=rng.random((2, 31), dtype=np.float32),
        after=rng.random((2, 31), dtype=np.float32),
    )
    options = kept({"metadata": dict(result.metadata)}, removed, source)
    result.metadata = options["metadata"]
    viewer.layers.selection.active = result
    viewer.layers.selection.active = source
    panel = dock.removed
    assert panel.places.count() == 2
    panel.places.setCurrentIndex(1)
    where, before = panel.before.getData()
    np.testing.assert_array_equal(where, clean.wavelengths_nm)
    np.testing.assert_allclose(before, removed.before[1])
    np.testing.assert_allclose(panel.left.getData()[1], removed.before[1] - removed.after[1])
    panel.point_out.click()
    points = viewer.layers["what was removed: noisy [denoise: made up]"]
    np.testing.assert_allclose(points.data_to_world(points.data[1]), (5 + 80, 7 + 100))
    assert list(points.features["place"]) == [1, 2]
    assert dock.layer == source
    panel.places.setCurrentIndex(0)
    assert points.selected_data == {0}
    points.selected_data = {1}
    assert panel.places.currentIndex() == 1
    np.testing.assert_allclose(panel.after.getData()[1], removed.after[1])
    panel.point_out.click()
    assert points not in viewer.layers


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


def test_bands_marked_by_hand_are_left_out_and_the_dock_says_so(
    qtbot, viewer, dock, noisy, tmp_path
):
    field = dock.form.bad_bands
    assert not field.isVisible()
    viewer.open(str(write(noisy, tmp_path / "cube.hdr")), plugin="napari-hsi-restore")
    layer = viewer.layers["cube"]
    viewer.layers.selection.active = layer
    waves = noisy.wavelengths_nm
    BandEdits().mark(layer, waves[4] - 1, waves[6] + 1)
    assert field.isVisible()
    assert "3 bands marked bad (4–6)" in field.said.text()
    assert "passed through unchanged" in field.said.text()
    dock.form.picker.model = "fasthyde"
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    kept = np.asarray(viewer.layers["cube [denoise: fasthyde]"].data)
    np.testing.assert_array_equal(kept[4:7], noisy.array()[4:7].astype(np.float32))
    assert "which are marked bad" in dock.panel.status.text()
    field.choice.setCurrentIndex(field.choice.findData("restore"))
    assert "replaced by what the other bands say" in field.said.text()
    viewer.layers.selection.active = layer
    dock.copy.click()
    words = shlex.split(QApplication.clipboard().text())
    assert words[words.index("--mark-bad") + 1] == "4-6"
    run_copied(words)
    filled = read(words[3]).array()
    others = np.r_[0:4, 7 : noisy.n_bands]
    np.testing.assert_allclose(filled[others], kept[others], atol=1e-5)
    assert np.abs(filled[4:7] - kept[4:7]).mean() > 0.01
    scales = [dock.form.tasks.itemData(n).scale for n in range(dock.form.tasks.count())]
    dock.form.tasks.setCurrentIndex(next(n for n, scale in enumerate(scales) if scale))
    assert "enlarged by bicubic resampling alone" in field.said.text()
    assert not field.choice.isVisible()


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
    run_copied(words)
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
    names = [picker.list.itemText(index) for index in range(picker.list.count())]
    titles = [index for index, name in enumerate(names) if name in ("Networks", "Methods")]
    assert len(titles) == 2
    assert not any(picker.list.model().item(index).isEnabled() for index in titles)
    assert {"stas_c", "stas_p"} <= set(names[titles[0] + 1 : titles[1]])
    assert {"fasthyde", "ngmeet", "sparse", "inpaint"} <= set(names[titles[1] + 1 :])
    purposes = set()
    for index in range(1, picker.list.count()):
        if index not in titles:
            picker.list.setCurrentIndex(index)
            assert picker.model == names[index]
            purposes.add(picker.purpose.text())
    assert len(purposes) == picker.list.count() - 3 > 0
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
    summary = dock.form.denoise.found.findings.text()
    viewer.add_image(np.random.default_rng(0).random((4, 9, 9)), name="other")
    assert not dock.form.denoise.chart.shows_noise
    viewer.layers.selection.active = source
    assert dock.form.denoise.chart.shows_noise
    assert dock.form.denoise.found.findings.text() == summary
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
