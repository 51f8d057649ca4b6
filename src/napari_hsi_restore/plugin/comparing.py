"""Maps of where two cubes differ, and which cube a result was made from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Layer

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.metrics import error_map, spectral_angle_map
from napari_hsi_restore.plugin.spectra import physical

FloatArray = npt.NDArray[np.floating[Any]]


def error_plane(reference: HyperCube, result: HyperCube) -> FloatArray:
    """Root mean squared error over the bands of every pixel.

    Parameters
    ----------
    reference, result : HyperCube
        Of the same shape.

    Returns
    -------
    float ndarray, (y, x)
        Physical units; NaN where nothing can be compared.

    Raises
    ------
    UserError
        If the shapes differ.
    """
    true, found, valid = _physical_pair(reference, result)
    return error_map(true, found, valid=valid)


def angle_plane(reference: HyperCube, result: HyperCube) -> FloatArray:
    """Spectral angle of every pixel in degrees, (y, x); otherwise as `error_plane`."""
    true, found, valid = _physical_pair(reference, result)
    return spectral_angle_map(true, found, valid=valid)


def residual(source: HyperCube, result: HyperCube) -> HyperCube:
    """What a restoration added (result - source), as a cube in physical units.

    Parameters
    ----------
    source, result : HyperCube
        Of the same shape.

    Returns
    -------
    HyperCube
        float32; NaN where either holds no data.

    Raises
    ------
    UserError
        If the shapes differ.
    """
    true, found, valid = _physical_pair(source, result)
    found -= true
    found[~valid] = np.nan
    return result.replace(
        data=found,
        name=f"{result.name} [residual]",
        gain=1.0,
        offset=0.0,
        nodata=None,
        white_level=None,
        history=(*result.history, f"residual: minus {source.name}"),
    )


def mismatch(reference: HyperCube, result: HyperCube) -> str | None:
    """Say in one sentence why two cubes cannot be compared pixel by pixel; None if they can."""
    if reference.shape == result.shape:
        return None
    bands, height, width = result.shape
    true_bands, true_height, true_width = reference.shape
    if bands != true_bands:
        what = f"has {bands} bands and the reference {true_bands}"
    else:
        what = f"is {height} x {width} pixels large and the reference {true_height} x {true_width}"
    return f'"{result.name}" {what}, so it cannot be compared; choose another reference or result.'


def source_of(result: Layer, layers: Iterable[Layer]) -> Layer | None:
    """Find the layer that a result was made from, by its name ``"{source} [...]"``."""
    named = {layer.name: layer for layer in layers}
    name = result.name
    while " [" in name:
        name = name.rpartition(" [")[0]
        if name in named:
            return named[name]
    return None


def minuend_of(
    result: Layer, layers: Iterable[Layer], reference: Layer | None
) -> tuple[Layer | None, str]:
    """Find what a residual of a result is taken from.

    Parameters
    ----------
    result : napari.layers.Layer
    layers : iterable of napari.layers.Layer
        Those of the viewer.
    reference : napari.layers.Layer or None

    Returns
    -------
    (layer, reason)
        The cube that it was made from if that has as many pixels, else the reference;
        None, and a sentence why, where there is neither.
    """
    source = source_of(result, layers)
    if source is not None and source.data.shape == result.data.shape:
        return source, ""
    if reference is not None:
        return reference, ""
    if source is None:
        what = f'It is not known what "{result.name}" was made from'
    else:
        what = f'"{result.name}" has more pixels than the cube that it was made from'
    return None, f"{what}; choose a reference."


def is_residual(layer: Layer) -> bool:
    """Whether a layer shows what a restoration took away, by its name ``"{...} [residual...]"``."""
    return bool(layer.name.rpartition(" [")[2].startswith("residual"))


def _physical_pair(
    reference: HyperCube, result: HyperCube
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    # Both cubes as float32 in memory, (bands, y, x), and where both are valid.
    if (reason := mismatch(reference, result)) is not None:
        raise UserError(reason)
    true = np.empty(reference.shape, np.float32)
    found = np.empty(reference.shape, np.float32)
    for band in range(reference.n_bands):
        for cube, values in ((reference, true), (result, found)):
            one = cube.select_bands([band])
            values[band] = physical(one, np.asarray(one.data))[0]
    return true, found, np.isfinite(true) & np.isfinite(found)
