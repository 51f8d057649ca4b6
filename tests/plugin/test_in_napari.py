"""Opening, saving and samples through a real napari window."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from napari.utils.notifications import notification_manager

from make.cubes import assert_same_fields
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import read, write
from napari_hsi_restore.plugin.layers import layer_to_cube
from napari_hsi_restore.scene import demo_scene
from widgets.window import PLUGIN, complaints

gui = pytest.mark.gui

REAL = (
    "validation/cave/superballs.tif",
    "test/airborne/abu-beach-2.mat",
    "test/airborne/jasper_ridge.mat",
    "test/satellite/enmap_potsdam_tile_96_96.tif",
    "formats/envi_aviris_ng/ang20160910t185702_2rdn_img.hdr",
    "formats/envi_corn_kernel/corn-kernel-hyperspectral.hdr",
    "formats/envi_fenix_core/image.hdr",
    "formats/cave_png/balloons_ms",
)


@pytest.fixture
def viewer(make_napari_viewer):
    notification_manager.records.clear()
    return make_napari_viewer(show=False)


@gui
def test_real_files_open_as_they_are_read(viewer, shared_data):
    for path in REAL:
        [layer] = viewer.open(str(shared_data / path), plugin=PLUGIN)
        cube = read(shared_data / path)
        assert_same_fields(layer_to_cube(layer), cube)
        assert layer.data.shape == cube.shape
        assert layer.source.path == str(shared_data / path)
        low, high = layer.contrast_limits
        assert low < high
        viewer.layers.clear()
    assert complaints() == []


@gui
@pytest.mark.parametrize("name", ["x", "scene", "a_long_name_without_any_suffix"])
def test_a_dropped_data_file_without_a_suffix_opens(viewer, tmp_path, name):
    written = write(demo_scene(size=24), tmp_path / f"{name}.hdr")
    [data] = [path for path in tmp_path.iterdir() if path != written]
    data.rename(tmp_path / name)
    # The way of a dropped file, without a choice of the reader.
    viewer.window._qt_viewer._qt_open([str(tmp_path / name)], stack=False)
    [layer] = viewer.layers
    assert_same_fields(layer_to_cube(layer), read(written))
    assert complaints() == []


@gui
def test_a_plain_picture_opens_even_where_this_reader_is_chosen(viewer, tmp_path):
    picture = np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3)
    tifffile.imwrite(tmp_path / "photo.tif", picture, photometric="rgb")
    np.save(tmp_path / "plane.npy", picture[..., 0])
    [photo] = viewer.open(str(tmp_path / "photo.tif"), plugin=PLUGIN)
    assert photo.rgb
    np.testing.assert_array_equal(photo.data, picture)
    [plane] = viewer.open(str(tmp_path / "plane.npy"), plugin=PLUGIN)
    np.testing.assert_array_equal(plane.data, picture[..., 0])
    two = [str(tmp_path / "plane.npy")] * 2
    [stack] = viewer.open(two, stack=True, plugin=PLUGIN)
    assert stack.data.shape == (2, 40, 50)
    # What nobody reads is still refused by napari.
    (tmp_path / "noise.dat").write_bytes(b"noise")
    with pytest.raises(ValueError, match=r"refused|not a compatible"):
        viewer.open(str(tmp_path / "noise.dat"), plugin=PLUGIN)


@gui
@pytest.mark.parametrize("suffix", [".hdr", ".tif"])
def test_a_saved_layer_comes_back_with_everything(viewer, tmp_path, suffix):
    write(demo_scene(size=24), tmp_path / "scene.hdr")
    [layer] = viewer.open(str(tmp_path / "scene.hdr"), plugin=PLUGIN)
    target = tmp_path / f"saved{suffix}"
    assert layer.save(str(target), plugin=PLUGIN) == [str(target)]
    [again] = viewer.open(str(target), plugin=PLUGIN)
    assert_same_fields(layer_to_cube(again), layer_to_cube(layer))
    np.testing.assert_array_equal(again.data, layer.data)
    colour = viewer.add_image(np.zeros((8, 8, 3)), rgb=True, name="colour")
    with pytest.raises(UserError, match="colour picture"):
        colour.save(str(tmp_path / f"colour{suffix}"), plugin=PLUGIN)
    with pytest.raises(UserError, match="does not exist"):
        layer.save(str(tmp_path / "nowhere" / "x.hdr"), plugin=PLUGIN)
    assert not list(tmp_path.glob("colour*"))


@gui
def test_a_damaged_file_is_one_notification_and_no_layer(viewer, tmp_path):
    write(demo_scene(size=24), tmp_path / "scene.mat")
    whole = (tmp_path / "scene.mat").read_bytes()
    write(demo_scene(size=24), tmp_path / "scene.hdr")
    [data] = [path for path in tmp_path.glob("scene.*") if path.suffix not in (".mat", ".hdr")]
    data.write_bytes(data.read_bytes()[:500])
    (tmp_path / "half.mat").write_bytes(whole[: len(whole) // 2])
    for name in ("scene.hdr", "half.mat"):
        notification_manager.records.clear()
        # The way of a dropped file.
        viewer.window._qt_viewer._qt_open([str(tmp_path / name)], stack=False, plugin=PLUGIN)
        [sentence] = complaints()
        assert name.partition(".")[0] in sentence
        assert "cut short" in sentence
        assert list(viewer.layers) == []


@gui
def test_the_samples_open_and_lie_on_each_other(viewer):
    for key in ("demo_clean", "demo_noisy", "demo_low_resolution"):
        viewer.open_sample(PLUGIN, key)
    clean, noisy, low = viewer.layers
    assert clean.data.shape == noisy.data.shape
    assert not np.array_equal(clean.data, noisy.data)
    assert low.data.shape[1] * 2 == clean.data.shape[1]
    np.testing.assert_allclose(low.extent.world[:, 1:], clean.extent.world[:, 1:], atol=0.51)
    fine = clean.data[:, :64, :64].reshape(31, 32, 2, 32, 2).mean(axis=(2, 4))
    assert np.corrcoef(fine.ravel(), low.data[:, :32, :32].ravel())[0, 1] > 0.95
    assert complaints() == []


def test_the_manifest_is_valid_and_its_commands_exist():
    command = [sys.executable, "-m", "npe2", "validate", PLUGIN]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    from npe2 import PluginManifest

    manifest = PluginManifest.from_distribution(PLUGIN)
    for contribution in manifest.contributions.commands:
        module, _, name = contribution.python_name.partition(":")
        assert callable(getattr(importlib.import_module(module), name))
    menus = manifest.contributions.menus
    docks = ("inspect", "restore", "compare", "finetune", "search")
    assert {item.command for items in menus.values() for item in items} == {
        f"{PLUGIN}.{name}" for name in (*docks, "open_with_options")
    }
