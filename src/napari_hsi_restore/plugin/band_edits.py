"""Marking bands of a layer as bad or good by hand, and taking that back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Layer

from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.layers import keep_good_bands, layer_to_cube

Mask = npt.NDArray[np.bool_]


class BandEdits:
    """Good bands of layers, with what they were before each edit."""

    def __init__(self) -> None:
        self._before: dict[Any, list[Mask | None]] = {}

    def mark(self, layer: Layer, low: float, high: float) -> str:
        """Mark the bands of a stretch of the axis bad, or good if all of them are bad.

        Parameters
        ----------
        layer : napari.layers.Layer
            A cube layer.
        low, high : float
            On its spectral axis; the nearest band if no centre lies between.

        Returns
        -------
        str
            What was done, for a person.
        """
        cube = layer_to_cube(layer)
        axis = BandAxis.of(cube)
        bands = axis.between(low, high)
        good = axis.good.copy()
        becomes_good = not good[bands].any()
        good[bands] = becomes_good
        self._keep(layer, cube.good_bands, good)
        noun = "band" if bands.size == 1 else "bands"
        first, last = np.sort(axis.positions[bands])[[0, -1]]
        unit = " nm" if axis.in_nm else ""
        where = f"{first:.0f}{unit}" if first == last else f"{first:.0f} to {last:.0f}{unit}"
        return (
            f"{bands.size} {noun} at {where} marked {'good' if becomes_good else 'bad'}; "
            f"{int(good.sum())} of {good.size} are good."
        )

    def mark_all_good(self, layer: Layer) -> str:
        """Mark every band good; return what was done, for a person."""
        cube = layer_to_cube(layer)
        self._keep(layer, cube.good_bands, np.ones(cube.n_bands, bool))
        return f"All {cube.n_bands} bands are marked good."

    def can_undo(self, layer: Layer | None) -> bool:
        """Whether there is an edit of this layer to take back."""
        return layer is not None and bool(self._before.get(layer.unique_id))

    def undo(self, layer: Layer) -> None:
        """Take the last edit of a layer back."""
        if self.can_undo(layer):
            good = self._before[layer.unique_id].pop()
            # The data may have other bands by now.
            if good is None or good.size == layer_to_cube(layer).n_bands:
                keep_good_bands(layer, good)

    def _keep(self, layer: Layer, before: Mask | None, after: Mask) -> None:
        self._before.setdefault(layer.unique_id, []).append(before)
        keep_good_bands(layer, after)
