"""Keeps the panel on what was removed in step with the layers of a viewer."""

from __future__ import annotations

import napari.viewer
from napari.layers import Layer
from qtpy.QtCore import QObject

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin.layers import layer_to_cube
from napari_hsi_restore.widgets.parts.connections import Connections
from napari_hsi_restore.widgets.parts.removed_layers import (
    latest_result,
    point_out,
    points_layer,
    removed_of,
    source_of,
)
from napari_hsi_restore.widgets.parts.removed_panel import RemovedPanel


class RemovedView(QObject):
    """Shows what the last restoration of a layer has taken away.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
    panel : RemovedPanel
    """

    def __init__(self, viewer: napari.viewer.Viewer, panel: RemovedPanel) -> None:
        super().__init__(panel)
        self._viewer = viewer
        self._panel = panel
        self._result: Layer | None = None
        self._to_points = Connections()
        self.destroyed.connect(self._to_points.close)
        panel.points_requested.connect(self._point_out)
        panel.place_chosen.connect(self._mark)

    def show_layer(self, layer: Layer | None) -> None:
        """Show what was removed from a layer, or for it; None shows nothing."""
        self._result = None if layer is None else latest_result(self._viewer.layers, layer)
        removed = None if self._result is None else removed_of(self._result)
        if self._result is None or removed is None:
            self._panel.forget()
            return
        try:
            wavelengths = layer_to_cube(self._result).wavelengths_nm
        except UserError:
            wavelengths = None
        self._panel.show_removed(self._result.name, removed, wavelengths)
        points = points_layer(self._viewer, self._result)
        self._panel.set_pointed_out(points is not None)
        self._to_points.close()
        if points is not None:
            # napari has no event of its own for another selection.
            self._to_points.connect(points.events.highlight, self._follow)

    def rest(self) -> None:
        """Listen to no layer any more; `show_layer` begins again."""
        self._to_points.close()

    def _point_out(self, wanted: bool) -> None:
        if self._result is None:
            return
        there = points_layer(self._viewer, self._result)
        if wanted and there is None:
            ground = source_of(self._viewer.layers, self._result) or self._result
            point_out(self._viewer, ground, self._result)
        elif not wanted and there is not None:
            self._viewer.layers.remove(there)

    def _follow(self, event: object = None) -> None:
        """Show the place that the user selects among the points."""
        points = None if self._result is None else points_layer(self._viewer, self._result)
        if points is not None and len(points.selected_data) == 1:
            self._panel.show_place(next(iter(points.selected_data)))

    def _mark(self, place: int) -> None:
        points = None if self._result is None else points_layer(self._viewer, self._result)
        if points is not None:
            points.selected_data = {place}
