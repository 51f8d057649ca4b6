"""Colour pictures of one cube, computed in the background."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, Signal

from napari_hsi_restore.cube import Georeference, HyperCube
from napari_hsi_restore.plugin.band_axis import BandAxis
from napari_hsi_restore.plugin.composites import ChannelPlanes, Composite, composite, how_made
from napari_hsi_restore.plugin.picture_layers import coarser
from napari_hsi_restore.plugin.stretch import as_bytes
from napari_hsi_restore.widgets.parts.background import or_sentence, start_work
from napari_hsi_restore.widgets.parts.latest_work import LatestWork

FALSE_COLOUR = "false-colour"
"""The kind of the picture of three chosen bands; the others have the names of composites."""

_LARGEST_PICTURE = 4_000_000
"""Pixels of a colour picture; of a larger cube every n-th row and column is taken."""
_MOST_VALUES = 250_000_000
"""Values that a picture of all bands may read."""
_LIVE_MS = 60


@dataclasses.dataclass(frozen=True, eq=False)
class ColourPicture:
    """A picture and what it shows.

    Attributes
    ----------
    key : object
        Of the cube, as given to `ColourWork.set_cube`.
    kind, title : str
        For code, and for people.
    values : uint8 ndarray, (y, x, 3)
        Of every `step`-th row and column.
    step : int
    note : str
        How it was made; empty where the title says it.
    georeference : Georeference or None
        Of the picture.
    bands : tuple of 3 int or None
        Shown as red, green and blue, if each is one band.
    """

    key: Any
    kind: str
    title: str
    values: npt.NDArray[np.uint8]
    step: int
    note: str = ""
    georeference: Georeference | None = None
    bands: tuple[int, int, int] | None = None


class ColourWork(QObject):
    """Makes pictures of the cube that was set last.

    Signals
    -------
    made(ColourPicture)
    failed(str)
        Why a picture could not be made.
    """

    made = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._key: Any = None
        self._cube: HyperCube | None = None
        self._planes: tuple[ChannelPlanes, int] | None = None
        self._live = LatestWork(_LIVE_MS, self)
        self._live.answered.connect(self._tell)

    def set_cube(self, key: Any, cube: HyperCube | None) -> None:
        """Choose the cube; `key` is given back with its pictures."""
        self._key, self._cube, self._planes = key, cube, None
        self._live.forget()

    def request_composite(self, kind: Composite) -> None:
        """Make one of the known pictures."""
        if self._cube is not None:
            start_work(self._tell, or_sentence, _composite, self._cube, self._key, kind)

    def request_bands(self, bands: tuple[int, int, int]) -> None:
        """Make a picture of three bands; one that was asked for before is forgotten."""
        if self._cube is None:
            return
        if self._planes is None:
            coarse, step = _coarse(self._cube, 3)
            self._planes = ChannelPlanes(coarse), step
        self._live.request(_false_colour, self._cube, self._key, self._planes, bands)

    def _tell(self, answer: ColourPicture | str) -> None:
        if isinstance(answer, str):
            self.failed.emit(answer)
        else:
            self.made.emit(answer)


def _composite(cube: HyperCube, key: Any, kind: Composite) -> ColourPicture:
    coarse, step = _coarse(cube, 3 if kind.centres_nm else cube.n_bands)
    values = as_bytes(composite(coarse, kind.name))
    place = coarser(cube.georeference, step)
    return ColourPicture(key, kind.name, kind.title, values, step, how_made(cube, kind), place)


def _false_colour(
    cube: HyperCube, key: Any, planes: tuple[ChannelPlanes, int], bands: tuple[int, int, int]
) -> ColourPicture:
    axis = BandAxis.of(cube)
    places = " ".join(f"{axis.positions[band]:.0f}" for band in bands)
    title = f"RGB {places}{' nm' if axis.in_nm else ''}"
    picture, step = planes[0].picture(bands), planes[1]
    place = coarser(cube.georeference, step)
    return ColourPicture(key, FALSE_COLOUR, title, picture, step, georeference=place, bands=bands)


def _coarse(cube: HyperCube, bands: int) -> tuple[HyperCube, int]:
    # Every n-th row and column, so that the picture and the reading stay small.
    pixels = cube.shape[1] * cube.shape[2]
    most = min(_LARGEST_PICTURE, max(1, _MOST_VALUES // bands))
    step = math.ceil(math.sqrt(pixels / most))
    if step > 1:
        cube = cube.replace(data=cube.data[:, ::step, ::step], georeference=None)
    return cube, step
