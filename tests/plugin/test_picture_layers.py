"""Colour pictures as layers: one of a kind, under the marks, saved where the cube lies."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import read
from napari_hsi_restore.plugin.layers import cube_to_layer_data
from napari_hsi_restore.plugin.marks import pins_layer
from napari_hsi_restore.plugin.picture_layers import (
    PictureLayers,
    coarser,
    find_picture,
    hide_pictures,
    pictures_of,
    show_picture,
)
from napari_hsi_restore.plugin.writer import write_cube

PLACE = Georeference("EPSG:32633", (30.0, 0.0, 500000.0, 0.0, -30.0, 5800000.0))


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def cube_layer(viewer):
    [(data, options, _)] = cube_to_layer_data(HyperCube(np.zeros((4, 8, 12)), name="cube"))
    return viewer.add_image(data, **options)


def picture(value, shape=(8, 12)):
    return np.full((*shape, 3), value, np.uint8)


def test_there_is_one_picture_of_a_kind_and_it_lies_under_the_marks(viewer, cube_layer):
    first = show_picture(viewer, cube_layer, "false-colour", "RGB 1 2 3", picture(1))
    pins = viewer.add_layer(pins_layer(cube_layer))
    other = show_picture(viewer, cube_layer, "pca", "PCA", picture(2))
    assert list(viewer.layers) == [cube_layer, first, other, pins]
    again = show_picture(viewer, cube_layer, "false-colour", "RGB 1 2 9", picture(3))
    assert again is first
    assert (again.name, again.data[0, 0, 0]) == ("cube [RGB 1 2 9]", 3)
    assert list(viewer.layers) == [cube_layer, other, first, pins]
    assert viewer.layers.selection.active is cube_layer
    hide_pictures(viewer, cube_layer)
    assert not any(layer.visible for layer in pictures_of(viewer, cube_layer))
    assert cube_layer.visible
    assert find_picture(viewer, cube_layer, "mnf") is None
    assert pictures_of(viewer, None) == []


def test_pictures_of_other_cubes_that_cover_this_one_are_hidden_too(viewer, cube_layer):
    [(data, options, _)] = cube_to_layer_data(HyperCube(np.zeros((4, 8, 12)), name="other"))
    under = viewer.add_image(data, **options)
    viewer.layers.move(1, 0)
    below = show_picture(viewer, under, "pca", "PCA", picture(1))
    viewer.layers.move(viewer.layers.index(below), 0)
    above = viewer.add_image(data, **options)
    over = show_picture(viewer, above, "pca", "PCA", picture(1))
    away = viewer.add_image(data, **{**options, "translate": (0, 500, 500)})
    elsewhere = show_picture(viewer, away, "pca", "PCA", picture(1))
    mine = show_picture(viewer, cube_layer, "pca", "PCA", picture(2))
    plain = viewer.add_image(np.zeros((8, 12)))
    pictures = PictureLayers(viewer)
    assert pictures.covering() == []
    pictures.cube_layer = cube_layer
    assert pictures.covering() == [over, mine]
    viewer.canvas.grid.enabled = True
    assert pictures.covering() == [mine]
    viewer.canvas.grid.enabled = False
    pictures.hide()
    assert [layer.visible for layer in (over, mine)] == [False, False]
    assert all(layer.visible for layer in (below, elsewhere, plain, above, away, cube_layer))


def test_a_coarse_picture_covers_the_cube(viewer, cube_layer):
    cube_layer.scale, cube_layer.translate = (1, 5, 5), (0, 100, 200)
    shown = show_picture(viewer, cube_layer, "pca", "PCA", picture(1, (4, 6)), step=2)
    np.testing.assert_allclose(shown.data_to_world((0, 0)), (100, 200))
    np.testing.assert_allclose(shown.data_to_world((3, 5)), (100 + 30, 200 + 50))


@pytest.mark.parametrize("suffix", [".tif", ".hdr"])
def test_a_picture_is_saved_where_the_cube_lies(viewer, cube_layer, tmp_path, suffix):
    if suffix == ".tif":
        rasterio = pytest.importorskip("rasterio")
    values = np.random.default_rng(0).integers(0, 255, (4, 6, 3)).astype(np.uint8)
    place = coarser(PLACE, 2)
    shown = show_picture(viewer, cube_layer, "pca", "PCA", values, step=2, georeference=place)
    data, meta, _ = shown.as_layer_data_tuple()
    [path] = write_cube(str(tmp_path / f"picture{suffix}"), data, meta)
    back = read(path)
    np.testing.assert_array_equal(np.moveaxis(back.array(), 0, -1), values)
    # The outer corner of the first coarse pixel: half a fine pixel outside.
    assert back.georeference.transform == (60, 0, 499985, 0, -60, 5800015)
    if suffix == ".tif":
        with rasterio.open(path) as file:
            assert file.crs.to_epsg() == 32633
            assert (file.count, file.dtypes[0]) == (3, "uint8")
            assert [colour.name for colour in file.colorinterp] == ["red", "green", "blue"]
            np.testing.assert_array_equal(file.read(), np.moveaxis(values, -1, 0))


def test_a_picture_of_somebody_else_is_no_cube(viewer, tmp_path):
    layer = viewer.add_image(picture(1), rgb=True, name="photo")
    data, meta, _ = layer.as_layer_data_tuple()
    with pytest.raises(UserError, match="without a spectrum"):
        write_cube(str(tmp_path / "photo.tif"), data, meta)
