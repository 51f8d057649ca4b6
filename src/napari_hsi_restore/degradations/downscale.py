"""Smaller versions of a cube whose large version is known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.degradations.psf import gaussian_psf
from napari_hsi_restore.degradations.resize import (
    Kernel,
    antialiased_cubic,
    resample,
    resampling_matrix,
    scaled_length,
)
from napari_hsi_restore.degradations.white import reference_white
from napari_hsi_restore.errors import UserError

FACTORS = (2, 3, 4, 8)


def downscale(cube: HyperCube, factor: int) -> HyperCube:
    """Shrink a cube by antialiased bicubic resampling, as MATLAB's `imresize`.

    Parameters
    ----------
    cube : HyperCube
    factor : int
        2, 3, 4 or 8. A length that it does not divide is rounded up.

    Returns
    -------
    HyperCube
        float32 in the stored units of `cube`, not clipped. The georeferenced
        pixels grow by the factor, their outer corner stays. No-data does not
        spread: its weight goes to valid neighbours, and a pixel with less than
        half of its weight on valid values becomes no-data (NaN if the cube has no
        other marker).

    Raises
    ------
    UserError
        For another factor, or a cube that is smaller than one new pixel.
    """
    _check(cube, factor)
    kernel = antialiased_cubic(1.0 / factor)
    return _shrink(cube, factor, kernel, "antialiased bicubic resampling")


def downscale_psf(cube: HyperCube, factor: int, sigma: float | None = None) -> HyperCube:
    """Shrink a cube as a coarser sensor would see it: Gaussian PSF, then decimation.

    Parameters
    ----------
    cube : HyperCube
    factor : int
        2, 3, 4 or 8.
    sigma : float, optional
        Standard deviation of the point spread function in pixels of `cube`; by
        default its full width at half maximum is one new pixel.

    Returns
    -------
    HyperCube
        As for `downscale`; the point spread function stands at the centre of
        every new pixel.

    Raises
    ------
    UserError
        For another factor, a sigma under half a pixel, or too small a cube.
    """
    _check(cube, factor)
    if sigma is not None and not sigma >= 0.5:
        raise UserError(
            f"The sigma of the point spread function is {sigma}; give at least 0.5 pixels, or none."
        )
    text = "a Gaussian point spread function" + ("" if sigma is None else f" of sigma {sigma:g}")
    return _shrink(cube, factor, gaussian_psf(factor, sigma), text)


def _check(cube: HyperCube, factor: int) -> None:
    if factor not in FACTORS:
        choices = ", ".join(str(choice) for choice in FACTORS)
        raise UserError(f"Cannot downscale by {factor}; choose one of {choices}.")
    if min(cube.shape[1:]) < factor:
        raise UserError(
            f"{cube.source or cube.name}: {cube.shape[1]} x {cube.shape[2]} pixels are too few to "
            f"downscale by {factor}; choose a smaller factor or a larger cube."
        )


def _shrink(cube: HyperCube, factor: int, kernel: Kernel, how: str) -> HyperCube:
    scale = 1.0 / factor
    matrices: list[Any] = [
        resampling_matrix(length, scaled_length(length, scale), scale, kernel)
        for length in cube.shape[1:]
    ]
    missing = np.float32(np.nan if cube.nodata is None else cube.nodata)
    shape = (cube.n_bands, matrices[0].shape[0], matrices[1].shape[0])
    small = np.empty(shape, dtype=np.float32)
    for index in range(cube.n_bands):
        stored = np.asarray(cube.data[index : index + 1])
        values, valid = resample(
            stored.astype(np.float64), matrices[0], matrices[1], cube.valid(stored)
        )
        assert valid is not None
        small[index] = np.where(valid[0], values[0], missing)
    return cube.replace(
        data=small,
        white_level=_white_or_none(cube),
        georeference=_coarser(cube.georeference, factor),
        history=(*cube.history, f"Downscaled by {factor} with {how}."),
    )


def _white_or_none(cube: HyperCube) -> float | None:
    try:
        return reference_white(cube)
    except UserError:
        return cube.white_level


def _coarser(georeference: Georeference | None, factor: int) -> Georeference | None:
    if georeference is None:
        return None
    a, b, c, d, e, f = georeference.transform
    grown = (a * factor, b * factor, c, d * factor, e * factor, f)
    return dataclasses.replace(georeference, transform=grown)
