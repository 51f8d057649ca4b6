"""The only conversion between a `HyperCube` and a napari image layer.

A layer of ours shows the stored values, lazily where the file allows it, with
the axes ('band', 'y', 'x') in pixels. Wavelengths and everything else stay in
the cube under ``layer.metadata[METADATA_KEY]["cube"]``: napari's axes are
uniform and wavelengths are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Layer
from napari.utils.transforms import Affine

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.choices import Answers
from napari_hsi_restore.plugin.shown_bands import ShownLevel, first_limits, shown_levels

METADATA_KEY = "napari_hsi_restore"
AXIS_LABELS = ("band", "y", "x")

LayerData = tuple[Any, dict[str, Any], str]


def cube_to_layer_data(cube: HyperCube) -> list[LayerData]:
    """The layer that shows a cube, as napari's readers return it.

    Parameters
    ----------
    cube : HyperCube

    Returns
    -------
    list of one (data, options, "image")
        `data` is the cube's own array, (bands, y, x), or for a large map of a file
        the levels of `shown_levels`; nothing is loaded but a small sample for the
        contrast limits.
    """
    levels = shown_levels(cube)
    options: dict[str, Any] = {
        "name": cube.name,
        "metadata": {METADATA_KEY: {"cube": cube}},
        "axis_labels": AXIS_LABELS,
        "contrast_limits": first_limits(cube, levels),
        "rgb": False,
        "multiscale": levels is not None,
    }
    return [(cube.data if levels is None else levels, options, "image")]


def layer_to_cube(layer: Layer) -> HyperCube:
    """The cube that a layer shows.

    Parameters
    ----------
    layer : napari.layers.Layer
        A layer made by `cube_to_layer_data`, or any image layer of three axes of
        which the first holds the bands.

    Returns
    -------
    HyperCube
        With the layer's present data and name, so that edits count.

    Raises
    ------
    UserError
        If the layer is no image layer of three axes.
    """
    if not isinstance(layer, Image):
        kind = type(layer).__name__.lower()
        raise UserError(
            f'Layer "{layer.name}" is a {kind} layer, not a cube; choose an image layer with the '
            "axes (band, y, x)."
        )
    data = layer.data[0] if layer.multiscale else layer.data
    return image_to_cube(data, layer.name, layer.metadata, rgb=layer.rgb)


def image_to_cube(data: Any, name: str, metadata: Mapping[str, Any], *, rgb: bool) -> HyperCube:
    """The cube of an image layer's parts (napari's writers get these, not the layer).

    Parameters
    ----------
    data : array, (bands, y, x)
    name : str
    metadata : mapping
        The layer's metadata.
    rgb : bool
        Whether the last axis holds colours.

    Raises
    ------
    UserError
        If this is no cube.
    """
    if isinstance(data, ShownLevel):
        data = data.values
    if rgb:
        raise UserError(
            f'Layer "{name}" is a colour picture without a spectrum; choose the cube that it was '
            "made from."
        )
    if np.ndim(data) != 3:
        raise UserError(
            f'Layer "{name}" has {np.ndim(data)} axes, a cube has three (band, y, x); choose '
            "another layer."
        )
    cube = known_cube(metadata)
    if cube is None:
        return HyperCube(data=data, name=name)
    if cube.shape == tuple(data.shape):
        return cube.replace(data=data, name=name)
    if cube.n_bands == data.shape[0]:
        # Another grid of pixels: what is said of each band still holds, the place does not.
        return cube.replace(data=data, name=name, georeference=None)
    return HyperCube(data=data, name=name, units=cube.units, history=cube.history)


def known_cube(metadata: Mapping[str, Any]) -> HyperCube | None:
    """The cube that this package left in a layer's metadata, or None."""
    entry = metadata.get(METADATA_KEY)
    cube = entry.get("cube") if isinstance(entry, Mapping) else None
    return cube if isinstance(cube, HyperCube) else None


def keep_good_bands(layer: Layer, good: npt.NDArray[np.bool_] | None) -> HyperCube:
    """Mark the good bands of the cube that a layer shows; everything else of it stays.

    Parameters
    ----------
    layer : napari.layers.Layer
        A cube layer; it emits the event ``metadata``.
    good : bool ndarray, (bands,), or None
        False for bad bands; None if nothing is to be said.

    Returns
    -------
    HyperCube
        What `layer_to_cube` gives from now on.
    """
    cube = layer_to_cube(layer).replace(good_bands=good)
    entry = layer.metadata.get(METADATA_KEY)
    kept = dict(entry) if isinstance(entry, Mapping) else {}
    # A copy: the setter of napari empties the mapping that it then fills.
    layer.metadata = {**layer.metadata, METADATA_KEY: {**kept, "cube": cube, "marked": True}}
    return cube


def marked_by_hand(layer: Layer) -> npt.NDArray[np.intp] | None:
    """Bad bands of a layer whose marks were edited; None where they are those of its file."""
    entry = layer.metadata.get(METADATA_KEY)
    cube = known_cube(layer.metadata)
    if cube is None or not isinstance(entry, Mapping) or not entry.get("marked"):
        return None
    return np.flatnonzero(~cube.usable_bands())


def said_of(layer: Layer) -> Answers | None:
    """What the user said about the layer's file when opening it in the dock Open, or None."""
    entry = layer.metadata.get(METADATA_KEY)
    said = entry.get("answers") if isinstance(entry, Mapping) else None
    return said if isinstance(said, Answers) else None


def is_cube_layer(layer: Layer) -> bool:
    """Whether `layer_to_cube` accepts this layer."""
    if not isinstance(layer, Image) or layer.rgb or layer.ndim != 3:
        return False
    data = layer.data[0] if layer.multiscale else layer.data
    return np.dtype(data.dtype).kind in "uifb" and 0 not in data.shape


def result_layer_data(result: HyperCube, source: Layer, label: str) -> LayerData:
    """A new layer that lies exactly on the layer it was computed from.

    Parameters
    ----------
    result : HyperCube
        (bands, y, x); `y` and `x` may be a factor larger (super-resolution) or
        smaller than the source's.
    source : napari.layers.Layer
        The image layer of three axes that `result` was made from.
    label : str
        What was done, such as ``"denoise: stas_c"``; the layer is named
        ``"{source} [{label}]"``.

    Returns
    -------
    (data, options, "image")
    """
    name = f"{source.name} [{label}]"
    result = result.replace(name=name)
    source_shape = source.data[0].shape if source.multiscale else source.data.shape
    options: dict[str, Any] = {
        "name": name,
        "metadata": {METADATA_KEY: {"cube": result}},
        "rgb": False,
        "multiscale": False,
        **aligned(source, tuple(source_shape), result.shape),
    }
    for look in ("contrast_limits", "colormap", "gamma"):
        options[look] = getattr(source, look)
    return result.data, options, "image"


def aligned(
    source: Layer,
    source_shape: tuple[int, ...],
    shape: tuple[int, ...],
    corner: tuple[int, int] = (0, 0),
) -> dict[str, Any]:
    """Transform, units and axis labels that lay another grid on the same ground.

    Outer edges agree, so pixel centres move by half a pixel of each grid:
    x_source = (x + 1/2) / f - 1/2 with f = shape / source_shape.

    Parameters
    ----------
    source : napari.layers.Layer
    source_shape, shape : tuple of int
        Sizes along the source's axes before and after; (bands, y, x) for a cube.
        A first axis of another length (some bands only) is not scaled.
    corner : pair of int
        Row and column of the source where the other grid begins, if it covers a part;
        `source_shape` is the shape of that part.

    Returns
    -------
    dict
        Options for a layer of as many axes as the source.
    """
    factor = np.ones(source.ndim)
    factor[-2:] = np.asarray(shape[-2:], float) / np.asarray(source_shape[-2:], float)
    linear = Affine(
        scale=source.scale, rotate=source.rotate, shear=source.shear, ndim=source.ndim
    ).linear_matrix
    first = 0.5 / factor - 0.5
    first[-2:] += corner
    shift = linear @ first
    return {
        "scale": np.asarray(source.scale) / factor,
        "translate": np.asarray(source.translate) + shift,
        "rotate": source.rotate,
        "shear": source.shear,
        "affine": source.affine,
        "units": source.units,
        "axis_labels": source.axis_labels,
    }


def plane_options(source: Layer) -> dict[str, Any]:
    """Transform of a layer of two axes (y, x) that lies on a cube's pixels.

    Parameters
    ----------
    source : napari.layers.Layer
        A cube layer, axes (band, y, x).

    Returns
    -------
    dict
        Options for an image, points or shapes layer whose data are in the
        source's pixels.
    """
    affine = source.affine.affine_matrix
    plane = np.ix_([1, 2, 3], [1, 2, 3])
    rotate = np.asarray(source.rotate)[1:, 1:]
    # The shear of three axes is (band, y), (band, x), (y, x) as an upper triangle.
    shear = np.asarray(source.shear).ravel()
    return {
        "scale": np.asarray(source.scale)[1:],
        "translate": np.asarray(source.translate)[1:],
        "rotate": rotate,
        "shear": shear[-1:] if shear.size == 3 else None,
        "affine": affine[plane],
        "units": tuple(source.units)[1:],
        "axis_labels": tuple(source.axis_labels)[1:],
    }
