"""A large cube in a napari window: a preview at once, and the band when it is read."""

from __future__ import annotations

import numpy as np
import pytest

from make.envi_files import envi
from napari_hsi_restore.io import band_views, read
from napari_hsi_restore.plugin.layers import cube_to_layer_data, layer_to_cube
from napari_hsi_restore.plugin.shown_bands import shows_preview, views_of
from napari_hsi_restore.widgets.parts.visible_region import visible_region
from widgets.window import PLUGIN, complaints, settle

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
        qtbot.waitUntil(lambda: not shows_preview(layer), timeout=20_000)
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
