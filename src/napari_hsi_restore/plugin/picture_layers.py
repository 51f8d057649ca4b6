"""Colour pictures of a cube as layers of the viewer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.layers import Layer

from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.plugin.layers import METADATA_KEY, plane_options
from napari_hsi_restore.plugin.marks import find_marks, mark_of
from napari_hsi_restore.plugin.placing import overlap

_KEPT, _PLACE, _BANDS = "kind", "georeference", "bands"


def pictures_of(viewer: ViewerModel, cube_layer: Layer | None) -> list[Layer]:
    """List the colour pictures of a cube layer, the topmost last."""
    if cube_layer is None:
        return []
    return [layer for layer in viewer.layers if mark_of(layer, "picture_of", cube_layer)]


def find_picture(viewer: ViewerModel, cube_layer: Layer, kind: str) -> Layer | None:
    """Find the picture of one kind of a cube layer; the lowest if the user copied it."""
    for layer in pictures_of(viewer, cube_layer):
        entry: Any = layer.metadata[METADATA_KEY]
        if entry.get(_KEPT) == kind:
            return layer
    return None


def show_picture(
    viewer: ViewerModel,
    cube_layer: Layer,
    kind: str,
    title: str,
    picture: npt.NDArray[np.uint8],
    *,
    step: int = 1,
    georeference: Georeference | None = None,
    bands: tuple[int, int, int] | None = None,
) -> Layer:
    """Show a picture over the cube, in the layer of its kind if there is one.

    Parameters
    ----------
    viewer : ViewerModel
    cube_layer : napari.layers.Layer
        Stays the active layer.
    kind : str
        There is one picture of a kind for each cube layer.
    title : str
        For people; stands in the name of the layer.
    picture : uint8 ndarray, (y, x, 3)
        Of every `step`-th row and column.
    step : int
    georeference : Georeference or None
        Of the picture, for when it is saved.
    bands : tuple of 3 int or None
        That are shown as red, green and blue, if each is one band.

    Returns
    -------
    napari.layers.Layer
    """
    name = f"{cube_layer.name} [{title}]"
    known = find_picture(viewer, cube_layer, kind)
    if known is not None:
        known.metadata[METADATA_KEY].update({"title": title, _BANDS: bands})
        known.data = picture
        known.name = name
        known.visible = True
    else:
        options = plane_options(cube_layer)
        options["scale"] = options["scale"] * step
        entry = {
            "picture_of": cube_layer.unique_id,
            "title": title,
            _KEPT: kind,
            _PLACE: georeference,
            _BANDS: bands,
        }
        options["metadata"] = {METADATA_KEY: entry}
        known = viewer.add_image(picture, rgb=True, name=name, **options)
    # Over the other pictures, where it is seen, but under the pins and regions.
    for layer in (known, *find_marks(viewer.layers, cube_layer).values()):
        if viewer.layers[-1] != layer:
            viewer.layers.move(viewer.layers.index(layer), -1)
    viewer.layers.selection.active = cube_layer
    return known


def bands_of(picture: Layer) -> tuple[int, int, int] | None:
    """Say which bands a picture shows as red, green and blue; None if it mixes more."""
    bands: tuple[int, int, int] | None = picture.metadata[METADATA_KEY].get(_BANDS)
    return bands


def hide_pictures(viewer: ViewerModel, cube_layer: Layer | None) -> None:
    """Hide the pictures of a cube layer; they would cover its bands."""
    _hide(pictures_of(viewer, cube_layer))


def _hide(pictures: Iterable[Layer]) -> None:
    for layer in pictures:
        # napari tells of every assignment, even one that changes nothing.
        if layer.visible:
            layer.visible = False


def _is_picture(layer: Layer) -> bool:
    """Whether a layer is a colour picture of any cube."""
    entry = layer.metadata.get(METADATA_KEY)
    return isinstance(entry, Mapping) and "picture_of" in entry


class PictureLayers:
    """The colour pictures of one cube layer of a viewer.

    Parameters
    ----------
    viewer : ViewerModel

    Attributes
    ----------
    cube_layer : napari.layers.Layer or None
        Whose pictures these are.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.cube_layer: Layer | None = None

    def covering(self) -> list[Layer]:
        """List the pictures, and those of other cubes that lie over this one, the topmost last."""
        cube_layer, layers = self.cube_layer, self._viewer.layers
        if cube_layer is None or cube_layer not in layers:
            return []
        own = pictures_of(self._viewer, cube_layer)
        # In a grid no layer covers another.
        above = [] if self._viewer.canvas.grid.enabled else layers[layers.index(cube_layer) + 1 :]
        return [
            layer
            for layer in layers
            if layer in own
            or (layer in above and _is_picture(layer) and overlap(layer, cube_layer))
        ]

    def find(self, kind: str) -> Any:
        """Find the picture of a kind; None if there is none."""
        if self.cube_layer is None:
            return None
        return find_picture(self._viewer, self.cube_layer, kind)

    def hide(self) -> None:
        """Hide the pictures that cover the bands of the cube."""
        _hide(self.covering())

    def show(
        self,
        cube_layer: Layer,
        kind: str,
        title: str,
        picture: npt.NDArray[np.uint8],
        *,
        step: int,
        georeference: Georeference | None,
        bands: tuple[int, int, int] | None,
    ) -> Layer | None:
        """Show a picture that was asked for earlier; None if its cube is gone.

        Parameters
        ----------
        cube_layer, kind, title, picture, step, georeference, bands
            As for `show_picture`.
        """
        viewer = self._viewer
        if cube_layer not in viewer.layers:
            return None
        return show_picture(
            viewer,
            cube_layer,
            kind,
            title,
            picture,
            step=step,
            georeference=georeference,
            bands=bands,
        )


def picture_as_cube(picture: Any, name: str, metadata: Mapping[str, Any]) -> HyperCube | None:
    """Turn a colour picture of ours into a cube of three bands, so that it can be saved.

    Parameters
    ----------
    picture : uint8 ndarray, (y, x, 3)
    name : str
    metadata : mapping
        Of its layer.

    Returns
    -------
    HyperCube or None
        Red, green and blue where the cube lay; None for a picture that is not ours.
    """
    entry = metadata.get(METADATA_KEY)
    if not isinstance(entry, Mapping) or "picture_of" not in entry:
        return None
    bands = np.moveaxis(np.asarray(picture)[..., :3], -1, 0)
    return HyperCube(bands, name, georeference=entry.get(_PLACE))


def coarser(georeference: Georeference | None, step: int) -> Georeference | None:
    """Where every `step`-th pixel lies, if it stands for those around it."""
    if georeference is None:
        return None
    a, b, c, d, e, f = georeference.transform
    # The centre of the first pixel stays.
    shift = 0.5 - 0.5 * step
    corner = (c + shift * (a + b), f + shift * (d + e))
    steps = (a * step, b * step, corner[0], d * step, e * step, corner[1])
    return Georeference(georeference.crs, steps)
