"""The dock Open, and what napari's own opening says, with real files in a real window."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import scipy.io
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QSettings, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QLabel, QLineEdit, QSpinBox

from make.cubes import assert_same_fields
from napari_hsi_restore.io import read, write
from napari_hsi_restore.plugin.first_look import FirstLook, Refusal, first_look
from napari_hsi_restore.plugin.layers import layer_to_cube
from napari_hsi_restore.scene import demo_scene
from napari_hsi_restore.widgets import open as open_module
from napari_hsi_restore.widgets.open import HELP
from napari_hsi_restore.widgets.parts.open_form import QUESTIONS
from napari_hsi_restore.widgets.parts.spectrum_plot import SpectrumPlot
from napari_hsi_restore.widgets.parts.thumbnail import Thumbnail
from widgets.window import (
    PATIENCE_MS,
    PLUGIN,
    button,
    complaints,
    in_save_dialog,
    message,
    named,
    open_dock,
    press,
)

pytestmark = pytest.mark.gui

SCENE = demo_scene(size=32).crop(slice(0, 30), slice(0, 29))
VALUES = np.asarray(SCENE.data)


@pytest.fixture(autouse=True)
def _own_settings(tmp_path):
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "ini"))


@pytest.fixture
def viewer(make_napari_viewer):
    notification_manager.records.clear()
    return make_napari_viewer(show=True)


@pytest.fixture
def dock(viewer):
    return open_dock(viewer, "Open")


def choose(qtbot, dock, path):
    """Type a path, as into any field."""
    line = named(dock, QLineEdit, "File")
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, str(path))
    QTest.keyClick(line, Qt.Key.Key_Return)
    wait(qtbot, dock)


def wait(qtbot, dock):
    qtbot.waitUntil(
        lambda: message(dock) not in ("Reading…", "Opening…") and not dock._busy,
        timeout=PATIENCE_MS,
    )


def pick(qtbot, dock, name, text):
    """Choose the entry of a list that begins with a text."""
    combo = named(dock, QComboBox, name)
    index = next(i for i in range(combo.count()) if combo.itemText(i).startswith(text))
    combo.setCurrentIndex(index)
    combo.activated.emit(index)
    wait(qtbot, dock)


def type_number(qtbot, dock, kind, name, number):
    box = named(dock, kind, name)
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, str(number))
    QTest.keyClick(box, Qt.Key.Key_Return)
    wait(qtbot, dock)


def open_it(qtbot, viewer, dock):
    press(qtbot, dock, "Open")
    qtbot.waitUntil(lambda: message(dock).startswith("Opened"), timeout=PATIENCE_MS)
    return next(layer for layer in viewer.layers if not layer.rgb)


def entries(dock, name):
    combo = named(dock, QComboBox, name)
    return [combo.itemText(i) for i in range(combo.count())]


def shown(dock):
    return dock.findChild(Thumbnail).has_picture and button(dock, "Open").isEnabled()


def said(kind):
    return [n.message for n in notification_manager.records if str(n.severity) == kind]


def test_the_file_menu_has_it_by_what_it_does(qtbot, viewer):
    menu = viewer.window.file_menu
    menu.aboutToShow.emit()
    [utilities] = [a.menu() for a in menu.actions() if a.text() == "IO Utilities"]
    utilities.aboutToShow.emit()
    [action] = [a for a in utilities.actions() if "Open cube with options…" in a.text()]
    action.trigger()
    assert message(viewer.window.dock_widgets["Open (napari-hsi-restore)"]) == HELP


def test_the_data_set_of_a_matlab_file_is_chosen(qtbot, viewer, dock, tmp_path):
    assert message(dock) == HELP
    assert not button(dock, "Open").isEnabled()
    arrays = {"before": VALUES.transpose(1, 2, 0), "after": VALUES.transpose(1, 2, 0) + 1}
    scipy.io.savemat(tmp_path / "two.mat", {**arrays, "wavelengths": SCENE.wavelengths_nm})
    choose(qtbot, dock, tmp_path / "two.mat")
    assert message(dock) == QUESTIONS["key"]
    assert entries(dock, "Data set") == ["before  ·  30 × 29 × 31", "after  ·  30 × 29 × 31"]
    assert named(dock, QComboBox, "Data set").currentIndex() == -1
    assert not shown(dock)
    pick(qtbot, dock, "Data set", "after")
    assert shown(dock)
    assert "Took axis 2 of (30, 29, 31) as bands" in message(dock)
    summary = named(dock, QLabel, "Summary").text()
    assert summary == "31 bands of 30 rows × 29 columns, float32, 400 to 700 nm."
    assert named(dock, QLabel, "Picture").text().startswith("True colour")
    [line] = [line for line in dock.findChild(SpectrumPlot)._lines if line.isVisible()]
    np.testing.assert_allclose(line.getData()[1], VALUES[:, 15, 14] + 1, rtol=1e-6)
    layer = open_it(qtbot, viewer, dock)
    np.testing.assert_array_equal(layer.data, VALUES + 1)
    np.testing.assert_allclose(layer_to_cube(layer).wavelengths_nm, SCENE.wavelengths_nm)
    assert "Inspect (napari-hsi-restore)" in viewer.window.dock_widgets
    qtbot.waitUntil(lambda: any(x.rgb for x in viewer.layers), timeout=PATIENCE_MS)
    assert complaints() == []


def test_the_axis_and_the_wavelengths_are_said(qtbot, viewer, dock, tmp_path):
    np.save(tmp_path / "axes.npy", VALUES.transpose(1, 2, 0))
    choose(qtbot, dock, tmp_path / "axes.npy")
    assert message(dock) == QUESTIONS["bands_axis"]
    assert not named(dock, QComboBox, "Data set").isVisible()
    assert entries(dock, "Bands") == [
        "automatic",
        "axis 0: 30 bands",
        "axis 1: 29 bands",
        "axis 2: 31 bands",
    ]
    pick(qtbot, dock, "Bands", "axis 2")
    assert message(dock) == "Nothing had to be guessed."
    assert named(dock, QLabel, "Summary").text().endswith("no wavelengths.")
    pick(qtbot, dock, "Wavelengths", "first and last")
    assert message(dock) == "Type the wavelengths of the first and of the last band."
    assert not shown(dock)
    type_number(qtbot, dock, QDoubleSpinBox, "First wavelength", 400)
    type_number(qtbot, dock, QDoubleSpinBox, "Last wavelength", 0.7)
    assert "nanometres" in message(dock)
    assert not shown(dock)
    type_number(qtbot, dock, QDoubleSpinBox, "Last wavelength", 700)
    assert shown(dock)
    layer = open_it(qtbot, viewer, dock)
    np.testing.assert_array_equal(layer.data, VALUES)
    np.testing.assert_allclose(layer_to_cube(layer).wavelengths_nm, np.linspace(400, 700, 31))
    assert complaints() == []


def test_a_table_of_wavelengths_settles_the_axis(qtbot, viewer, dock, tmp_path):
    np.save(tmp_path / "axes.npy", VALUES.transpose(1, 2, 0))
    rows = "\n".join(f"{nm},10" for nm in np.linspace(410, 710, 31))
    (tmp_path / "bands.csv").write_text(f"wavelength,fwhm\n{rows}\n")
    (tmp_path / "short.csv").write_text("wavelength\n500\n600\n")
    choose(qtbot, dock, tmp_path / "axes.npy")
    pick(qtbot, dock, "Wavelengths", "from a table")
    assert message(dock) == "Choose a file with the wavelengths."
    for table in ("short.csv", "bands.csv"):
        in_save_dialog(tmp_path / table)
        press(qtbot, dock, "Table of wavelengths: File…")
        wait(qtbot, dock)
        assert ("2 wavelengths were given" in message(dock)) == (table == "short.csv")
    assert "as long as the list of 31 wavelengths" in message(dock)
    cube = layer_to_cube(open_it(qtbot, viewer, dock))
    np.testing.assert_allclose(cube.wavelengths_nm, np.linspace(410, 710, 31))
    np.testing.assert_allclose(cube.fwhm_nm, 10)
    assert "The wavelengths are those of bands.csv." in cube.history
    assert complaints() == []


def test_a_matrix_gets_the_size_of_its_picture(qtbot, viewer, dock, tmp_path):
    np.save(tmp_path / "matrix.npy", VALUES.transpose(0, 2, 1).reshape(31, -1))
    choose(qtbot, dock, tmp_path / "matrix.npy")
    assert message(dock) == QUESTIONS["shape"]
    type_number(qtbot, dock, QSpinBox, "Rows", 7)
    assert message(dock) == "Give both the rows and the columns of the picture."
    type_number(qtbot, dock, QSpinBox, "Rows", 30)
    assert named(dock, QSpinBox, "Columns").value() == 29
    assert shown(dock)
    pick(qtbot, dock, "Pixel order", "column by column")
    layer = open_it(qtbot, viewer, dock)
    np.testing.assert_array_equal(layer.data, VALUES)
    assert complaints() == []


def test_a_damaged_file_is_one_sentence_in_the_form(qtbot, viewer, dock, tmp_path):
    write(SCENE, tmp_path / "scene.mat")
    whole = (tmp_path / "scene.mat").read_bytes()
    (tmp_path / "half.mat").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.npy").write_text("not an array")
    for name, words in (
        ("scene.mat", "Nothing had to be guessed."),
        ("half.mat", "cut short"),
        ("text.npy", "not NumPy"),
        ("nowhere.mat", "no such file"),
    ):
        choose(qtbot, dock, tmp_path / name)
        assert words in message(dock)
        assert shown(dock) == (name == "scene.mat")
    assert list(viewer.layers) == []
    assert complaints() == []


def test_a_file_that_vanishes_before_it_is_opened_adds_nothing(
    qtbot, viewer, dock, tmp_path, monkeypatch
):
    write(SCENE, tmp_path / "scene.npz")
    choose(qtbot, dock, tmp_path / "scene.npz")

    def gone(cube):
        raise OSError("the file is gone")

    monkeypatch.setattr(open_module, "cube_to_layer_data", gone)
    press(qtbot, dock, "Open")
    qtbot.waitUntil(lambda: "the file is gone" in message(dock), timeout=PATIENCE_MS)
    assert list(viewer.layers) == []


def test_a_cancelled_dialog_and_a_closed_dock_add_nothing(qtbot, viewer, dock, tmp_path):
    write(SCENE, tmp_path / "scene.npz")
    in_save_dialog(tmp_path / "scene.npz", accept=False)
    press(qtbot, dock, "File: File…")
    assert message(dock) == HELP
    dock.choose_file(tmp_path / "scene.npz")
    viewer.window.remove_dock_widget(dock)
    qtbot.wait(300)
    assert list(viewer.layers) == []
    gone = weakref.ref(dock)
    del dock
    again = open_dock(viewer, "Open")
    assert message(again) == HELP
    in_save_dialog(tmp_path / "scene.npz")
    press(qtbot, again, "File: File…")
    wait(qtbot, again)
    assert shown(again)
    viewer.window.remove_dock_widget(again)
    assert gone() is None or gone() is not again
    gc.collect()
    assert complaints() == []


def test_the_last_of_many_answers_counts(qtbot, viewer, dock, tmp_path):
    np.save(tmp_path / "axes.npy", VALUES.transpose(1, 2, 0))
    choose(qtbot, dock, tmp_path / "axes.npy")
    combo = named(dock, QComboBox, "Bands")
    for index in (1, 2, 3, 1, 3):
        combo.setCurrentIndex(index)
        combo.activated.emit(index)
        qtbot.wait(60)
    assert not button(dock, "Open").isEnabled()
    wait(qtbot, dock)
    assert named(dock, QLabel, "Summary").text().startswith("31 bands of 30 rows × 29 columns")


def drop(viewer, path):
    # The way of a dropped file.
    viewer.window._qt_viewer._qt_open([str(path)], stack=False, plugin=PLUGIN)


def test_a_dropped_file_with_an_open_question_brings_up_the_form(qtbot, viewer, tmp_path):
    np.save(tmp_path / "axes.npy", VALUES.transpose(1, 2, 0))
    drop(viewer, tmp_path / "axes.npy")
    [sentence] = complaints()
    assert "axes.npy" in sentence
    assert "Plugins > HSI Restore > Open" in sentence
    assert list(viewer.layers) == []
    dock = viewer.window.dock_widgets["Open (napari-hsi-restore)"]
    wait(qtbot, dock)
    assert dock.isVisible()
    assert message(dock) == QUESTIONS["bands_axis"]
    pick(qtbot, dock, "Bands", "axis 2")
    np.testing.assert_array_equal(open_it(qtbot, viewer, dock).data, VALUES)


def test_guesses_are_said_once_and_what_is_sure_is_not(viewer, tmp_path):
    scipy.io.savemat(
        tmp_path / "guessed.mat",
        {"cube": VALUES.transpose(1, 2, 0), "wavelengths": SCENE.wavelengths_nm},
    )
    write(SCENE, tmp_path / "sure.hdr")
    drop(viewer, tmp_path / "sure.hdr")
    assert said("info") == []
    drop(viewer, tmp_path / "guessed.mat")
    [sentence] = said("info")
    assert sentence.startswith("guessed.mat: Took axis 2")
    assert "Plugins > HSI Restore > Open" in sentence
    assert complaints() == []
    assert len([layer for layer in viewer.layers if not layer.rgb]) == 2


def test_the_first_cube_of_a_window_is_shown_in_true_colour(qtbot, viewer, tmp_path):
    write(SCENE, tmp_path / "scene.hdr")
    drop(viewer, tmp_path / "scene.hdr")
    inspect = viewer.window.dock_widgets["Inspect (napari-hsi-restore)"]
    qtbot.waitUntil(lambda: any(x.rgb for x in viewer.layers), timeout=PATIENCE_MS)
    assert [x.name for x in viewer.layers] == ["scene", "scene [True colour]"]
    viewer.window.remove_dock_widget(inspect)
    viewer.layers.clear()
    drop(viewer, tmp_path / "scene.hdr")
    qtbot.wait(100)
    assert not viewer.window.dock_widgets
    assert [x.name for x in viewer.layers] == ["scene"]


def test_inspect_stays_away_where_another_dock_is_in_use(viewer, tmp_path):
    open_dock(viewer, "Compare")
    write(SCENE, tmp_path / "scene.hdr")
    drop(viewer, tmp_path / "scene.hdr")
    assert list(viewer.window.dock_widgets) == ["Compare (napari-hsi-restore)"]


REAL = (
    ("test/airborne/jasper_ridge.mat", "Y"),
    ("formats/hdf5_neon/ex.h5", "SJER/Reflectance/Reflectance_Data"),
    ("formats/envi_fenix_core/image.hdr", None),
    ("formats/cave_png/balloons_ms", None),
    ("test/satellite/enmap_potsdam_tile_96_96.tif", None),
)


def test_real_files_are_looked_at_as_they_are_read(qtbot, viewer, dock, shared_data):
    for path, key in REAL:
        choose(qtbot, dock, shared_data / path)
        assert shown(dock), message(dock)
        assert dock._look.key in (key, "balloons_ms_")
        assert_same_fields(dock._look.cube, read(shared_data / path))
        assert max(dock._look.picture.shape) <= 224
    viewer.theme = "light"
    assert complaints() == []


def test_a_first_look_never_raises(tmp_path, monkeypatch):
    write(
        SCENE.replace(
            data=np.full((1, 4, 4), np.nan, np.float32),
            wavelengths_nm=None,
            fwhm_nm=None,
            good_bands=None,
        ),
        tmp_path / "nothing.npy",
    )
    from napari_hsi_restore.io.choices import Answers

    look = first_look(tmp_path / "nothing.npy", Answers())
    assert isinstance(look, FirstLook)
    assert not look.has_spectrum
    assert not look.picture.any()
    assert look.summary.startswith("1 band of 4 rows × 4 columns")

    def broken(path, answers):
        raise MemoryError

    monkeypatch.setattr("napari_hsi_restore.plugin.first_look.read_with", broken)
    refusal = first_look(tmp_path / "nothing.npy", Answers())
    assert isinstance(refusal, Refusal)
    assert "not enough memory" in refusal.sentence


def remembered(dock):
    return named(dock, QLabel, "Remembered")


def test_what_was_said_is_filled_in_for_files_alike_and_can_be_forgotten(
    qtbot, viewer, dock, tmp_path
):
    cube = np.random.default_rng(0).random((30, 234, 20)).astype("f4")
    for name in ("one", "two"):
        np.save(tmp_path / f"{name}.npy", cube)
    np.save(tmp_path / "other.npy", cube[:, :, 1:])
    choose(qtbot, dock, tmp_path / "one.npy")
    pick(qtbot, dock, "Bands", "axis 1: 234")
    pick(qtbot, dock, "Wavelengths", "PRISMA: 402 to 2497 nm")
    assert "402.5 to 2496.9 nm" in named(dock, QLabel, "Summary").text()
    assert not remembered(dock).isVisible()
    open_it(qtbot, viewer, dock)
    choose(qtbot, dock, tmp_path / "two.npy")
    assert remembered(dock).isVisible()
    assert named(dock, QComboBox, "Bands").currentText() == "axis 1: 234 bands"
    assert named(dock, QComboBox, "Wavelengths").currentText().startswith("PRISMA")
    assert "402.5 to 2496.9 nm" in named(dock, QLabel, "Summary").text()
    choose(qtbot, dock, tmp_path / "other.npy")
    assert not remembered(dock).isVisible()
    assert named(dock, QComboBox, "Bands").currentText() == "automatic"
    choose(qtbot, dock, tmp_path / "two.npy")
    press(qtbot, dock, "Forget this")
    wait(qtbot, dock)
    assert not remembered(dock).isVisible()
    assert named(dock, QComboBox, "Wavelengths").currentText() == "from the file"
    choose(qtbot, dock, tmp_path / "one.npy")
    assert not remembered(dock).isVisible()


def test_the_sensors_with_as_many_bands_are_offered(qtbot, dock, tmp_path):
    np.save(tmp_path / "cube.npy", np.random.default_rng(0).random((224, 20, 30)))
    choose(qtbot, dock, tmp_path / "cube.npy")
    pick(qtbot, dock, "Bands", "axis 0")
    offered = [text.partition(":")[0] for text in entries(dock, "Wavelengths")[3:]]
    assert offered == ["AVIRIS", "EnMAP"]
