"""Results of runs as layers of a viewer.

The layers are made whole before the first is added, so that none is half-added.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import napari.viewer
import numpy as np
from napari.layers import Image, Layer
from napari.utils.transforms import Affine

from napari_hsi_restore.jobs.requests import Restored
from napari_hsi_restore.plugin.contrast import contrast_limits
from napari_hsi_restore.plugin.layers import METADATA_KEY, aligned, result_layer_data
from napari_hsi_restore.widgets.parts.visible_region import Region

PREVIEW = "preview"


def add_result(viewer: napari.viewer.Viewer, source: Image, restored: Restored) -> str:
    """Add the result of a run, and its residual where there is one, over the source.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    source : Image
        Layer that was restored; it may have left the viewer meanwhile.
    restored : Restored

    Returns
    -------
    str
        What was added, for the status line.
    """
    model = _model_of(restored)
    made = [result_layer_data(restored.cube, source, f"denoise: {model}")]
    if restored.residual is not None:
        data, options, kind = result_layer_data(restored.residual, source, f"residual: {model}")
        look = {"contrast_limits": contrast_limits(restored.residual), "colormap": "gray"}
        made.insert(0, (data, {**options, **look}, kind))
    layers = [Layer.create(*parts) for parts in made]
    _add(viewer, source, layers)
    return "Added " + " and ".join(f"“{layer.name}”" for layer in reversed(layers)) + "."


def add_preview(
    viewer: napari.viewer.Viewer, source: Image, region: Region, restored: Restored
) -> str:
    """Put the restored part of a cube over the source, in place of the last preview.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    source : Image
        Layer that was restored in part.
    region : tuple of 4 int
        (top, bottom, left, right) in the source's pixels.
    restored : Restored
        Its cube has the shape of the region.

    Returns
    -------
    str
        What was added, for the status line.
    """
    cube = restored.cube.replace(name=PREVIEW)
    data, options, kind = result_layer_data(cube, source, PREVIEW)
    placed: dict[str, Any] = aligned(source, cube.shape, cube.shape)
    linear = Affine(
        scale=source.scale, rotate=source.rotate, shear=source.shear, ndim=source.ndim
    ).linear_matrix
    top, bottom, left, right = region
    placed["translate"] = np.asarray(source.translate) + linear @ np.array([0, top, left])
    named = {"name": PREVIEW, "metadata": {METADATA_KEY: {"cube": cube, PREVIEW: True}}}
    layer = Layer.create(data, {**options, **placed, **named}, kind)
    for old in [old for old in viewer.layers if is_preview(old)]:
        viewer.layers.remove(old)
    _add(viewer, source, [layer])
    return f"Rows {top} to {bottom - 1}, columns {left} to {right - 1} are in layer “{PREVIEW}”."


def is_preview(layer: Layer) -> bool:
    """Whether a layer is a preview made by `add_preview`."""
    entry = layer.metadata.get(METADATA_KEY)
    return isinstance(entry, dict) and bool(entry.get(PREVIEW))


def _add(viewer: napari.viewer.Viewer, source: Image, layers: list[Layer]) -> None:
    for layer in layers:
        viewer.add_layer(layer)
    if source in viewer.layers:
        # The dock follows the active layer: another try starts from the same source.
        viewer.layers.selection.active = source


def _model_of(restored: Restored) -> str:
    with contextlib.suppress(ValueError, KeyError, IndexError, TypeError):
        return str(json.loads(restored.cube.history[-1])["model"])
    return "model"
