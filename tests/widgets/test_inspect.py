"""The Inspect dock in a real window: real mouse events, real buttons, real exported files."""

from __future__ import annotations

import contextlib
import csv
import gc
import re
import weakref

import dask.array as da
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QSlider,
)

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io import read
from napari_hsi_restore.plugin.spectra import physical
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.widgets.parts.legend import Legend
from napari_hsi_restore.widgets.parts.spectrum_plot import SpectrumPlot
from widgets.window import (
    PATIENCE_MS,
    PLUGIN,
    add,
    button,
    click_canvas,
    complaints,
    drag_canvas,
    in_save_dialog,
    message,
    move_mouse,
    named,
    open_dock,
    press,
    settle,
)

pytestmark = pytest.mark.gui

UNEVEN_NM = np.array([400.0, 410.0, 430.0, 480.0, 640.0, 650.0, 870.0])


def small_cube(**changed):
    """Bands at uneven wavelengths, a gain, one bad band, one pixel without data."""
    values = np.random.default_rng(1).integers(1, 1000, (7, 20, 30)).astype(np.int16)
    values[:, 4, 5] = -99
    fields = {
        "name": "small",
        "wavelengths_nm": UNEVEN_NM,
        "good_bands": np.arange(7) != 3,
        "units": "reflectance",
        "gain": 0.001,
        "offset": 0.5,
        "nodata": -99.0,
    }
    return HyperCube(values, **(fields | changed))


@pytest.fixture
def dock(viewer):
    return open_dock(viewer, "Inspect")


@pytest.fixture
def layer(viewer, dock, qtbot):
    layer = add(viewer, small_cube())
    settle(qtbot, viewer)
    return layer


def spectrum(dock, label):
    return next(curve for curve in dock.curves if curve.label.startswith(label))


def wait_for_curve(qtbot, dock, label):
    qtbot.waitUntil(
        lambda: any(curve.label.startswith(label) for curve in dock.curves), timeout=PATIENCE_MS
    )
    return spectrum(dock, label)


def pictures(viewer):
    return [layer for layer in viewer.layers if getattr(layer, "rgb", False)]


def wait_for_picture(qtbot, viewer, count=1):
    qtbot.waitUntil(lambda: len(pictures(viewer)) == count, timeout=PATIENCE_MS)
    return pictures(viewer)[-1]


def test_an_empty_viewer_says_what_to_do(dock):
    assert "Drop a cube on napari" in message(dock)
    assert not button(dock, "True colour").isEnabled()
    assert not button(dock, "Save CSV…").isEnabled()


def test_the_spectrum_under_the_mouse_is_that_of_the_pixel(qtbot, viewer, dock, layer):
    layer.scale, layer.translate = (1, 2, 3), (0, 7, -4)
    settle(qtbot, viewer)
    cube = small_cube()
    for row, column in ((3, 25), (16, 8)):
        move_mouse(qtbot, viewer, 7 + 2 * row, -4 + 3 * column)
        curve = wait_for_curve(qtbot, dock, f"cursor ({row}, {column})")
        np.testing.assert_allclose(curve.values, cube.data[:, row, column] * 0.001 + 0.5)
    readout = named(dock, QLabel, "Value under the cursor").text()
    assert readout.startswith("Row 16, column 8: ")
    assert "reflectance at 480.0 nm" in readout


def test_many_moves_end_at_the_last_one(qtbot, viewer, dock, layer):
    for _ in range(5):
        for column in range(29):
            move_mouse(qtbot, viewer, 2, column)
        # A late event of the display's own pointer can come after the last of ours.
        with contextlib.suppress(qtbot.TimeoutError):
            qtbot.waitUntil(
                lambda: any(curve.label.startswith("cursor (2, 28)") for curve in dock.curves),
                timeout=5000,
            )
            return
    pytest.fail("the spectrum of the last pixel never came")


def test_what_is_drawn_has_gaps_at_bad_bands_and_units(qtbot, viewer, dock, layer):
    move_mouse(qtbot, viewer, 10, 10)
    wait_for_curve(qtbot, dock, "cursor")
    plot = dock.findChild(SpectrumPlot)
    [line] = [line for line in plot._lines if line.isVisible()]
    x, y = line.getData()
    assert np.isnan(y[x == 480]).all()
    assert np.isfinite(y[x == 430]).any()
    item = plot._plot.getPlotItem()
    assert item.getAxis("bottom").labelText == "Wavelength (nm)"
    assert item.getAxis("left").labelText == "Reflectance"
    assert len(plot._shades) == 1
    low, high = plot._shades[0].getRegion()
    assert low < 480 < high
    move_mouse(qtbot, viewer, 4, 5)
    wait_for_curve(qtbot, dock, "cursor (4, 5)")
    assert plot._message.isVisible()
    assert "no data" in plot._message.toPlainText()


def test_the_band_is_chosen_in_nm_and_follows_naparis_slider(qtbot, viewer, dock, layer):
    field = named(dock, QDoubleSpinBox, "Wavelength or number of the band")
    slider = named(dock, QSlider, "Band on the wavelength axis")
    label = named(dock, QLabel, "Shown band")
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "845")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert viewer.dims.current_step[0] == 6
    assert field.value() == 870
    assert label.text() == "Band 6 / 6  ·  870.0 nm"
    assert viewer.canvas.overlays.text.visible
    assert "870.0 nm" in viewer.canvas.overlays.text.text
    QTest.keyClick(slider, Qt.Key.Key_Left)
    assert viewer.dims.current_step[0] == 5
    # 480 nm is a third of the way by band number, but a sixth of it in nanometres.
    viewer.dims.set_current_step(0, 3)
    assert label.text() == "Band 3 / 6  ·  480.0 nm  ·  marked bad"
    assert slider.value() / slider.maximum() == pytest.approx(80 / 470, abs=0.01)


def test_without_wavelengths_bands_have_numbers(qtbot, viewer, dock):
    add(viewer, small_cube(wavelengths_nm=None))
    field = named(dock, QDoubleSpinBox, "Wavelength or number of the band")
    assert (field.minimum(), field.maximum(), field.suffix()) == (0, 6, "")
    field.setValue(5)
    assert viewer.dims.current_step[0] == 5
    press(qtbot, dock, "True colour")
    qtbot.waitUntil(lambda: "has no wavelengths" in message(dock), timeout=PATIENCE_MS)
    assert "PCA" in message(dock)
    assert pictures(viewer) == []


def test_true_colour_lies_on_the_cube_until_another_band_is_asked_for(qtbot, viewer, dock):
    scene = demo_scene(size=40)
    cube = add(viewer, scene.replace(name="scene"), scale=(1, 2, 2), translate=(0, 5, 6))
    press(qtbot, dock, "True colour")
    picture = wait_for_picture(qtbot, viewer)
    assert picture.data.shape == (40, 40, 3)
    np.testing.assert_allclose(picture.scale, (2, 2))
    np.testing.assert_allclose(picture.translate, (5, 6))
    red = scene.array()[np.abs(scene.wavelengths_nm - 640).argmin()]
    assert np.corrcoef(picture.data[..., 0].ravel(), red.ravel())[0, 1] > 0.9
    assert viewer.layers.selection.active == cube
    assert viewer.canvas.overlays.text.text == picture.name
    viewer.dims.set_current_step(0, 2)
    assert not picture.visible
    assert "420.0 nm" in viewer.canvas.overlays.text.text
    press(qtbot, dock, "True colour")
    qtbot.waitUntil(lambda: picture.visible, timeout=PATIENCE_MS)
    assert len(pictures(viewer)) == 1


def test_false_colour_of_three_chosen_wavelengths(qtbot, viewer, dock, layer):
    for channel, nm in (("Red", 860), ("Green", 655), ("Blue", 405)):
        named(dock, QDoubleSpinBox, f"{channel} channel").setValue(nm)
    press(qtbot, dock, "False colour")
    picture = wait_for_picture(qtbot, viewer)
    assert picture.name == "small [RGB 870 650 400 nm]"
    valid = small_cube().data[0] != -99
    for channel, band in enumerate((6, 5, 0)):
        shown = picture.data[..., channel][valid]
        assert np.corrcoef(shown, layer.data[band][valid])[0, 1] > 0.99
    assert (picture.data[4, 5] == 0).all()


def test_a_cube_that_is_opened_shows_itself_in_true_colour(qtbot, viewer, dock):
    viewer.open_sample(PLUGIN, "demo_clean")
    picture = wait_for_picture(qtbot, viewer)
    assert picture.name == "demo scene (clean) [True colour]"
    viewer.open_sample(PLUGIN, "demo_low_resolution")
    assert wait_for_picture(qtbot, viewer, 2).name.startswith("demo scene (low resolution")


def test_pins_are_kept_in_the_colour_of_their_curve_and_can_be_removed(qtbot, viewer, dock, layer):
    click_canvas(qtbot, viewer, 6, 7, Qt.KeyboardModifier.ShiftModifier)
    move_mouse(qtbot, viewer, 15, 20)
    wait_for_curve(qtbot, dock, "cursor (15, 20)")
    press(qtbot, dock, "Pin")
    first = wait_for_curve(qtbot, dock, "(6, 7)")
    second = wait_for_curve(qtbot, dock, "(15, 20)")
    np.testing.assert_allclose(first.values, small_cube().data[:, 6, 7] * 0.001 + 0.5)
    points = viewer.layers["pins of small"]
    shown = [tuple(np.round(255 * color[:3]).astype(int)) for color in points.face_color]
    assert shown == [tuple(bytes.fromhex(curve.color[1:])) for curve in (first, second)]
    assert shown[0] != shown[1]
    legend = dock.findChild(Legend)
    assert "(6, 7)" in legend.text().replace("&nbsp;", " ")
    legend.linkActivated.emit("0")
    qtbot.waitUntil(lambda: len(points.data) == 1, timeout=PATIENCE_MS)
    assert [c.label for c in dock.curves if not c.live] == ["(15, 20)"]
    points.selected_data = {0}
    points.remove_selected()
    assert [c.label for c in dock.curves if not c.live] == []
    press(qtbot, dock, "Clear")
    assert [x.name for x in viewer.layers] == ["small"]


def test_mean_and_spread_over_a_drawn_region(qtbot, viewer, dock, layer):
    press(qtbot, dock, "Draw region")
    drag_canvas(qtbot, viewer, (1.6, 2.6), (9.4, 12.4))
    curve = wait_for_curve(qtbot, dock, "region 1")
    assert "mean ± std of 80 px" in curve.label
    cube = small_cube()
    inside = physical(cube, cube.data[:, 2:10, 3:13])
    np.testing.assert_allclose(curve.values, np.nanmean(inside, axis=(1, 2)))
    np.testing.assert_allclose(curve.spread, np.nanstd(inside, axis=(1, 2)))
    assert button(dock, "Draw region").isChecked()
    press(qtbot, dock, "Draw region")
    assert viewer.layers.selection.active == layer
    viewer.layers["regions of small"].add_rectangles([[12, 15], [18, 25]])
    assert "of 77 px" in wait_for_curve(qtbot, dock, "region 2").label
    assert spectrum(dock, "region 1").color != spectrum(dock, "region 2").color


def test_the_curves_are_saved_as_csv_and_png(qtbot, viewer, dock, layer, tmp_path):
    move_mouse(qtbot, viewer, 6, 7)
    wait_for_curve(qtbot, dock, "cursor (6, 7)")
    viewer.layers.selection.active = layer
    dock.pin_pixel(2, 3)
    press(qtbot, dock, "Draw region")
    drag_canvas(qtbot, viewer, (10, 10), (15, 18))
    wait_for_curve(qtbot, dock, "region 1")
    in_save_dialog(tmp_path / "spectra")
    press(qtbot, dock, "Save CSV…")
    with open(tmp_path / "spectra.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["wavelength_nm"]) for row in rows] == list(UNEVEN_NM)
    assert [row["good_band"] for row in rows] == list("1110111")
    stored = small_cube().data
    pinned = [float(row["(2, 3)"]) for row in rows]
    np.testing.assert_allclose(pinned, stored[:, 2, 3] * 0.001 + 0.5)
    assert any(name.endswith(" std") for name in rows[0])
    assert str(tmp_path / "spectra.csv") in message(dock)
    in_save_dialog(tmp_path / "plot.png")
    press(qtbot, dock, "Save PNG…")
    image = QImage(str(tmp_path / "plot.png"))
    assert (image.width(), image.height()) == (1200, 750)
    assert sorted(x.name for x in tmp_path.iterdir()) == ["plot.png", "spectra.csv"]


def test_saving_that_fails_is_one_sentence_and_leaves_nothing(qtbot, viewer, dock, layer, tmp_path):
    press(qtbot, dock, "Save CSV…")
    assert "no spectrum to save" in message(dock)
    move_mouse(qtbot, viewer, 6, 7)
    wait_for_curve(qtbot, dock, "cursor (6, 7)")
    (tmp_path / "there").write_text("a file, not a folder")
    for save, name in ((dock.save_csv, "a.csv"), (dock.save_png, "a.png")):
        with pytest.raises(Exception, match="cannot be written"):
            save(tmp_path / "there" / name)
    in_save_dialog(tmp_path / "there" / "a.csv")
    press(qtbot, dock, "Save CSV…")
    assert [x.name for x in tmp_path.iterdir()] == ["there"]
    assert len(complaints()) == 1
    assert "a.csv: cannot be written" in complaints()[0]
    notification_manager.records.clear()
    in_save_dialog(tmp_path / "b.csv", accept=False)
    press(qtbot, dock, "Save CSV…")
    assert [x.name for x in tmp_path.iterdir()] == ["there"]


def test_a_lazy_cube_is_read_only_where_it_is_looked_at(qtbot, viewer, dock):
    read = set()

    def block(block_id):
        read.add(block_id)
        return np.full((10, 16, 16), sum(block_id), np.float32)

    chunks = ((10,) * 4, (16,) * 10, (16,) * 10)
    data = da.map_blocks(block, chunks=chunks, dtype=np.float32, meta=np.empty((0, 0, 0), "f4"))
    viewer.add_image(data, name="lazy", contrast_limits=(0, 20))
    settle(qtbot, viewer)
    read.clear()
    move_mouse(qtbot, viewer, 50, 100)
    curve = wait_for_curve(qtbot, dock, "cursor (50, 100)")
    np.testing.assert_array_equal(curve.values, np.repeat([9, 10, 11, 12], 10))
    assert read == {(band, 3, 6) for band in range(4)}


def test_each_band_can_be_stretched(qtbot, viewer, dock):
    values = np.random.default_rng(0).random((3, 16, 16)) * np.array([1, 1e-3, 5])[:, None, None]
    layer = viewer.add_image(values, name="dark band", contrast_limits=(0, 5))
    named_box = next(box for box in dock.findChildren(QCheckBox) if "Stretch" in box.text())
    qtbot.mouseClick(named_box, Qt.MouseButton.LeftButton)
    for band in (1, 2):
        viewer.dims.set_current_step(0, band)
        limits = np.percentile(values[band], (2, 98))
        qtbot.waitUntil(
            lambda limits=limits: np.allclose(layer.contrast_limits, limits), timeout=PATIENCE_MS
        )


def test_layers_that_come_change_and_go(qtbot, viewer, dock, layer):
    chooser = named(dock, QComboBox, "Cube to inspect")
    other = add(viewer, small_cube(name="other"))
    assert chooser.currentText() == "other"
    other.name = "renamed"
    assert chooser.currentText() == "renamed"
    viewer.layers.selection.active = layer
    assert chooser.currentText() == "small"
    dock.pin_pixel(1, 1)
    layer.data = layer.data[:4] + 1
    move_mouse(qtbot, viewer, 6, 7)
    assert wait_for_curve(qtbot, dock, "cursor (6, 7)").values.size == 4
    press(qtbot, dock, "PCA")
    viewer.layers.remove(layer)
    assert chooser.currentText() == "renamed"
    viewer.layers.clear()
    assert chooser.count() == 0
    assert "Drop a cube" in message(dock)
    assert not viewer.canvas.overlays.text.visible
    assert dock.curves == []


def test_what_is_no_cube_is_left_in_peace(qtbot, viewer, dock):
    random = np.random.default_rng(0).random
    viewer.add_image(random((8, 9)))
    viewer.add_image(random((8, 9, 3)), rgb=True)
    viewer.add_labels(np.zeros((3, 8, 9), int))
    viewer.add_image(random((2, 3, 8, 9)))
    settle(qtbot, viewer)
    move_mouse(qtbot, viewer, 4, 4)
    assert not button(dock, "PCA").isEnabled()
    assert named(dock, QComboBox, "Cube to inspect").count() == 0


def test_odd_cubes_are_inspected_without_a_complaint(qtbot, viewer, dock):
    random = np.random.default_rng(0).random
    odd = {
        "one band": random((1, 8, 9)),
        "all nan": np.full((4, 8, 9), np.nan, np.float32),
        "truth values": random((4, 8, 9)) > 0.5,
        "one pixel": random((4, 1, 1)),
        "pyramid": [random((4, 64, 64)), random((4, 32, 32))],
    }
    for name, data in odd.items():
        viewer.add_image(data, name=name, multiscale=name == "pyramid")
        settle(qtbot, viewer)
        move_mouse(qtbot, viewer, 0, 0)
        wait_for_curve(qtbot, dock, "cursor (0, 0)")
        for press_this in ("True colour", "PCA", "False colour", "Pin"):
            press(qtbot, dock, press_this)
        qtbot.waitUntil(
            lambda name=name: any(x.name.startswith(f"{name} [RGB") for x in viewer.layers),
            timeout=PATIENCE_MS,
        )
    viewer.dims.ndisplay = 3
    move_mouse(qtbot, viewer, 0, 0)
    viewer.layers.clear()


def test_a_closed_dock_lets_go_and_another_takes_over(qtbot, viewer, dock, layer):
    press(qtbot, dock, "PCA")
    wait_for_picture(qtbot, viewer)
    dock.pin_pixel(3, 3)
    assert viewer.canvas.overlays.text.visible
    viewer.window.remove_dock_widget(dock)
    assert not viewer.canvas.overlays.text.visible
    assert viewer.mouse_move_callbacks == []
    again = open_dock(viewer, "Inspect")
    wait_for_curve(qtbot, again, "(3, 3)")
    viewer.dims.set_current_step(0, 5)
    overlay = viewer.canvas.overlays.text
    qtbot.waitUntil(lambda: overlay.visible and "650.0 nm" in overlay.text, timeout=PATIENCE_MS)
    settle(qtbot, viewer)
    move_mouse(qtbot, viewer, 2, 2)
    wait_for_curve(qtbot, again, "cursor (2, 2)")


def test_a_closed_dock_is_not_kept_in_memory(qtbot, viewer):
    dock = open_dock(viewer, "Inspect")
    add(viewer, small_cube())
    gone = weakref.ref(dock)
    viewer.window.remove_dock_widget(dock)
    del dock
    qtbot.waitUntil(lambda: gc.collect() >= 0 and gone() is None, timeout=PATIENCE_MS)


def test_it_follows_the_theme(qtbot, viewer, dock, layer):
    move_mouse(qtbot, viewer, 6, 7)
    wait_for_curve(qtbot, dock, "cursor (6, 7)")
    colors = set()
    for theme in ("dark", "light"):
        viewer.theme = theme
        plot = dock.findChild(SpectrumPlot)._plot
        colors.add((plot.backgroundBrush().color().name(), spectrum(dock, "cursor").color))
    assert len(colors) == 2
    assert all(background != curve for background, curve in colors)


REAL = (
    ("validation/cave/superballs.tif", "Wavelength (nm)"),
    ("test/airborne/abu-beach-2.mat", "Band number"),
    ("test/satellite/enmap_potsdam_tile_96_96.tif", "Wavelength (nm)"),
    ("formats/envi_aviris_ng/ang20160910t185702_2rdn_img.hdr", "Wavelength (nm)"),
)


def test_real_cubes_are_opened_and_read_at_the_mouse(qtbot, viewer, dock, shared_data):
    for path, title in REAL:
        viewer.open(str(shared_data / path), plugin=PLUGIN)
        settle(qtbot, viewer)
        cube = read(shared_data / path)
        row, column = cube.shape[1] // 3, cube.shape[2] // 2
        move_mouse(qtbot, viewer, row, column)
        curve = wait_for_curve(qtbot, dock, "cursor (")
        # A pixel of the screen may be more than one of the image.
        found = [int(number) for number in re.findall(r"\d+", curve.label)]
        assert np.abs(np.subtract(found, (row, column))).max() <= 1
        expected = physical(cube, np.asarray(cube.data[:, found[0], found[1]]))
        np.testing.assert_allclose(curve.values, expected)
        plot = dock.findChild(SpectrumPlot)
        assert plot._plot.getPlotItem().getAxis("bottom").labelText == title
        if cube.good_bands is not None and not cube.good_bands.all():
            [line] = [line for line in plot._lines if line.isVisible()]
            x, y = line.getData()
            bad = np.isin(x, cube.wavelengths_nm[~cube.good_bands])
            assert bad.any()
            assert np.isnan(y[bad]).all()
        if title == "Wavelength (nm)":
            assert "True colour" in wait_for_picture(qtbot, viewer).name
        viewer.layers.clear()
