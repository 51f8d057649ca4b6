"""The Compare dock in a real window: real scores, maps, mouse events and files."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QCheckBox, QComboBox

from napari_hsi_restore.degradations import degrade, downscale
from napari_hsi_restore.metrics import compare_cubes, error_map, spectral_angle_map
from napari_hsi_restore.plugin.layers import layer_to_cube, result_layer_data
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.widgets.parts.check_list import CheckList
from napari_hsi_restore.widgets.parts.legend import Legend
from napari_hsi_restore.widgets.parts.score_table import ScoreTable
from widgets.window import (
    PATIENCE_MS,
    add,
    button,
    complaints,
    in_save_dialog,
    message,
    move_mouse,
    named,
    open_dock,
    press,
    settle,
)

pytestmark = pytest.mark.gui


@pytest.fixture(scope="module")
def clean():
    return demo_scene(size=48).replace(name="clean")


@pytest.fixture(scope="module")
def noisy(clean):
    return degrade(clean, "gaussian-30", seed=1).replace(name="noisy")


@pytest.fixture(scope="module")
def noisier(clean):
    return degrade(clean, "gaussian-70", seed=2).replace(name="noisier")


@pytest.fixture(scope="module")
def scenes(clean, noisy, noisier):
    return clean, noisy, noisier


@pytest.fixture
def viewer(make_napari_viewer, scenes):
    notification_manager.records.clear()
    viewer = make_napari_viewer(show=True)
    for cube in scenes:
        add(viewer, cube)
    yield viewer
    assert complaints() == []


@pytest.fixture
def dock(viewer):
    return open_dock(viewer, "Compare")


def choose(dock, reference, *results):
    """Choose as a user does: in the drop-down list, and by ticks."""
    chooser = named(dock, QComboBox, "Reference")
    chooser.setCurrentText(reference)
    chooser.activated.emit(chooser.currentIndex())
    for item in items(dock):
        wanted = item.text() in results
        item.setCheckState(Qt.CheckState.Checked if wanted else Qt.CheckState.Unchecked)


def items(dock):
    listed = dock.findChild(CheckList)
    return [listed.item(row) for row in range(listed.count())]


def cells(dock):
    table = dock.findChild(ScoreTable)
    return {
        table.item(row, 0).text(): [table.item(row, column).text() for column in range(1, 6)]
        for row in range(table.rowCount())
    }


def wait_for_scores(qtbot, dock):
    qtbot.waitUntil(button(dock, "Compute scores").isEnabled, timeout=PATIENCE_MS)


def wait_for_layer(qtbot, viewer, name):
    qtbot.waitUntil(lambda: name in viewer.layers, timeout=PATIENCE_MS)
    return viewer.layers[name]


def test_it_says_what_to_do_next(viewer, dock):
    assert "Tick the results" in message(dock)
    choose(dock, "(none)", "noisy")
    assert "Without a reference nobody can say" in message(dock)
    for name in ("Compute scores", "Error map", "Spectral-angle map"):
        assert not button(dock, name).isEnabled()
    choose(dock, "clean", "noisy")
    assert message(dock).startswith("Ready")
    assert button(dock, "Compute scores").isEnabled()
    viewer.layers.clear()
    assert "Open a cube" in message(dock)
    assert not button(dock, "Compute scores").isEnabled()


def test_the_table_holds_the_scores_and_marks_the_best(qtbot, viewer, dock, scenes, tmp_path):
    clean, noisy, noisier = scenes
    choose(dock, "clean", "noisy", "noisier")
    press(qtbot, dock, "Compute scores")
    assert button(dock, "Cancel").isEnabled()
    wait_for_scores(qtbot, dock)
    expected = {}
    for cube in (noisier, noisy):
        s = compare_cubes(clean, cube)
        expected[cube.name] = [
            f"{s.psnr:.2f}",
            f"{s.mpsnr:.2f}",
            f"{s.ssim:.4f}",
            f"{s.sam_deg:.3f}",
            f"{s.ergas:.2f}",
        ]
    assert cells(dock) == expected
    table = dock.findChild(ScoreTable)
    best = {row for row in range(2) for c in range(1, 6) if table.item(row, c).font().bold()}
    assert [table.item(row, 0).text() for row in best] == ["noisy"]
    press(qtbot, dock, "Copy table")
    header, *lines = QApplication.clipboard().text().splitlines()
    assert header.split("\t") == ["result", "psnr", "mpsnr", "ssim", "sam_deg", "ergas"]
    assert {line.split("\t")[0]: line.split("\t")[1:] for line in lines} == expected
    in_save_dialog(tmp_path / "scores")
    press(qtbot, dock, "Save CSV…")
    with open(tmp_path / "scores.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert {row[0]: row[1:] for row in rows[1:]} == expected
    [line] = [curve for curve in dock.form.per_band._curves if curve.label == "noisy"]
    np.testing.assert_allclose(line.values, compare_cubes(clean, noisy).per_band["psnr"])


def test_cancel_stops_at_once_and_another_run_works(qtbot, viewer, dock):
    large = np.random.default_rng(0).random((31, 400, 400), dtype=np.float32)
    for name in ("large", "large result"):
        viewer.add_image(large, name=name)
    choose(dock, "large", "large result")
    press(qtbot, dock, "Compute scores")
    assert message(dock).startswith("Computing scores: 0 of 1")
    press(qtbot, dock, "Cancel")
    assert "Cancelled" in message(dock)
    assert not button(dock, "Cancel").isEnabled()
    assert cells(dock) == {"large result": ["–"] * 5}
    choose(dock, "clean", "noisy")
    press(qtbot, dock, "Compute scores")
    wait_for_scores(qtbot, dock)
    assert list(cells(dock)) == ["noisy"]
    assert "–" not in cells(dock)["noisy"]


def test_maps_are_aligned_layers_and_made_once(qtbot, viewer, dock, clean, noisy):
    for layer in viewer.layers:
        layer.scale, layer.translate = (1, 2, 3), (0, 5, -6)
    choose(dock, "clean", "noisy")
    press(qtbot, dock, "Error map")
    error = wait_for_layer(qtbot, viewer, "noisy [error map, reflectance]")
    press(qtbot, dock, "Spectral-angle map")
    angle = wait_for_layer(qtbot, viewer, "noisy [spectral angle, degrees]")
    true, found = clean.array(), noisy.array()
    np.testing.assert_allclose(error.data, error_map(true, found), rtol=1e-4)
    np.testing.assert_allclose(angle.data, spectral_angle_map(true, found), rtol=1e-3, atol=1e-3)
    for layer in (error, angle):
        np.testing.assert_allclose(layer.scale, (2, 3))
        np.testing.assert_allclose(layer.translate, (5, -6))
        assert layer.colorbar.visible
    viewer.layers["noisy"].data = true
    press(qtbot, dock, "Error map")
    qtbot.waitUntil(lambda: np.max(error.data) == 0, timeout=PATIENCE_MS)
    assert len(viewer.layers) == 5


def test_maps_of_one_kind_share_their_contrast(qtbot, viewer, dock, clean, noisy):
    wrong = noisy.array() - clean.array()
    add(viewer, clean.replace(data=clean.array() + 2 * wrong, name="worse"))
    choose(dock, "clean", "noisy", "worse")
    press(qtbot, dock, "Error map")
    maps = [
        wait_for_layer(qtbot, viewer, f"{name} [error map, reflectance]")
        for name in ("noisy", "worse")
    ]
    limits = np.array([layer.contrast_limits for layer in maps])
    np.testing.assert_array_equal(limits[0], limits[1])
    assert limits[0, 1] == pytest.approx(2 * np.percentile(maps[0].data, 99.5), rel=0.01)
    # Beside what is far worse the others would be black; what is cut off is said.
    add(viewer, clean.replace(data=clean.array() + 9 * wrong, name="far worse"))
    choose(dock, "clean", "noisy", "worse", "far worse")
    press(qtbot, dock, "Error map")
    far = wait_for_layer(qtbot, viewer, "far worse [error map, reflectance]")
    qtbot.waitUntil(lambda: dock._busy_maps == 0, timeout=PATIENCE_MS)
    for layer in (*maps, far):
        np.testing.assert_allclose(layer.contrast_limits, limits[0])
    assert 'far beyond it: "far worse".' in message(dock)
    choose(dock, "clean", "far worse")
    viewer.layers.remove(maps[0])
    viewer.layers.remove(maps[1])
    press(qtbot, dock, "Error map")
    qtbot.waitUntil(lambda: far.contrast_limits[1] > limits[0, 1], timeout=PATIENCE_MS)


def test_the_plots_take_the_room_below(viewer, dock):
    plot, below = dock.form.spectra, dock.height()
    # What is below the plot is no more than borders.
    assert below - plot.mapTo(dock, plot.rect().bottomLeft()).y() < 40


def test_spectra_of_all_chosen_cubes_are_told_apart(qtbot, viewer, dock, scenes):
    choose(dock, "clean", "noisy", "noisier")
    settle(qtbot, viewer)
    move_mouse(qtbot, viewer, 11, 30)
    qtbot.waitUntil(lambda: len(dock.form.spectra._curves) == 3, timeout=PATIENCE_MS)
    curves = {curve.label: curve for curve in dock.form.spectra._curves}
    for cube in scenes:
        np.testing.assert_allclose(curves[cube.name].values, cube.array()[:, 11, 30], rtol=1e-6)
    assert len({curve.color for curve in curves.values()}) == 3
    legend = dock.form.spectra.findChild(Legend)
    assert legend.isVisible()
    assert all(curve.color in legend.text() for curve in curves.values())
    press(qtbot, dock, "Error map")
    wait_for_layer(qtbot, viewer, "noisy [error map, reflectance]")
    assert len(dock.form.spectra._curves) == 3
    before = curves["clean"].color
    viewer.theme = "light"
    [clean_curve] = [c for c in dock.form.spectra._curves if c.label == "clean"]
    assert clean_curve.color != before


def test_cubes_that_do_not_fit_are_said_in_one_sentence(qtbot, viewer, dock, clean):
    add(viewer, downscale(clean, 2).replace(name="small"))
    choose(dock, "clean", "small", "noisy")
    assert '"small" is 24 x 24 pixels large and the reference 48 x 48' in message(dock)
    press(qtbot, dock, "Compute scores")
    wait_for_scores(qtbot, dock)
    assert cells(dock)["small"] == ["–"] * 5
    assert "–" not in cells(dock)["noisy"]
    add(viewer, clean.select_bands(range(5)).replace(name="few bands"))
    choose(dock, "clean", "few bands")
    assert '"few bands" has 5 bands and the reference 31' in message(dock)
    count = len(viewer.layers)
    press(qtbot, dock, "Error map")
    qtbot.waitUntil(lambda: "Computing" not in message(dock), timeout=PATIENCE_MS)
    assert '"few bands" has 5 bands' in message(dock)
    assert len(viewer.layers) == count


def test_layers_that_come_change_and_go(qtbot, viewer, dock, noisy):
    choose(dock, "clean", "noisy", "noisier")
    press(qtbot, dock, "Compute scores")
    wait_for_scores(qtbot, dock)
    viewer.layers.remove("noisier")
    assert list(cells(dock)) == ["noisy"]
    viewer.layers["noisy"].name = "renamed"
    assert list(cells(dock)) == ["renamed"]
    assert "–" not in cells(dock)["renamed"]
    viewer.layers["renamed"].data = noisy.array() * 0.5
    assert cells(dock)["renamed"] == ["–"] * 5
    press(qtbot, dock, "Compute scores")
    viewer.layers.remove("clean")
    assert "Without a reference" in message(dock)
    assert cells(dock)["renamed"] == ["–"] * 5
    settle(qtbot, viewer)
    move_mouse(qtbot, viewer, 5, 5)
    qtbot.wait(50)
    viewer.layers.clear()
    assert items(dock) == []


def test_a_new_result_is_ticked_and_its_residual_is_what_was_taken_away(qtbot, viewer, dock, noisy):
    source = viewer.layers["noisy"]
    data, options, _ = result_layer_data(
        layer_to_cube(source).replace(data=noisy.array() * 0.9), source, "denoise: test"
    )
    viewer.add_image(data, **options)
    ticked = [i.text() for i in items(dock) if i.checkState() == Qt.CheckState.Checked]
    assert ticked == ["noisy [denoise: test]"]
    press(qtbot, dock, "Residual")
    residual = wait_for_layer(qtbot, viewer, "noisy [denoise: test] [residual]")
    np.testing.assert_allclose(residual.data, -0.1 * noisy.array(), atol=1e-6)
    ticked = [i.text() for i in items(dock) if i.checkState() == Qt.CheckState.Checked]
    assert ticked == ["noisy [denoise: test]"]


def test_compared_layers_can_share_their_look_and_lie_side_by_side(qtbot, viewer, dock):
    choose(dock, "clean", "noisy")
    boxes = {box.text().replace("&", ""): box for box in dock.findChildren(QCheckBox)}
    boxes["Side by side"].click()
    assert viewer.canvas.grid.enabled
    boxes["Same contrast"].click()
    viewer.layers["noisy"].contrast_limits = (0.1, 0.4)
    assert list(viewer.layers["clean"].contrast_limits) == [0.1, 0.4]
    assert list(viewer.layers["noisier"].contrast_limits) != [0.1, 0.4]
    boxes["Same contrast"].click()
    viewer.layers["noisy"].contrast_limits = (0.2, 0.3)
    assert list(viewer.layers["clean"].contrast_limits) == [0.1, 0.4]


def test_odd_layers_and_a_closed_dock_are_no_trouble(qtbot, viewer, dock):
    random = np.random.default_rng(0).random
    viewer.add_image(random((8, 9)), name="flat")
    viewer.add_image(random((8, 9, 3)), rgb=True, name="colour")
    viewer.add_labels(np.zeros((3, 8, 9), int), name="labels")
    viewer.add_image(np.full((3, 8, 9), np.nan, np.float32), name="nan")
    viewer.add_image(random((3, 8, 9)) > 0.5, name="truth")
    viewer.add_image([random((3, 8, 9)), random((3, 4, 4))], multiscale=True, name="pyramid")
    assert not {"flat", "colour", "labels"} & {item.text() for item in items(dock)}
    choose(dock, "pyramid", "nan", "truth")
    for name in ("Compute scores", "Error map", "Spectral-angle map", "Residual"):
        press(qtbot, dock, name)
    wait_for_scores(qtbot, dock)
    qtbot.waitUntil(lambda: dock._busy_maps == 0, timeout=PATIENCE_MS)
    settle(qtbot, viewer)
    move_mouse(qtbot, viewer, 2, 2)
    press(qtbot, dock, "Compute scores")
    viewer.window.remove_dock_widget(dock)
    assert viewer.mouse_move_callbacks == []
    viewer.layers.remove("pyramid")
    again = open_dock(viewer, "Compare")
    assert "Tick the results" in message(again)


def test_a_real_cube_against_its_degraded_self(qtbot, viewer, dock, shared_data):
    from napari_hsi_restore.io import read

    scene = read(shared_data / "validation/cave/superballs.tif").crop(
        slice(100, 164), slice(200, 264)
    )
    add(viewer, scene.replace(name="superballs"))
    add(viewer, degrade(scene, "gaussian-50", seed=0).replace(name="sigma 50"))
    choose(dock, "superballs", "sigma 50")
    press(qtbot, dock, "Compute scores")
    wait_for_scores(qtbot, dock)
    assert float(cells(dock)["sigma 50"][0]) == pytest.approx(14.15, abs=0.05)
