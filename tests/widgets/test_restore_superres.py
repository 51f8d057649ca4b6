"""Super-resolution in the Restore dock, in a real window with the real child process."""

from __future__ import annotations

import shlex
import shutil

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QApplication, QTableWidget

from make.models import store_model
from napari_hsi_restore.cli import main
from napari_hsi_restore.cube import Georeference
from napari_hsi_restore.degradations import downscale
from napari_hsi_restore.io import read, write
from napari_hsi_restore.jobs.client import JobClient, shared_client
from napari_hsi_restore.models.spec import EigenSRSpec
from napari_hsi_restore.plugin.layers import cube_to_layer_data
from napari_hsi_restore.restore import superres_size
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.widgets.compare import CompareWidget
from napari_hsi_restore.widgets.restore import RestoreWidget
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE
from widgets.window import button, message, named, press

pytestmark = pytest.mark.gui

PATIENCE_MS = 300_000
PLACE = Georeference("EPSG:32633", (10.0, 0.0, 500.0, 0.0, -10.0, 900.0))


@pytest.fixture(autouse=True)
def own_settings(tmp_path):
    """Settings of this test alone, not the user's."""
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path))


@pytest.fixture(autouse=True)
def one_child_for_all(monkeypatch):
    """Starting a child costs seconds: it outlives the windows of these tests."""
    monkeypatch.setattr(JobClient, "retire", lambda self: None)


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory):
    """A quick model that adds nothing to bicubic, and one that does harm."""
    folder = tmp_path_factory.mktemp("models")
    store_model(folder, "tiny_x2", EigenSRSpec(scale=2, width=8, blocks=1, components=4), detail=0)
    store_model(folder, "wild_x3", EigenSRSpec(scale=3, width=8, blocks=1, components=4), detail=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(folder))
        yield
    shared_client().close()


@pytest.fixture(scope="module")
def clean():
    return demo_scene(size=96, bands=9)


@pytest.fixture(scope="module")
def low(clean):
    return downscale(clean, 2).replace(
        name="low", georeference=PLACE, units="reflectance", metadata={"sensor type": "demo"}
    )


@pytest.fixture
def viewer(make_napari_viewer, low):
    viewer = make_napari_viewer(show=True)
    add(viewer, low)
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


def choose(dock, scale, model="auto"):
    dock.form.tasks.setCurrentIndex(dock.form.tasks.findText(f"Super-resolve ×{scale}"))
    dock.form.picker.model = model
    assert dock.form.picker.model == model


def wait_idle(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.runs.status.busy, timeout=PATIENCE_MS)


def bundled(scale):
    return {f"{kind}_x{scale}" for kind in ("coarsr", "coarsr_eigensr", "eigensr")}


def corners(layer):
    """World coordinates of the outer edges of a layer, (y, x) of two opposite corners."""
    height, width = layer.data.shape[1:]
    first, last = (-0.5, -0.5), (height - 0.5, width - 0.5)
    return np.array([layer.data_to_world((0, *corner))[1:] for corner in (first, last)])


def test_only_models_of_the_task_and_scale_are_offered(dock):
    tasks = [dock.form.tasks.itemText(index) for index in range(dock.form.tasks.count())]
    assert tasks == ["Denoise", *(f"Super-resolve ×{scale}" for scale in (2, 3, 4, 8))]

    def offered():
        return {dock.form.picker.list.itemText(n) for n in range(1, dock.form.picker.list.count())}

    assert {"stas_c", "stas_p"} <= offered()
    choose(dock, 2)
    assert offered() == {*bundled(2), "tiny_x2", "back-projection", "bicubic"}
    choose(dock, 3)
    assert offered() == {"wild_x3", "back-projection", "bicubic"}
    choose(dock, 4)
    assert offered() == {*bundled(4), "back-projection", "bicubic"}
    assert dock.form.picker.list.itemText(0) == "auto: coarsr_eigensr_x4"
    assert "bicubic" in dock.form.picker.purpose.text()


def test_only_the_settings_of_the_task_are_shown(qtbot, dock):
    denoise = (dock.form.denoise.noise, dock.form.denoise.strength, dock.form.denoise.estimate)
    superres = (dock.form.superres.correction, dock.form.superres.foreseen)
    qtbot.waitUntil(dock.isVisible)
    assert all(field.isVisible() for field in denoise)
    assert not any(field.isVisible() for field in superres)
    choose(dock, 2)
    assert not any(field.isVisible() for field in denoise)
    assert all(field.isVisible() for field in superres)
    assert dock.form.superres.correction.isEnabled()
    choose(dock, 2, "bicubic")
    assert not dock.form.superres.correction.isEnabled()


def test_the_result_lies_over_its_source_and_its_file_keeps_everything(
    qtbot, viewer, dock, low, tmp_path
):
    source = viewer.layers["low"]
    source.scale, source.translate = (1, 2, 2), (0, 7, 9)
    choose(dock, 2, "eigensr_x2")
    assert "9 bands of 96 × 96 pixels" in dock.form.superres.foreseen.text()
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    result = viewer.layers["low [superres x2: eigensr_x2]"]
    assert result.data.shape == (9, 96, 96)
    np.testing.assert_allclose(result.scale, (1, 1, 1))
    np.testing.assert_allclose(result.translate, (0, 6.5, 8.5))
    np.testing.assert_allclose(corners(result), corners(source))
    text = dock.panel.status.text()
    assert "Shrunk by 2 again, the result differs from the input by" in text
    assert dock.layer == source
    viewer.layers.selection = {result}
    viewer.layers.save(str(tmp_path / "larger.hdr"), selected=True, plugin="napari-hsi-restore")
    saved = read(tmp_path / "larger.hdr")
    assert saved.georeference.transform == (5.0, 0.0, 500.0, 0.0, -5.0, 900.0)
    assert saved.georeference.crs == PLACE.crs
    assert saved.units == "reflectance"
    np.testing.assert_allclose(saved.wavelengths_nm, low.wavelengths_nm)
    assert '"step": "superres"' in saved.history[-1]
    np.testing.assert_array_equal(saved.array(), np.asarray(result.data))


def test_a_preview_lies_over_the_part_in_view(qtbot, viewer, dock):
    source = viewer.layers["low"]
    source.scale, source.translate = (1, 3, 3), (0, 100, 50)
    viewer.reset_view()
    viewer.scene.camera.center = (0, 100 + 60, 50 + 90)
    viewer.scene.camera.zoom *= 4
    qtbot.wait(100)
    (_, top, left), (_, bottom, right) = source.corner_pixels
    assert bottom - top < 40
    choose(dock, 2, "back-projection")
    dock.panel.preview.click()
    wait_idle(qtbot, dock)
    preview = viewer.layers["preview"]
    assert preview.data.shape == (9, 2 * (bottom - top + 1), 2 * (right - left + 1))
    expected = [
        source.data_to_world((0, top - 0.5, left - 0.5))[1:],
        source.data_to_world((0, bottom + 0.5, right + 0.5))[1:],
    ]
    np.testing.assert_allclose(corners(preview), expected)
    assert "Shrunk by 2 again" in dock.panel.status.text()
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    assert [layer.name for layer in viewer.layers] == ["low", "low [superres x2: back-projection]"]


def test_where_no_model_helps_it_is_said_in_plain_words(qtbot, viewer, dock):
    choose(dock, 3)
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    assert "back-projection instead of wild_x3, which does not beat bicubic" in (
        dock.panel.status.text()
    )
    assert viewer.layers[-1].name == "low [superres x3: back-projection]"


def test_cancel_adds_nothing(qtbot, viewer, dock):
    values = np.random.default_rng(0).normal(1, 0.1, (31, 400, 400)).astype(np.float32)
    viewer.add_image(values, name="large")
    choose(dock, 4, "eigensr_x4")
    dock.panel.run.click()
    qtbot.waitUntil(lambda: "tile 1" in dock.runs.status.text, timeout=PATIENCE_MS)
    assert dock.runs.status.fraction > 0
    dock.panel.cancel.click()
    wait_idle(qtbot, dock)
    assert "cancelled" in dock.panel.status.text()
    assert len(viewer.layers) == 2


def test_what_memory_or_disk_cannot_hold_is_said_before_anything_begins(
    qtbot, viewer, dock, monkeypatch
):
    choose(dock, 2, "bicubic")
    with notification_manager, monkeypatch.context() as patch:
        patch.setattr(superres_size, "SHARE", 0.0)
        choose(dock, 2, "back-projection")
        assert "GiB of memory" in dock.form.superres.foreseen.text()
        dock.panel.run.click()
        assert "GiB of memory" in notification_manager.records[-1].message
        assert "not begun" in dock.panel.status.text()
    choose(dock, 2, "bicubic")
    assert "96 × 96" in dock.form.superres.foreseen.text()
    full = shutil.disk_usage("/")._replace(free=9)
    with notification_manager, monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda folder: full)
        dock.panel.preview.click()
        assert "too full" in dock.panel.status.text()
    assert not dock.runs.status.busy
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    assert len(viewer.layers) == 2


def test_few_bands_are_enlarged_too(qtbot, viewer, dock):
    values = np.random.default_rng(0).random((3, 32, 32)).astype(np.float32)
    viewer.add_image(values, name="three bands")
    choose(dock, 2)
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    assert viewer.layers[-1].data.shape == (3, 64, 64)


def test_the_copied_command_gives_the_same_result(qtbot, viewer, dock, low, tmp_path):
    viewer.open(str(write(low, tmp_path / "my cube.hdr")), plugin="napari-hsi-restore")
    choose(dock, 2, "tiny_x2")
    index = dock.form.superres.correction.findData("published")
    dock.form.superres.correction.setCurrentIndex(index)
    dock.copy.click()
    words = shlex.split(QApplication.clipboard().text())
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    result = viewer.layers["my cube [superres x2: tiny_x2]"]
    assert main([*words[1:], "--quiet"]) == 0
    np.testing.assert_allclose(read(words[3]).array(), np.asarray(result.data), atol=1e-5)


def test_averaging_is_chosen_and_said(dock):
    averaging, foreseen = dock.form.superres.averaging, dock.form.superres.foreseen
    choose(dock, 2, "eigensr_x2")
    assert dock.form.recipe().ensemble is None
    assert "eight turns" in foreseen.text()
    averaging.setCurrentText("none")
    assert dock.form.recipe().ensemble is False
    assert "eight turns" not in foreseen.text()
    averaging.setCurrentIndex(1)
    assert dock.form.recipe().ensemble is True
    assert "eight turns" in foreseen.text()
    choose(dock, 2, "bicubic")
    assert not averaging.isEnabled()
    assert "eight turns" not in foreseen.text()


def test_settings_of_each_task_are_remembered(viewer, dock):
    dock.form.picker.model = "stas_p"
    choose(dock, 2, "tiny_x2")
    dock.form.superres.correction.setCurrentIndex(3)
    dock.form.superres.averaging.setCurrentIndex(2)
    recipe = dock.form.recipe()
    assert (recipe.scale, recipe.model, recipe.ensemble) == (2, "tiny_x2", False)
    again = open_dock(viewer)
    assert again.form.recipe() == recipe
    again.form.tasks.setCurrentIndex(0)
    assert again.form.picker.model == "stas_p"


def test_a_result_can_be_compared_with_a_truth_of_its_size(qtbot, viewer, dock, clean):
    truth = add(viewer, clean.replace(name="truth"))
    viewer.layers.selection.active = viewer.layers["low"]
    compare = CompareWidget(viewer)
    viewer.window.add_dock_widget(compare, name="Compare")
    choose(dock, 2, "eigensr_x2")
    dock.panel.run.click()
    wait_idle(qtbot, dock)
    result = viewer.layers["low [superres x2: eigensr_x2]"]
    compare.choose_results([result])
    assert "Shrunk by 2 again" in message(compare)
    press(qtbot, compare, "Residual")
    assert "more pixels than the cube that it was made from" in message(compare)
    compare.choose_reference(truth)
    assert "lies elsewhere" in message(compare)
    press(qtbot, compare, "Lay over")
    assert "lies elsewhere" not in message(compare)
    assert not button(compare, "Lay over").isVisible()
    np.testing.assert_allclose(corners(truth), corners(result))
    np.testing.assert_allclose(corners(truth), corners(viewer.layers["low"]))
    press(qtbot, compare, "Compute scores")
    table = named(compare, QTableWidget, "Scores")
    qtbot.waitUntil(lambda: table.rowCount() == 1, timeout=PATIENCE_MS)
    for name in ("Error map", "Residual"):
        before = len(viewer.layers)
        press(qtbot, compare, name)
        qtbot.waitUntil(lambda: len(viewer.layers) > before, timeout=PATIENCE_MS)  # noqa: B023
    residual = next(layer for layer in viewer.layers if layer.name.endswith("[residual]"))
    np.testing.assert_allclose(residual.data, result.data - truth.data, atol=1e-6)
    np.testing.assert_allclose(corners(residual), corners(result))
