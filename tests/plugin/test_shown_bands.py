"""A large cube in a napari window: a preview at once, and the band when it is read."""

from __future__ import annotations

import threading

import h5py
import numpy as np
import pytest

from make.envi_files import envi
from napari_hsi_restore.io import band_views, packed_views, read
from napari_hsi_restore.io.formats import hdf5_file
from napari_hsi_restore.plugin import contrast
from napari_hsi_restore.plugin.layers import cube_to_layer_data, layer_to_cube
from napari_hsi_restore.plugin.shown_bands import UNKNOWN_LIMITS, shows_preview, views_of
from napari_hsi_restore.widgets.parts.visible_region import visible_region
from widgets.window import PLUGIN, complaints, move_mouse, open_dock, settle

SHAPE = (9, 900, 800)


@pytest.fixture
def values():
    return np.arange(np.prod(SHAPE), dtype="u4").reshape(SHAPE).astype("u2")


@pytest.fixture
def header(tmp_path, values, monkeypatch):
    monkeypatch.setattr(band_views, "LARGE_BYTES", 2**20)
    monkeypatch.setattr(band_views, "OVERVIEW_BYTES", 2**18)
    monkeypatch.setattr(band_views, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    return envi(tmp_path, values, interleave="bip")


def test_indexing_and_saving_give_the_stored_values(header, values, tmp_path):
    [(levels, options, _)] = cube_to_layer_data(read(header))
    assert options["multiscale"]
    assert levels[0].shape == SHAPE
    assert np.array_equal(levels[0][4], values[4])
    assert np.array_equal(levels[1][2, 3:9, :5], values[2, ::2, ::2][3:9, :5])
    assert np.array_equal(np.asarray(levels[-1]), values[:, ::4, ::4])


@pytest.mark.gui
def test_the_window_shows_the_band_in_the_end(make_napari_viewer, qtbot, header, values):
    viewer = make_napari_viewer(show=True)
    [layer] = viewer.open(str(header), plugin=PLUGIN)
    settle(qtbot, viewer)
    assert np.array_equal(layer_to_cube(layer).data[3], values[3])
    for band in (0, 5):
        viewer.dims.set_point(0, band)
        qtbot.waitUntil(lambda: not shows_preview(layer), timeout=300_000)
        step = views_of(layer.data).steps[layer.data_level]
        (_, top, left), (_, bottom, right) = layer.corner_pixels
        expected = values[band, ::step, ::step][top : bottom + 1, left : right + 1]
        assert np.array_equal(layer._slice.image.raw, expected)
    # The patch to be previewed lies where the canvas shows it.
    viewer.scene.camera.zoom *= 6
    viewer.scene.camera.center = (0, 600, 500)
    qtbot.wait(100)
    top, bottom, left, right = visible_region(layer, 64, viewer.scene.camera.center)
    assert top < 600 < bottom
    assert left < 500 < right
    viewer.dims.ndisplay = 3
    viewer.dims.ndisplay = 2
    viewer.dims.order = (2, 0, 1)
    viewer.dims.order = (0, 1, 2)
    assert complaints() == []


@pytest.fixture
def packed_file(tmp_path, values, monkeypatch):
    """A compressed file of which each chunk holds whole spectra."""
    monkeypatch.setattr(packed_views, "SMALL_BYTES", 2**20)
    monkeypatch.setattr(packed_views, "COSTLY_BYTES", 2**20)
    monkeypatch.setattr(contrast, "_DECODED_BYTES", 2**10)
    monkeypatch.setattr(hdf5_file, "EAGER_BYTES", 2**20)
    monkeypatch.setattr(hdf5_file, "_CHUNK_BYTES", 2**20)
    monkeypatch.setattr(band_views, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    path = tmp_path / "product.h5"
    with h5py.File(path, "w") as file:
        stored = np.moveaxis(values, 0, -1)
        data = file.create_dataset("data", data=stored, chunks=(128, 128, 9), compression="gzip")
        data.attrs["units"] = "reflectance"
        file.create_dataset("wavelengths", data=np.linspace(400.0, 2400.0, 9))
    return path


@pytest.mark.gui
def test_the_window_decodes_nothing_itself(make_napari_viewer, qtbot, packed_file, values):
    decoding_in = set()
    original = hdf5_file.LazyDataset.__getitem__

    def watched(self, item):
        decoding_in.add(threading.current_thread() is threading.main_thread())
        return original(self, item)

    viewer = make_napari_viewer(show=True)
    dock = open_dock(viewer, "Inspect")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hdf5_file.LazyDataset, "__getitem__", watched)
        [layer] = viewer.open(str(packed_file), plugin=PLUGIN)
        settle(qtbot, viewer)
        views = views_of(layer.data)
        for band in (0, 5):
            viewer.dims.set_point(0, band)
            qtbot.waitUntil(lambda: not shows_preview(layer), timeout=300_000)
            step = views.steps[layer.data_level]
            (_, top, left), (_, bottom, right) = layer.corner_pixels
            expected = values[band, ::step, ::step][top : bottom + 1, left : right + 1]
            assert np.array_equal(layer._slice.image.raw, expected)
        qtbot.waitUntil(lambda: tuple(layer.contrast_limits) != UNKNOWN_LIMITS, timeout=300_000)
        move_mouse(qtbot, viewer, 450, 400)
        qtbot.waitUntil(lambda: bool(dock._spectra.live), timeout=300_000)
        row, column = dock._spectra.pixel
        assert np.array_equal(dock._spectra.live[0].values, values[:, row, column])
        qtbot.waitUntil(lambda: views.copied, timeout=300_000)
    assert decoding_in == {False}
    assert np.array_equal(np.asarray(layer_to_cube(layer).data[3]), values[3])
    assert complaints() == []
