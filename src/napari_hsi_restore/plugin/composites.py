"""Colour pictures of a cube: true colour, infrared ones, principal components, three bands."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.packed_views import stored_part
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.component_scores import component_scores
from napari_hsi_restore.plugin.observer import seen_by_observer
from napari_hsi_restore.plugin.stretch import as_bytes, brightened, stretched
from napari_hsi_restore.spectra import covers_visible, encoded_srgb

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

HALF_WIDTH_NM = 10.0
"""Bands so near to a channel's centre are averaged: less noise than one band."""
REACH_NM = 40.0
"""The nearest band may lie so far from a channel's centre, else the colour would lie."""
_PLANES = 8
_TRUE = "true-colour"


@dataclasses.dataclass(frozen=True)
class Composite:
    """One kind of colour picture.

    Attributes
    ----------
    name, title : str
        For code, and for people.
    centres_nm : tuple of 3 float, or None
        Wavelengths shown as red, green and blue; None for components of all bands.
    purpose : str
        One sentence.
    """

    name: str
    title: str
    centres_nm: tuple[float, float, float] | None
    purpose: str


COMPOSITES = (
    Composite(
        _TRUE,
        "True colour",
        (640.0, 550.0, 460.0),
        "What an eye would see, by the CIE 1931 observer; of three bands at 640, 550 and 460 nm "
        "where the visible is not covered.",
    ),
    Composite(
        "colour-infrared",
        "Colour infrared",
        (860.0, 650.0, 550.0),
        "Bands at 860, 650 and 550 nm as red, green and blue: vegetation turns red.",
    ),
    Composite(
        "swir",
        "SWIR",
        (2200.0, 1650.0, 830.0),
        "Bands at 2200, 1650 and 830 nm as red, green and blue: tells minerals, soil and water in "
        "leaves apart.",
    ),
    Composite(
        "pca",
        "PCA",
        None,
        "The three strongest principal components as colours: shows what differs most; "
        "needs no wavelengths.",
    ),
    Composite(
        "mnf",
        "MNF",
        None,
        "The three minimum noise fractions with the most signal as colours: like PCA, but noisy "
        "bands count less.",
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
        0 to 1; no-data pixels are black. Channels are stretched one by one between
        percentiles. True colour of a reflectance or a transmittance keeps its balance instead:
        one brightness for all channels, encoded for the screen as sRGB.

    Raises
    ------
    UserError
        If the cube's wavelengths do not allow it.
    """
    kind = next(item for item in COMPOSITES if item.name == name)
    if kind.centres_nm is None:
        return stretched(component_scores(cube, whitened=kind.name == "mnf"))
    bands = channel_bands(cube, kind)
    if through_observer(cube, kind):
        picture = seen_by_observer(cube)
    else:
        picture = np.stack([_mean_of_bands(cube, each) for each in bands], axis=-1)
    balanced = kind.name == _TRUE and (cube.units or "").lower().startswith(("reflect", "transmit"))
    return encoded_srgb(brightened(picture)) if balanced else stretched(picture)


def through_observer(cube: HyperCube, kind: Composite) -> bool:
    """Whether a picture is true colour by the CIE 1931 observer, and not of three bands."""
    wavelengths = cube.wavelengths_nm
    if kind.name != _TRUE or wavelengths is None or not np.isfinite(wavelengths).all():
        return False
    return covers_visible(wavelengths, BandAxis.of(cube).good)


def how_made(cube: HyperCube, kind: Composite) -> str:
    """Say what the colours of a picture are, as a part of a sentence."""
    if through_observer(cube, kind):
        return "as an eye sees it, CIE 1931"
    if kind.centres_nm is None:
        return "components 1, 2, 3"
    bands = "bands at {:.0f}, {:.0f}, {:.0f} nm".format(*kind.centres_nm)
    return f"of {bands} alone: too few lie in the visible" if kind.name == _TRUE else bands


class ChannelPlanes:
    """False colour of one cube again and again, with the last few bands kept.

    Parameters
    ----------
    cube : HyperCube
        Only the bands that are asked for are read.
    """

    def __init__(self, cube: HyperCube) -> None:
        self._cube = cube
        self._planes: OrderedDict[int, tuple[Bytes, npt.NDArray[np.bool_]]] = OrderedDict()

    def picture(self, bands: tuple[int, int, int]) -> Bytes:
        """Make the picture of three bands as red, green and blue.

        Parameters
        ----------
        bands : tuple of 3 int

        Returns
        -------
        uint8 ndarray, (y, x, 3)
            Each channel stretched between its percentiles; black where one of the three
            has no data.
        """
        planes = [self._plane(band) for band in bands]
        known = planes[0][1] & planes[1][1] & planes[2][1]
        return np.stack([np.where(known, plane, 0) for plane, _ in planes], axis=-1)

    def _plane(self, band: int) -> tuple[Bytes, npt.NDArray[np.bool_]]:
        if band in self._planes:
            self._planes.move_to_end(band)
        else:
            values = _mean_of_bands(self._cube, np.array([band]))[..., None]
            known = np.isfinite(values[..., 0])
            self._planes[band] = as_bytes(stretched(values))[..., 0], known
            while len(self._planes) > _PLANES:
                self._planes.popitem(last=False)
        return self._planes[band]


def allows(cube: HyperCube, kind: Composite) -> bool:
    """Whether the wavelengths of a cube reach every channel of a picture."""
    if kind.centres_nm is None:
        return True
    wavelengths = cube.wavelengths_nm
    if wavelengths is None or not np.isfinite(wavelengths).all():
        return False
    good = BandAxis.of(cube).good
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
    good = BandAxis.of(cube).good
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
    # (y, x) in physical units; one band at a time, so that memory does not grow with their number
    gain, offset = (np.broadcast_to(value, cube.n_bands) for value in (cube.gain, cube.offset))
    total = np.zeros(cube.shape[1:], np.float32)
    count = np.zeros(cube.shape[1:], np.float32)
    for band in bands:
        stored = stored_part(cube.data, slice(band, band + 1), slice(None), slice(None))[0]
        valid = cube.valid(stored)
        values = stored.astype(np.float32) * np.float32(gain[band]) + np.float32(offset[band])
        total += np.where(valid, values, 0)
        count += valid
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
