"""Pixels of a cube that are painted or drawn on other layers."""

import numpy as np
import pytest
from napari.layers import Image, Labels, Shapes

from napari_hsi_restore.plugin.mask_layers import mask_layers, new_mask_layer, painted_pixels

SHAPE = (40, 60)


@pytest.fixture
def source():
    return Image(np.zeros((5, *SHAPE), np.float32), scale=(1, 2, 2), translate=(0, 7, 9))


def test_a_new_layer_lies_on_the_cube_and_hides_what_is_painted(source):
    layer = new_mask_layer(source)
    assert mask_layers([source, layer], source) == [layer]
    assert not painted_pixels(layer, SHAPE).any()
    layer.data[3:5, 6:9] = 2
    assert painted_pixels(layer, SHAPE).sum() == 6
    np.testing.assert_allclose(layer.data_to_world((3, 6)), source.data_to_world((0, 3, 6))[1:])


def test_labels_of_any_band_hide_the_pixel(source):
    values = np.zeros((5, *SHAPE), np.uint8)
    values[2, 3, 4] = values[4, 8, 9] = 1
    layer = Labels(values, scale=(1, 2, 2), translate=(0, 7, 9))
    assert mask_layers([layer], source) == [layer]
    assert set(zip(*np.nonzero(painted_pixels(layer, SHAPE)), strict=True)) == {(3, 4), (8, 9)}


@pytest.mark.parametrize("bands", [False, True])
@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        ("rectangle", [(10, 10), (20, 30), (15, 20)], [(8, 20), (15, 33)]),
        ("polygon", [(10, 10), (20, 30), (15, 20)], [(8, 20), (15, 33)]),
        ("ellipse", [(15, 20), (11, 20), (15, 11)], [(10, 10), (20, 30), (30, 30)]),
        ("path", [(10, 20), (15, 30)], [(15, 20)]),
    ],
)
def test_drawn_shapes(kind, inside, outside, bands):
    box = np.array([[10, 10], [10, 30], [20, 30], [20, 10]], float)
    vertices = np.hstack([np.full((4, 1), 2.0), box]) if bands else box
    hidden = painted_pixels(Shapes([vertices], shape_type=kind, ndim=vertices.shape[1]), SHAPE)
    assert hidden.shape == SHAPE
    assert all(hidden[place] for place in inside)
    assert not any(hidden[place] for place in outside)


def test_a_shape_may_reach_over_the_border():
    triangle = np.array([[-10, -10], [-10, 20], [30, -10]], float)
    hidden = painted_pixels(Shapes([triangle], shape_type="polygon"), SHAPE)
    assert hidden[0, 0]
    assert not hidden[39, 59]


def test_what_lies_elsewhere_is_no_mask(source):
    assert mask_layers([Labels(np.zeros(SHAPE, np.uint8)), source], source) == []
    small = Labels(np.zeros((9, 9), np.uint8), scale=(2, 2), translate=(7, 9))
    assert mask_layers([small], source) == []
