"""Colour pictures of a cube: true colour, colour infrared, principal components."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.plugin.contrast import sample

Floats = npt.NDArray[np.float32]

HALF_WIDTH_NM = 10.0
"""Bands so near to a channel's centre are averaged: less noise than one band."""
REACH_NM = 40.0
"""The nearest band may lie so far from a channel's centre, else the colour would lie."""
STRETCH_PERCENTILES = (2.0, 98.0)
_BLOCK_VALUES = 8_000_000


@dataclasses.dataclass(frozen=True)
class Composite:
    """One kind of colour picture.

    Attributes
    ----------
    name, title : str
        For code, and for people.
    centres_nm : tuple of 3 float, or None
        Wavelengths shown as red, green and blue; None for principal components.
    purpose : str
        One sentence.
    """

    name: str
    title: str
    centres_nm: tuple[float, float, float] | None
    purpose: str


COMPOSITES = (
    Composite(
        "true-colour",
        "True colour",
        (640.0, 550.0, 460.0),
        "Bands at 640, 550 and 460 nm as red, green and blue: about what an eye sees.",
    ),
    Composite(
        "colour-infrared",
        "Colour infrared",
        (860.0, 650.0, 550.0),
        "Bands at 860, 650 and 550 nm as red, green and blue: vegetation turns red.",
    ),
    Composite(
        "pca",
        "PCA",
        None,
        "The three strongest principal components as colours: shows what differs most; "
        "needs no wavelengths.",
    ),
)


def composite(cube: HyperCube, name: str) -> Floats:
    """Make a colour picture of a cube.

    Parameters
    ----------
    cube : HyperCube
    name : str
        A name of `COMPOSITES`.

    Returns
    -------
    float32 ndarray, (y, x, 3)
        0 to 1, stretched between percentiles; no-data pixels are black. The
        channels are stretched one by one, but true colour of a reflectance or a
        transmittance keeps its balance and is encoded for the screen as sRGB.

    Raises
    ------
    UserError
        If the cube's wavelengths do not allow it.
    """
    kind = next(item for item in COMPOSITES if item.name == name)
    if kind.centres_nm is None:
        return _stretched(_principal_components(cube))
    channels = [_mean_of_bands(cube, bands) for bands in channel_bands(cube, kind)]
    picture = np.stack(channels, axis=-1)
    balanced = kind.name == "true-colour" and (cube.units or "").lower().startswith(
        ("reflect", "transmit")
    )
    return _encoded_srgb(_stretched(picture, jointly=True)) if balanced else _stretched(picture)


def composite_of_bands(cube: HyperCube, bands: tuple[int, int, int]) -> Floats:
    """Make a false-colour picture of three bands.

    Parameters
    ----------
    cube : HyperCube
    bands : tuple of 3 int
        Shown as red, green and blue.

    Returns
    -------
    float32 ndarray, (y, x, 3)
        0 to 1, each channel stretched between percentiles; no-data pixels are black.
    """
    channels = [_mean_of_bands(cube, np.array([band])) for band in bands]
    return _stretched(np.stack(channels, axis=-1))


def allows(cube: HyperCube, kind: Composite) -> bool:
    """Whether the wavelengths of a cube reach every channel of a picture."""
    if kind.centres_nm is None:
        return True
    wavelengths = cube.wavelengths_nm
    if wavelengths is None or not np.isfinite(wavelengths).all():
        return False
    good = np.ones(cube.n_bands, bool) if cube.good_bands is None else cube.good_bands
    return bool(good.any()) and _reaches(cube, kind, good)


def channel_bands(cube: HyperCube, kind: Composite) -> list[npt.NDArray[np.intp]]:
    """Choose the bands that are averaged for each channel.

    Parameters
    ----------
    cube : HyperCube
    kind : Composite
        With centres.

    Returns
    -------
    list of 3 intp ndarray

    Raises
    ------
    UserError
        If the wavelengths are unknown or do not reach a channel.
    """
    wavelengths = cube.wavelengths_nm
    if wavelengths is None or not np.isfinite(wavelengths).all():
        raise UserError(
            f'"{cube.name}" has no wavelengths, so {kind.title.lower()} cannot be made; '
            'use "PCA", or open the cube with a list of wavelengths.'
        )
    good = np.ones(cube.n_bands, bool) if cube.good_bands is None else cube.good_bands
    chosen = []
    for centre in kind.centres_nm or ():
        distance = np.where(good, np.abs(wavelengths - centre), np.inf)
        if distance.min() > REACH_NM:
            others = [
                item.title
                for item in COMPOSITES
                if item is not kind and (item.centres_nm is None or _reaches(cube, item, good))
            ]
            raise UserError(
                f'"{cube.name}" has bands from {wavelengths.min():.0f} to '
                f"{wavelengths.max():.0f} nm and none good near {centre:.0f} nm, so "
                f"{kind.title.lower()} cannot be made; use " + " or ".join(others) + "."
            )
        near = np.flatnonzero(distance <= HALF_WIDTH_NM)
        chosen.append(near if near.size else np.array([np.argmin(distance)]))
    return chosen


def _reaches(cube: HyperCube, kind: Composite, good: npt.NDArray[np.bool_]) -> bool:
    assert cube.wavelengths_nm is not None
    wavelengths = cube.wavelengths_nm[good]
    return all(np.abs(wavelengths - c).min() <= REACH_NM for c in kind.centres_nm or ())


def _mean_of_bands(cube: HyperCube, bands: npt.NDArray[np.intp]) -> Floats:
    # (y, x); one band at a time, so that memory does not grow with their number
    total = np.zeros(cube.shape[1:], np.float32)
    count = np.zeros(cube.shape[1:], np.float32)
    for band in bands:
        stored = np.asarray(cube.data[int(band)])
        valid = cube.valid(stored)
        total += np.where(valid, stored, 0).astype(np.float32)
        count += valid
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _principal_components(cube: HyperCube) -> Floats:
    # Loadings from a sample, then one pass over the cube in blocks of rows: (y, x, 3)
    values = sample(cube, bands=cube.n_bands, rows=64, columns=64)
    valid = cube.valid(values)
    good = np.ones(cube.n_bands, bool) if cube.good_bands is None else cube.good_bands
    used = np.flatnonzero(good & (valid.mean(axis=(1, 2)) > 0.5))
    if used.size < 3:
        used = np.flatnonzero(valid.any(axis=(1, 2)))
    if used.size == 0:
        raise UserError(f'"{cube.name}" holds no valid value, so there is no picture to make.')
    pixels = values[used][:, valid[used].all(axis=0)].astype(np.float64)
    if pixels.shape[1] < 2:
        raise UserError(
            f'"{cube.name}" has too few pixels that are valid in every band for principal '
            "components; look at single bands instead."
        )
    mean = pixels.mean(axis=1)
    _, vectors = np.linalg.eigh(np.cov(pixels).reshape(used.size, used.size))
    loadings = vectors[:, ::-1][:, :3]
    # The sign of an eigenvector is arbitrary: brighter pixels get higher first components.
    signs = np.sign(loadings[np.abs(loadings).argmax(axis=0), range(loadings.shape[1])])
    loadings = (loadings * signs).astype(np.float32)
    result = np.full((*cube.shape[1:], 3), np.nan, np.float32)
    for rows in _row_blocks(cube, used.size):
        stored = np.asarray(cube.data[:, rows])[used]
        known = cube.valid(stored).all(axis=0)
        centred = stored[:, known].astype(np.float32) - mean[:, None].astype(np.float32)
        scores = np.zeros((int(known.sum()), 3), np.float32)
        scores[:, : loadings.shape[1]] = centred.T @ loadings
        result[rows][known] = scores
    return result


def _row_blocks(cube: HyperCube, bands: int) -> Iterator[slice]:
    _, height, width = cube.shape
    step = max(1, _BLOCK_VALUES // (bands * width))
    for start in range(0, height, step):
        yield slice(start, min(start + step, height))


def _stretched(picture: Floats, *, jointly: bool = False) -> Floats:
    # (y, x, 3) of any range, NaN for no data, to 0..1; jointly: one stretch for all channels
    known = np.isfinite(picture).all(axis=-1)
    result = np.zeros_like(picture)
    if known.any():
        pixels = picture[known]
        step = max(1, len(pixels) // 200_000)
        low, high = np.percentile(pixels[::step], STRETCH_PERCENTILES, axis=0)
        if jointly:
            low, high = np.full(3, max(float(low.min()), 0.0)), np.full(3, high.max())
        span = np.where(high > low, high - low, 1)
        result[known] = np.clip((pixels - low) / span, 0, 1)
    return result


def _encoded_srgb(linear: Floats) -> Floats:
    # IEC 61966-2-1: linear 0..1 to the screen's 0..1
    curved = 1.055 * np.power(linear, 1 / 2.4, dtype=np.float32) - 0.055
    return np.where(linear <= 0.0031308, 12.92 * linear, curved).astype(np.float32)
