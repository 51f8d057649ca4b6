"""Results of runs as layers of a viewer.

The layers are made whole before the first is added, so that none is half-added.
"""

from __future__ import annotations

import contextlib
import json

import napari.viewer
import numpy as np
from napari.layers import Image, Layer

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.jobs.requests import Restored
from napari_hsi_restore.plugin.contrast import contrast_limits
from napari_hsi_restore.plugin.layers import (
    METADATA_KEY,
    aligned,
    layer_to_cube,
    result_layer_data,
)
from napari_hsi_restore.restore import outcome
from napari_hsi_restore.widgets.parts.removed_layers import kept, points_layer
from napari_hsi_restore.widgets.parts.visible_region import Region

PREVIEW = "preview"


def add_result(viewer: napari.viewer.Viewer, source: Image, label: str, restored: Restored) -> str:
    """Add the result of a run, and its residual where there is one, over the source.

    A preview has then served its purpose and goes.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    source : Image
        Layer that was restored; it may have left the viewer meanwhile.
    label : str
        What was done, such as ``"denoise"``; the model is added.
    restored : Restored

    Returns
    -------
    str
        What was added and how it came out, for the status line.
    """
    model = _model_of(restored)
    data, options, kind = result_layer_data(restored.cube, source, f"{label}: {model}")
    if not _limits_were_chosen(source):
        # Strong noise stretches the limits of the source so far that its result looks flat.
        options = {**options, "contrast_limits": contrast_limits(restored.cube)}
    made = [(data, kept(options, restored.removed, source), kind)]
    if restored.residual is not None:
        data, options, kind = result_layer_data(restored.residual, source, f"residual: {model}")
        look = {"contrast_limits": contrast_limits(restored.residual), "colormap": "gray"}
        made.insert(0, (data, {**options, **look}, kind))
    layers = [Layer.create(*parts) for parts in made]
    _remove_previews(viewer)
    _add(viewer, source, layers)
    labels = " and ".join(layer.name.removeprefix(source.name).strip() for layer in layers[::-1])
    return "\n".join([f"Added {labels}.", *outcome(restored.cube)])


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
        Its cube has the shape of the region, or is larger by a factor.

    Returns
    -------
    str
        What was added and how it came out, for the status line.
    """
    cube = restored.cube.replace(name=PREVIEW)
    data, options, kind = result_layer_data(cube, source, PREVIEW)
    top, bottom, left, right = region
    part = (cube.n_bands, bottom - top, right - left)
    placed = aligned(source, part, cube.shape, corner=(top, left))
    named = {"name": PREVIEW, "metadata": {METADATA_KEY: {"cube": cube, PREVIEW: True}}}
    removed = None if restored.removed is None else restored.removed.moved(top, left)
    layer = Layer.create(data, kept({**options, **placed, **named}, removed, source), kind)
    _remove_previews(viewer)
    _add(viewer, source, [layer])
    said = (
        f"Rows {top} to {bottom - 1}, columns {left} to {right - 1} are in layer “{PREVIEW}”: "
        "switch its eye off and on to compare."
    )
    return "\n".join([said, *outcome(cube)])


def is_preview(layer: Layer) -> bool:
    """Whether a layer is a preview made by `add_preview`."""
    entry = layer.metadata.get(METADATA_KEY)
    return isinstance(entry, dict) and bool(entry.get(PREVIEW))


def _remove_previews(viewer: napari.viewer.Viewer) -> None:
    for old in [old for old in viewer.layers if is_preview(old)]:
        if (points := points_layer(viewer, old)) is not None:
            viewer.layers.remove(points)
        viewer.layers.remove(old)


def _limits_were_chosen(source: Image) -> bool:
    """Whether the contrast limits are others than the ones it was opened with."""
    try:
        automatic = contrast_limits(layer_to_cube(source))
    except UserError:
        return True
    return not np.allclose(source.contrast_limits, automatic)


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
