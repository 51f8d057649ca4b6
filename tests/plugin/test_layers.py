"""Cubes as layers and back, without a window."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels

from make.cubes import assert_same_fields, full_cube
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin.layers import (
    cube_to_layer_data,
    is_cube_layer,
    layer_to_cube,
    plane_options,
    result_layer_data,
)
from napari_hsi_restore.plugin.placing import pixel_at, show_band, shown_band
from napari_hsi_restore.plugin.reader import get_reader, read_layers


def layer_of(cube, **options):
    [(data, known, _)] = cube_to_layer_data(cube)
    return Image(data, **(known | options))


def test_no_field_is_lost_between_cube_and_layer():
    cube = full_cube()
    layer = layer_of(cube)
    back = layer_to_cube(layer)
    assert_same_fields(back, cube)
    np.testing.assert_array_equal(back.data, cube.data)
    assert tuple(layer.axis_labels) == ("band", "y", "x")


def test_edits_of_the_layer_count():
    layer = layer_of(full_cube())
    layer.name = "renamed"
    layer.data = layer.data[:, :2]
    cube = layer_to_cube(layer)
    assert cube.name == "renamed"
    assert cube.shape == (5, 2, 3)
    assert cube.wavelengths_nm is not None
    assert cube.georeference is None
    layer.data = np.zeros((2, 2, 3), np.float32)
    assert layer_to_cube(layer).wavelengths_nm is None


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (Labels(np.zeros((3, 4, 4), int)), "labels layer"),
        (Image(np.zeros((4, 4))), "2 axes"),
        (Image(np.zeros((2, 4, 4, 3)), rgb=True), "colour picture"),
    ],
)
def test_what_is_no_cube_is_said(layer, sentence):
    assert not is_cube_layer(layer)
    with pytest.raises(UserError, match=sentence):
        layer_to_cube(layer)


def test_a_result_of_twice_the_pixels_lies_on_the_same_ground():
    source = layer_of(HyperCube(np.zeros((3, 10, 12))), scale=(1, 2, 4), translate=(0, 7, 9))
    data, options, _ = result_layer_data(HyperCube(np.zeros((3, 20, 24))), source, "superres: x2")
    result = Image(data, **options)
    assert result.name == f"{source.name} [superres: x2]"
    for corner, fine in (((-0.5, -0.5), (-0.5, -0.5)), ((9.5, 11.5), (19.5, 23.5))):
        np.testing.assert_allclose(
            result.data_to_world((0, *fine)), source.data_to_world((0, *corner))
        )


def test_a_picture_lies_on_a_turned_cube():
    source = layer_of(
        HyperCube(np.zeros((3, 10, 12))), scale=(1, 2, 3), translate=(0, 5, 6), rotate=(0, 0, 30)
    )
    picture = Image(np.zeros((10, 12)), **plane_options(source))
    for pixel in ((0, 0), (9, 11), (4, 2)):
        np.testing.assert_allclose(
            picture.data_to_world(pixel), source.data_to_world((0, *pixel))[1:], atol=1e-9
        )


def test_bands_and_pixels_are_found_whatever_lies_beside_the_cube():
    viewer = ViewerModel()
    layer = viewer.add_layer(layer_of(full_cube(shape=(5, 8, 9)), scale=(1, 2, 2)))
    viewer.add_image(np.zeros((2, 5, 8, 9)))
    show_band(viewer, layer, 3)
    assert viewer.dims.point[1] == 3
    assert shown_band(viewer, layer) == 3
    assert pixel_at(layer, (0, 3, 6.0, 4.1)) == (3, 2)
    assert pixel_at(layer, (0, 3, -3.0, 4.0)) is None


def test_the_reader_takes_cubes_only(tmp_path):
    (tmp_path / "notes.txt").write_text("no cube")
    np.save(tmp_path / "cube.npy", np.zeros((3, 40, 50)))
    assert get_reader(str(tmp_path / "notes.txt")) is None
    # A stack is never a cube; in a window it is left to napari.
    assert get_reader([str(tmp_path / "cube.npy")]) is not read_layers
    reader = get_reader(str(tmp_path / "cube.npy"))
    [(data, options, kind)] = reader(str(tmp_path / "cube.npy"))
    assert data.shape == (3, 40, 50)
    assert (kind, options["name"]) == ("image", "cube")


def test_without_a_window_an_unreadable_file_is_raised(tmp_path):
    (tmp_path / "cube.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(200))
    with pytest.raises(UserError, match=r"cube\.mat"):
        read_layers(str(tmp_path / "cube.mat"))
