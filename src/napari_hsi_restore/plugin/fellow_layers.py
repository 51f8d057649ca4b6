"""Other cube layers on the same ground, whose spectra are shown beside those of one layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from napari.layers import Layer

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.layers import is_cube_layer, layer_to_cube
from napari_hsi_restore.plugin.placing import overlap, pixel_on
from napari_hsi_restore.plugin.spectra import LineStyle

_STYLES: tuple[LineStyle, ...] = ("dash", "dot", "dash-dot")
"""The inspected layer has solid lines."""


@dataclasses.dataclass(frozen=True, eq=False)
class Fellow:
    """A cube layer beside the inspected one.

    Attributes
    ----------
    layer : napari.layers.Layer
    inspected : napari.layers.Layer
        Whose pixels are looked up here.
    cube : HyperCube
    axis : BandAxis
    style : str
        How its curves are drawn.
    """

    layer: Layer
    inspected: Layer
    cube: HyperCube
    axis: BandAxis
    style: LineStyle

    def pixel(self, pixel: tuple[int, int]) -> tuple[int, int] | None:
        """Find the (row, column) here of a pixel of the inspected layer; None off this layer."""
        return pixel_on(self.layer, self.inspected, pixel)


def possible_fellows(layers: Iterable[Layer], inspected: Layer | None) -> list[Layer]:
    """List the cube layers that cover some ground together with the inspected one."""
    if inspected is None:
        return []
    return [
        layer
        for layer in layers
        if layer != inspected and is_cube_layer(layer) and overlap(layer, inspected)
    ]


def fellows(layers: Sequence[Layer], inspected: Layer) -> list[Fellow]:
    """Make fellows of layers, each with a line style; styles return after the third.

    A layer that is no cube any more is left out.
    """
    found = []
    for place, layer in enumerate(layers):
        try:
            cube = layer_to_cube(layer)
        except UserError:
            continue
        style = _STYLES[place % len(_STYLES)]
        found.append(Fellow(layer, inspected, cube, BandAxis.of(cube), style))
    return found
