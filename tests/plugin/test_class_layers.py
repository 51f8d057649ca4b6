"""Maps of classes in napari."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.notifications import notification_manager

from make.envi_files import classification
from napari_hsi_restore.plugin.reader import read_layers
from widgets.window import PLUGIN, complaints

LABELS = np.array([[0, 1, 2, 2], [2, 1, 0, 1], [3, 3, 0, 0]], np.int16)
NAMES = ["Unclassified", "Kaolinite", "Quartz", "Mica"]
COLOURS = [0, 0, 0, 255, 0, 0, 0, 255, 127, 10, 20, 30]


def test_a_map_of_classes_is_a_labels_layer(tmp_path):
    path = classification(tmp_path, LABELS, NAMES, COLOURS)
    [(data, options, kind)] = read_layers(str(path))
    assert kind == "labels"
    layer = Labels(data, **options)
    np.testing.assert_array_equal(layer.data, LABELS)
    assert list(layer.features["class"]) == NAMES
    np.testing.assert_allclose(layer.get_color(2), [0, 1, 127 / 255, 1], rtol=1e-6)
    # What belongs to no class hides nothing below it.
    for number in (0, 99):
        colour = layer.get_color(number)
        assert colour is None or colour[3] == 0
    layer.data[0, 0] = 3
    assert "Kaolinite" in str(layer.get_status((1, 1), world=True)["value"]) + str(
        layer.get_status((1, 1), world=True)["coordinates"]
    )


def test_without_colours_napari_chooses_them(tmp_path):
    path = classification(tmp_path, LABELS, NAMES, [])
    [(data, options, _)] = read_layers(str(path))
    assert Labels(data, **options).get_color(2)[3] == 1


@pytest.mark.gui
def test_napari_says_what_it_is_and_opens_no_inspect(make_napari_viewer, tmp_path):
    notification_manager.records.clear()
    viewer = make_napari_viewer(show=False)
    path = classification(tmp_path, LABELS, NAMES, COLOURS)
    [layer] = viewer.open(str(path), plugin=PLUGIN)
    assert isinstance(layer, Labels)
    said = [str(record.message) for record in notification_manager.records]
    assert any("map of 4 classes (Unclassified" in one and "labels" in one for one in said)
    assert complaints() == []
    assert list(viewer.window.dock_widgets) == []
