"""Tools of the Inspect dock in a real window: dragged colours, views, bands, libraries."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QImage, QMouseEvent
from qtpy.QtWidgets import QApplication, QComboBox, QDoubleSpinBox, QLabel, QTableWidget

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io import read, write
from napari_hsi_restore.plugin.layers import layer_to_cube
from napari_hsi_restore.spectra import first_derivative, remove_continuum
from napari_hsi_restore.widgets.parts.check_list import CheckList
from napari_hsi_restore.widgets.parts.legend import Legend
from widgets.window import (
    PATIENCE_MS,
    add,
    button,
    in_save_dialog,
    message,
    named,
    open_dock,
    press,
    settle,
)

pytestmark = pytest.mark.gui

NM = np.linspace(400, 2400, 101)
DOCK_PX = 690
"""What is left for a dock in a window of 800 pixels."""


def scene(**changed):
    """Two materials side by side, one with an absorption at 2200 nm; some noise."""
    noise = np.random.default_rng(0).normal(0, 1e-3, (101, 20, 30))
    values = np.empty((101, 20, 30))
    values[:, :, :15] = (0.2 + 1e-4 * NM)[:, None, None]
    clay = 0.5 * (1 - 0.4 * np.exp(-0.5 * ((NM - 2200) / 40) ** 2))
    values[:, :, 15:] = clay[:, None, None]
    fields = {"name": "scene", "wavelengths_nm": NM, "units": "reflectance"}
    return HyperCube((values + noise).astype(np.float32), **(fields | changed))


@pytest.fixture
def dock(viewer):
    return open_dock(viewer, "Inspect")


@pytest.fixture
def layer(qtbot, viewer, dock):
    layer = add(viewer, scene())
    settle(qtbot, viewer)
    return layer


def curve_of(dock, label):
    return next((c for c in dock.shown_curves if c.label.startswith(label)), None)


def wait_for_curve(qtbot, dock, label):
    qtbot.waitUntil(lambda: curve_of(dock, label) is not None, timeout=PATIENCE_MS)
    return curve_of(dock, label)


def on_plot(plot, x):
    box = plot._plot.getPlotItem().getViewBox()
    (_, _), (low, high) = box.viewRange()
    scene_point = box.mapViewToScene(QPointF(x, low + 0.3 * (high - low)))
    return plot._plot.mapFromScene(scene_point)


def drag_plot(qtbot, plot, start, end):
    """Drag with the left button from one wavelength to another."""
    view = plot._plot.viewport()
    # An axis learns while it is drawn how wide its numbers are, and moves the plot afterwards.
    for _ in range(2):
        plot._plot.grab()
        qtbot.wait(1)
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    points = [on_plot(plot, start + part * (end - start)) for part in (0, 0.3, 0.7, 1)]
    kinds = QEvent.Type
    steps = [
        (kinds.MouseMove, points[0], none, none),
        (kinds.MouseButtonPress, points[0], left, left),
        *((kinds.MouseMove, point, none, left) for point in points[1:]),
        (kinds.MouseButtonRelease, points[-1], left, none),
    ]
    for kind, point, changed, held in steps:
        at = QPointF(point)
        event = QMouseEvent(
            kind,
            at,
            QPointF(view.mapToGlobal(point)),
            changed,
            held,
            Qt.KeyboardModifier.NoModifier,
        )
        QApplication.sendEvent(view, event)
        qtbot.wait(5)


def look(dock, title):
    box = named(dock, QComboBox, "View of the spectra")
    box.setCurrentIndex(box.findText(title))


def pictures(viewer):
    return [layer for layer in viewer.layers if getattr(layer, "rgb", False)]


def test_false_colour_follows_the_lines_in_the_plot(qtbot, viewer, dock, layer, tmp_path):
    plot = dock.form.plot
    press(qtbot, dock, "False colour")
    qtbot.waitUntil(lambda: len(pictures(viewer)) == 1, timeout=PATIENCE_MS)
    [picture] = pictures(viewer)
    red, green, blue = plot._channels.lines
    assert [line.isVisible() for line in (red, green, blue)] == [True] * 3
    assert red.value() == 640
    before = picture.data.copy()
    drag_plot(qtbot, plot, 640, 2202)
    qtbot.waitUntil(lambda: picture.name == "scene [RGB 2200 540 460 nm]", timeout=PATIENCE_MS)
    assert red.value() == 2200
    assert named(dock, QDoubleSpinBox, "Red channel").value() == 2200
    assert not (picture.data == before).all()
    # The absorption is dark where the other material is bright.
    assert picture.data[:, :15, 0].mean() > picture.data[:, 15:, 0].mean() + 100
    named(dock, QDoubleSpinBox, "Blue channel").setValue(900)
    qtbot.waitUntil(lambda: picture.name == "scene [RGB 2200 540 900 nm]", timeout=PATIENCE_MS)
    assert blue.value() == 900
    assert len(pictures(viewer)) == 1
    picture.save(str(tmp_path / "picture.png"))
    saved = QImage(str(tmp_path / "picture.png"))
    assert (saved.width(), saved.height()) == (30, 20)
    assert saved.pixelColor(3, 2).red() == picture.data[2, 3, 0]
    # Whoever only takes hold of a line does not ask for its band.
    click = (plot._plot.viewport(), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(*click, pos=on_plot(plot, 900))
    qtbot.wait(50)
    assert red.isVisible()
    qtbot.mouseClick(*click, pos=on_plot(plot, 1500))
    qtbot.waitUntil(lambda: not picture.visible, timeout=PATIENCE_MS)
    assert not red.isVisible()
    # The lines stand where the picture's bands are, whatever is typed meanwhile.
    named(dock, QDoubleSpinBox, "Red channel").setValue(500)
    picture.visible = True
    assert red.isVisible()
    assert red.value() == 2200


def test_pictures_for_every_purpose(qtbot, viewer, dock, layer):
    for count, name in enumerate(("True colour", "Colour infrared", "SWIR", "PCA", "MNF"), 1):
        press(qtbot, dock, name)
        qtbot.waitUntil(lambda count=count: len(pictures(viewer)) == count, timeout=PATIENCE_MS)
        picture = pictures(viewer)[-1]
        assert picture.name == f"scene [{name}]"
        assert picture.data.dtype == np.uint8
        left, right = picture.data[:, :15].mean(axis=(0, 1)), picture.data[:, 15:].mean(axis=(0, 1))
        assert np.abs(left - right).max() > 50
    press(qtbot, dock, "True colour")
    qtbot.waitUntil(lambda: "as an eye sees it, CIE 1931" in message(dock), timeout=PATIENCE_MS)


def test_views_change_the_curves_the_axis_and_the_table(qtbot, viewer, dock, layer, tmp_path):
    plot = dock.form.plot
    dock.pin_pixel(3, 20)
    raw = wait_for_curve(qtbot, dock, "(3, 20)").values
    item = plot._plot.getPlotItem()
    look(dock, "Continuum removed")
    shown = curve_of(dock, "(3, 20)").values
    np.testing.assert_allclose(shown, remove_continuum(NM, raw))
    assert item.getAxis("left").labelText == "Reflectance, continuum removed"
    dock.save_csv(tmp_path / "removed.csv")
    with open(tmp_path / "removed.csv", newline="") as file:
        column = [float(row["(3, 20), continuum removed"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(column, shown, rtol=1e-6)
    look(dock, "First derivative")
    np.testing.assert_allclose(curve_of(dock, "(3, 20)").values, first_derivative(NM, raw))
    assert item.getAxis("left").labelText == "Reflectance per nm"
    look(dock, "Spectrum")
    np.testing.assert_array_equal(curve_of(dock, "(3, 20)").values, raw)


def test_bands_are_marked_on_the_plot_and_survive_saving(qtbot, viewer, dock, layer, tmp_path):
    plot = dock.form.plot
    dock.pin_pixel(3, 20)
    wait_for_curve(qtbot, dock, "(3, 20)")
    band = viewer.dims.current_step[0]
    press(qtbot, dock, "Edit bands")
    assert not button(dock, "Undo").isEnabled()
    drag_plot(qtbot, plot, 1350, 1450)
    expected = (NM >= 1350) & (NM <= 1450)
    marked = ~layer_to_cube(layer).good_bands
    assert np.abs(marked.astype(int) - expected).sum() <= 2
    assert "marked bad" in message(dock)
    [shade] = plot._shades
    assert shade.getRegion() == pytest.approx((1350, 1450), abs=20)
    assert np.isnan(curve_of(dock, "(3, 20)").axis.polyline(NM)[1]).sum() >= marked.sum()
    qtbot.mouseClick(plot._plot.viewport(), Qt.MouseButton.LeftButton, pos=on_plot(plot, 2000))
    qtbot.waitUntil(lambda: not layer_to_cube(layer).good_bands[NM == 2000], timeout=PATIENCE_MS)
    assert viewer.dims.current_step[0] == band
    saved = write(layer_to_cube(layer), tmp_path / "edited.hdr")
    np.testing.assert_array_equal(read(saved).good_bands, layer_to_cube(layer).good_bands)
    press(qtbot, dock, "Undo")
    np.testing.assert_array_equal(~layer_to_cube(layer).good_bands, marked)
    press(qtbot, dock, "Undo")
    assert layer_to_cube(layer).good_bands is None
    assert plot._shades == []
    assert not button(dock, "Undo").isEnabled()
    # Dragging over bad bands alone makes them good again. The second place lies well inside
    # the first: the axis may have made room for other numbers meanwhile.
    drag_plot(qtbot, plot, 830, 1070)
    inside = (NM >= 900) & (NM <= 1000)
    assert not layer_to_cube(layer).good_bands[inside].any()
    drag_plot(qtbot, plot, 890, 1010)
    good = layer_to_cube(layer).good_bands
    assert good[(NM >= 920) & (NM <= 980)].all()
    assert not good[(NM > 850) & (NM < 870)].any()
    press(qtbot, dock, "Edit bands")
    drag_plot(qtbot, plot, 890, 1010)
    np.testing.assert_array_equal(layer_to_cube(layer).good_bands, good)


def library_file(folder):
    """A library from 420 nm on; one spectrum is the clay at another brightness."""
    nm = np.arange(420.0, 2500, 5)
    clay = 0.9 * (1 - 0.4 * np.exp(-0.5 * ((nm - 2200) / 40) ** 2))
    slope = 0.1 + 0.5e-4 * nm
    wavy = 0.5 + 0.3 * np.sin(nm / 100)
    rows = [["wavelength_nm", "wavy", "clay", "slope"]]
    rows += [[f"{x:.6g}" for x in line] for line in zip(nm, wavy, clay, slope, strict=True)]
    path = folder / "minerals.csv"
    path.write_text("\n".join(",".join(row) for row in rows))
    return path


def test_a_library_names_what_the_last_pin_is_most_like(qtbot, viewer, dock, layer, tmp_path):
    press(qtbot, dock, "Library")
    note = named(dock, QLabel, "About the matches")
    assert "Open a spectral library" in note.text()
    in_save_dialog(library_file(tmp_path))
    press(qtbot, dock, "Open library…")
    title = named(dock, QLabel, "Library")
    qtbot.waitUntil(lambda: title.text() == "minerals.csv: 3 spectra", timeout=PATIENCE_MS)
    assert "Pin a pixel" in note.text()
    dock.pin_pixel(3, 20)
    table = named(dock, QTableWidget, "Best matches")
    qtbot.waitUntil(lambda: table.rowCount() == 3, timeout=PATIENCE_MS)
    assert table.item(0, 0).text() == "clay"
    assert float(table.item(0, 1).text()) < 1
    assert table.item(0, 2).text() == "100"
    assert "(3, 20)" in note.text()
    curve = curve_of(dock, "clay ×")
    pinned = curve_of(dock, "(3, 20)").values
    assert curve.style == "dash"
    assert np.isnan(curve.values[0])
    np.testing.assert_allclose(curve.values[1:], pinned[1:], atol=0.01)
    dock.pin_pixel(3, 5)
    qtbot.waitUntil(lambda: table.item(0, 0).text() == "slope", timeout=PATIENCE_MS)
    table.selectRow(2)
    name = table.item(2, 0).text()
    assert curve_of(dock, f"{name} ×") is not None
    dock.save_csv(tmp_path / "all.csv")
    assert f"{name} ×" in (tmp_path / "all.csv").read_text().splitlines()[0]
    # A region that is drawn later is what counts.
    press(qtbot, dock, "Draw region")
    viewer.layers["regions of scene"].add_rectangles([[2, 18], [9, 27]])
    qtbot.waitUntil(lambda: "region 1" in note.text(), timeout=PATIENCE_MS)
    assert table.item(0, 0).text() == "clay"
    legend = dock.findChild(Legend)
    place = [c.label for c in dock.shown_curves].index(curve_of(dock, f"{name} ×").label)
    legend.linkActivated.emit(str(place))
    assert all(curve.mark != "library" for curve in dock.curves)


def test_a_file_that_is_no_library_is_one_sentence(qtbot, dock, layer, tmp_path):
    press(qtbot, dock, "Library")
    path = tmp_path / "notes.txt"
    path.write_text("Dear diary")
    dock.form.matches.library_requested.emit(path)
    note = named(dock, QLabel, "About the matches")
    qtbot.waitUntil(lambda: "notes.txt" in note.text(), timeout=PATIENCE_MS)


def test_other_layers_show_their_spectra_at_the_same_places(qtbot, viewer, dock, layer, tmp_path):
    coarse = scene().array()[::2, ::2, ::2] + 0.1
    add(
        viewer,
        HyperCube(coarse, name="coarse", wavelengths_nm=NM[::2]),
        scale=(1, 2, 2),
        translate=(0, 0.5, 0.5),
    )
    add(viewer, scene(name="apart"), translate=(0, 500, 500))
    viewer.layers.selection.active = layer
    press(qtbot, dock, "Layers")
    boxes = named(dock, CheckList, "Layers to compare")
    assert [boxes.item(row).text() for row in range(boxes.count())] == ["coarse"]
    boxes.item(0).setCheckState(Qt.CheckState.Checked)
    settle(qtbot, viewer)
    dock.pin_pixel(6, 20)
    pin = wait_for_curve(qtbot, dock, "(6, 20)")
    other = wait_for_curve(qtbot, dock, "(6, 20) in coarse")
    np.testing.assert_allclose(other.values, coarse[:, 3, 10], rtol=1e-6)
    assert (pin.color, pin.style, other.color, other.style) == (
        pin.color,
        "solid",
        pin.color,
        "dash",
    )
    dock.probe(11, 4)
    live = wait_for_curve(qtbot, dock, "cursor in coarse")
    np.testing.assert_allclose(live.values, coarse[:, 5, 2], rtol=1e-6)
    dock.save_csv(tmp_path / "both.csv")
    with open(tmp_path / "both.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 101
    assert [float(row["wavelength_nm 2"]) for row in rows[:51]] == pytest.approx(list(NM[::2]))
    assert float(rows[3]["(6, 20) in coarse"]) == pytest.approx(other.values[3], rel=1e-6)
    assert rows[60]["(6, 20) in coarse"] == ""
    viewer.layers["coarse"].data = coarse + 1
    qtbot.waitUntil(
        lambda: np.allclose(curve_of(dock, "(6, 20) in coarse").values, coarse[:, 3, 10] + 1),
        timeout=PATIENCE_MS,
    )
    viewer.layers.remove("coarse")
    assert not any("coarse" in curve.label for curve in dock.curves)


def test_the_dock_fits_a_small_window_with_every_tool_open(qtbot, viewer, dock, layer):
    dock.pin_pixel(3, 5)
    for tool in ("Library", "Layers", "Edit bands"):
        press(qtbot, dock, tool)
        opened = [
            name for name in ("Library", "Layers", "Edit bands") if button(dock, name).isChecked()
        ]
        assert opened == [tool]
        assert dock.minimumSizeHint().height() <= DOCK_PX
        assert dock.minimumSizeHint().width() <= 420
