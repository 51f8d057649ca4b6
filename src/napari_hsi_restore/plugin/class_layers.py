"""A map of classes as a labels layer, with the names and the colours of its classes."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io.class_map import ClassMap
from napari_hsi_restore.plugin.layers import METADATA_KEY, LayerData

_MOST_COPIED = 512 * 2**20


def class_map_to_layer_data(cube: HyperCube, classes: ClassMap) -> LayerData:
    """The labels layer of a map of classes, as napari's readers return it.

    Parameters
    ----------
    cube : HyperCube
        Of one band of integers.
    classes : ClassMap

    Returns
    -------
    (data, options, "labels")
        `data` is (y, x), a copy that can be painted on unless it is very large; napari shows
        the name of the class under the cursor. What belongs to no class is transparent.
    """
    values = np.asarray(cube.data[0])
    if values.nbytes <= _MOST_COPIED:
        values = values.astype(values.dtype.newbyteorder("="))
    options: dict[str, Any] = {
        "name": cube.name,
        "metadata": {METADATA_KEY: {"cube": cube}},
        "axis_labels": ("y", "x"),
        "features": {
            "index": np.arange(len(classes.names)),
            "class": np.array(classes.names, dtype=object),
        },
    }
    if classes.colours is not None:
        options["colormap"] = _colormap(classes)
    return values, options, "labels"


def _colormap(classes: ClassMap) -> Any:
    from napari.utils.colormaps import DirectLabelColormap

    assert classes.colours is not None
    clear = np.zeros(4, dtype=np.float32)
    colours: dict[int | None, Any] = defaultdict(lambda: clear)
    colours[None] = clear
    for number, rgb in enumerate(classes.colours):
        colours[number] = np.array([*(rgb / 255.0), 1.0], dtype=np.float32)
    if classes.background:
        colours[0] = clear
    return DirectLabelColormap(color_dict=colours)
