"""What was removed, beside the layers: kept with a result, pointed out on the image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import napari.viewer
import numpy as np
from napari.layers import Layer, Points

from napari_hsi_restore.plugin.layers import METADATA_KEY, plane_options
from napari_hsi_restore.restore.removed import Removed

_REMOVED, _OF, _POINTS_OF = "removed", "removed_from", "removed_points_of"
_COLOR = "#ffb000"
_LEAST_SIZE, _SIZE_SHARE = 7.0, 0.03


def kept(options: dict[str, Any], removed: Removed | None, source: Layer) -> dict[str, Any]:
    """Options of a result's layer that also keep what was removed.

    Parameters
    ----------
    options : dict
        With its ``"metadata"``.
    removed : Removed or None
        Its points in the pixels of the source.
    source : napari.layers.Layer
        What was restored.
    """
    if removed is None:
        return options
    entry = options["metadata"][METADATA_KEY]
    more = {**entry, _REMOVED: removed, _OF: source.unique_id}
    return {**options, "metadata": {METADATA_KEY: more}}


def removed_of(layer: Layer) -> Removed | None:
    """What was removed for a result, None for other layers and where nothing is known."""
    entry: Any = layer.metadata.get(METADATA_KEY)
    found = entry.get(_REMOVED) if isinstance(entry, dict) else None
    return found if isinstance(found, Removed) else None


def latest_result(layers: Sequence[Layer], chosen: Layer) -> Layer | None:
    """The result to speak of: the last one made of a layer, else that layer if it is one."""
    of_it = [
        layer
        for layer in layers
        if removed_of(layer) is not None
        and layer.metadata[METADATA_KEY].get(_OF) == chosen.unique_id
    ]
    if of_it:
        return of_it[-1]
    return chosen if removed_of(chosen) is not None else None


def source_of(layers: Sequence[Layer], result: Layer) -> Layer | None:
    """The layer that a result was made of, None if it has gone."""
    wanted = result.metadata[METADATA_KEY].get(_OF)
    return next((layer for layer in layers if layer.unique_id == wanted), None)


def points_layer(viewer: napari.viewer.Viewer, result: Layer) -> Points | None:
    """The layer that points out what was removed for a result, if it is there."""
    for layer in viewer.layers:
        entry: Any = layer.metadata.get(METADATA_KEY)
        if isinstance(entry, dict) and entry.get(_POINTS_OF) == result.unique_id:
            return layer if isinstance(layer, Points) else None
    return None


def point_out(viewer: napari.viewer.Viewer, ground: Layer, result: Layer) -> Points | None:
    """Add a layer of numbered points where most structure was removed.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    ground : napari.layers.Layer
        A cube layer in whose pixels the points are counted.
    result : napari.layers.Layer
        The restored cube; gives the layer its name.

    Returns
    -------
    napari.layers.Points or None
        None where no pixel stands out.
    """
    removed = removed_of(result)
    if removed is None or not removed.points:
        return None
    height, width = ground.data.shape[-2:]
    size = max(_LEAST_SIZE, _SIZE_SHARE * max(height, width))
    points = Points(
        np.array(removed.points, dtype=float),
        ndim=2,
        name=f"what was removed: {result.name}",
        size=size,
        face_color="transparent",
        border_color=_COLOR,
        border_width=0.15,
        features={"place": np.arange(1, len(removed.points) + 1)},
        text={
            "string": "{place}",
            "color": _COLOR,
            "size": 12,
            "anchor": "upper_left",
            "translation": np.array([-size / 2, 0.0]),
        },
        metadata={METADATA_KEY: {_POINTS_OF: result.unique_id}},
        **plane_options(ground),
    )
    active = viewer.layers.selection.active
    viewer.add_layer(points)
    viewer.layers.selection.active = active
    return points
