"""Layers that show where a result differs: maps, and what was taken away."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Layer

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin.contrast import limits_of
from napari_hsi_restore.plugin.layers import METADATA_KEY, plane_options, result_layer_data
from napari_hsi_restore.plugin.marks import mark_of, title_of

_HIGH = "high"
_RESIDUAL_STEP = 7
"""Of the values of a residual, every so many-th is looked at for its contrast."""

_FAR_BEYOND = 3.0
"""A map that reaches so many times as far as the best one has no say in the scale [ours]: beside
the noisy input, restored cubes would all be black."""

_BAR = (14, 96)
"""Colour bar, in pixels: next to small images in a grid napari's own would cover them."""

_BAR_FONT = 8


def show_map(
    viewer: ViewerModel,
    layer: Layer,
    title: str,
    colormap: str,
    plane: npt.NDArray[np.floating[Any]],
) -> None:
    """Show a map of a result over it, in the layer of its title if there is one.

    All maps of one title share their contrast: what is brighter differs more. It is that of the
    worst which is within three times of the best; `beyond_the_scale` names the others.

    Parameters
    ----------
    viewer : ViewerModel
    layer : napari.layers.Layer
        The result; what is selected stays so.
    title : str
        For people, with the unit; stands in the name of the layer.
    colormap : str
    plane : float ndarray, (y, x)
        From 0 up; NaN where nothing is known.
    """
    _, high = limits_of(plane[np.isfinite(plane)], (0.0, 99.5))
    known = next((each for each in _maps(viewer, title) if mark_of(each, "map_of", layer)), None)
    if known is not None:
        known.data = plane
        known.visible = True
        known.metadata[METADATA_KEY][_HIGH] = high
    else:
        active = viewer.layers.selection.active
        entry = {"map_of": layer.unique_id, "title": title, _HIGH: high}
        known = viewer.add_image(
            plane,
            name=f"{layer.name} [{title}]",
            colormap=colormap,
            metadata={METADATA_KEY: entry},
            **plane_options(layer),
        )
        known.colorbar.size = _BAR
        known.colorbar.font_size = _BAR_FONT
        known.colorbar.visible = True
        viewer.layers.selection.active = active
    maps = _maps(viewer, title)
    highest = _end_of_scale([_high(each) for each in maps])
    for each in maps:
        each.contrast_limits = (0.0, highest if highest > 0 else 1.0)


def beyond_the_scale(viewer: ViewerModel, title: str) -> tuple[str, ...]:
    """Names of the layers with maps of a title that reach far beyond the scale of the others."""
    maps = _maps(viewer, title)
    end = _end_of_scale([_high(each) for each in maps])
    return tuple(each.name.removesuffix(f" [{title}]") for each in maps if _high(each) > end)


def show_residual(viewer: ViewerModel, layer: Layer, cube: HyperCube) -> None:
    """Show what was taken away from the source of a result, in place of an earlier such layer.

    Parameters
    ----------
    viewer : ViewerModel
    layer : napari.layers.Layer
        The result; what is selected stays so.
    cube : HyperCube
        See `plugin.comparing.residual`; 0 becomes the middle of the greys.
    """
    data, options, _ = result_layer_data(cube, layer, "residual")
    values = np.asarray(cube.data)
    low, high = limits_of(values[np.isfinite(values)][::_RESIDUAL_STEP], (0.5, 99.5))
    reach = max(abs(low), abs(high))
    options.update(contrast_limits=(-reach, reach), colormap="gray")
    active = viewer.layers.selection.active
    if options["name"] in viewer.layers:
        viewer.layers.remove(options["name"])
    viewer.add_image(data, **options)
    viewer.layers.selection.active = active


def _high(layer: Layer) -> float:
    return float(layer.metadata[METADATA_KEY][_HIGH])


def _end_of_scale(highs: list[float]) -> float:
    """The largest of what maps reach that is not far beyond the smallest above 0; 0 for none."""
    some = [high for high in highs if high > 0.0]
    return max((high for high in some if high <= _FAR_BEYOND * min(some)), default=0.0)


def _maps(viewer: ViewerModel, title: str) -> list[Any]:
    return [
        layer
        for layer in viewer.layers
        if title_of(layer) == title and _HIGH in layer.metadata[METADATA_KEY]
    ]
