"""Colour pictures of a cube on demand, and lines in the plot that say what one shows."""

from __future__ import annotations

from typing import Any

from napari.layers import Layer
from qtpy.QtCore import QObject, Signal

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.plugin.composites import COMPOSITES, Composite
from napari_hsi_restore.plugin.picture_layers import PictureLayers, bands_of
from napari_hsi_restore.widgets.parts.colour_work import FALSE_COLOUR, ColourPicture, ColourWork
from napari_hsi_restore.widgets.parts.inspect_form import InspectForm


class ColourTools(QObject):
    """The buttons of pictures, the three bands of *False colour* and their lines in the plot.

    Parameters
    ----------
    form : InspectForm
    layers : PictureLayers
        Where pictures go.

    Signals
    -------
    said(str)
        For the line of the form that speaks to the user.
    shown()
        A picture has come.
    """

    said = Signal(str)
    shown = Signal()

    def __init__(self, form: InspectForm, layers: PictureLayers) -> None:
        super().__init__(form)
        self._form, self._layers = form, layers
        self._there = False
        self._work = ColourWork(self)
        self._work.made.connect(self._on_picture)
        self._work.failed.connect(self.said)
        for kind in COMPOSITES:
            form.pictures[kind.name].clicked.connect(lambda _=False, kind=kind: self.add(kind))
        form.triple.bands_requested.connect(self._work.request_bands)
        form.triple.bands_changed.connect(self._change)
        form.plot.channels_requested.connect(self._change)

    def set_cube(self, layer: Layer | None, cube: HyperCube | None) -> None:
        """Choose the cube that pictures are made of."""
        self._layers.cube_layer = layer
        self._there = cube is not None
        self._work.set_cube(layer, cube)

    def add(self, kind: Composite) -> None:
        """Add a colour picture of the cube as a layer, computed in the background."""
        if self._there:
            self.said.emit(f"{kind.title}: computing…")
            self._work.request_composite(kind)

    def show_channels(self, in_window: bool) -> None:
        """Show in the plot which bands the picture of three bands shows, if it is seen."""
        picture = self._layers.find(FALSE_COLOUR)
        seen = picture is not None and picture.visible and in_window
        self._form.plot.set_channels(bands_of(picture) if seen else None)

    def _change(self, bands: tuple[int, int, int]) -> None:
        self._form.triple.set_bands(bands)
        picture = self._layers.find(FALSE_COLOUR)
        if picture is not None and picture.visible:
            self._work.request_bands(bands)

    def _on_picture(self, picture: ColourPicture) -> None:
        layer: Any = self._layers.show(
            picture.key,
            picture.kind,
            picture.title,
            picture.values,
            step=picture.step,
            georeference=picture.georeference,
            bands=picture.bands,
        )
        if layer is not None:
            self.said.emit(_words(picture, layer.name))
            self.shown.emit()


def _words(picture: ColourPicture, name: str) -> str:
    part = f", one of {picture.step} rows and columns" if picture.step > 1 else ""
    how = f" ({picture.note}{part})" if picture.note else part
    if picture.kind == FALSE_COLOUR:
        return f'"{name}"{how}: drag the lines R, G and B in the plot to change it.'
    return f'"{name}"{how} lies on top; moving to another band hides it.'
