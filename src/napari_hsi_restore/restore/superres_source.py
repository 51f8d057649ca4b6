"""The part of a cube that is enlarged, and the networks made ready for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import EnlargerSpec
from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.restore.enlargers import Enlarger, enlarger_of
from napari_hsi_restore.restore.ensemble import EnsembleEnlarger
from napari_hsi_restore.restore.fill import grown
from napari_hsi_restore.restore.request import Region
from napari_hsi_restore.restore.room import Room
from napari_hsi_restore.restore.statistics import BLOCK_VALUES, SpectralStatistics
from napari_hsi_restore.restore.superres_recipe import SuperresRecipe
from napari_hsi_restore.zoo.loading import load
from napari_hsi_restore.zoo.records import ModelRecord

Block = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

WHITE_PERCENTILE = 99.9


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """What both networks of a run share.

    Attributes
    ----------
    active : intp ndarray, (active bands,)
        Bands of the cube that the networks see.
    statistics : SpectralStatistics
        Of these bands.
    low : float32 ndarray, (active bands, y, x)
        The part of the cube that is enlarged, its gaps filled.
    room : Room
        For large arrays.
    """

    cube: HyperCube
    recipe: SuperresRecipe
    device: DeviceInfo
    active: npt.NDArray[np.intp]
    statistics: SpectralStatistics
    low: Block
    room: Room

    def enlarger(self, record: ModelRecord) -> Enlarger:
        """The network of a model, ready for this cube."""
        network, _ = load(record.name, self.device.name)
        white = white_of(self.cube, self.active) if sees_white(record) else 1.0
        centres = self.cube.wavelengths_nm
        enlarger = enlarger_of(
            network,
            record.spec,
            self.statistics.mean,
            self.statistics.covariance,
            wavelengths_nm=None if centres is None else centres[self.active],
            white=white,
        )
        if enlarger is None:
            raise UserError(f"model '{record.name}' is not for super-resolution; choose another.")
        if self.recipe.ensemble:
            return EnsembleEnlarger(enlarger, len(self.active), record.scale)
        return enlarger


def sees_white(record: ModelRecord) -> bool:
    """Whether a network sees values that are divided by white."""
    return isinstance(record.spec, EnlargerSpec) and record.spec.sees_white


def white_of(cube: HyperCube, active: npt.NDArray[np.intp]) -> float:
    """What counts as white: the stated level, or else the 99.9th percentile, as in training.

    Parameters
    ----------
    cube : HyperCube
    active : intp ndarray, (n,)
        Bands to look at.
    """
    if cube.white_level:
        return float(cube.white_level)
    step = max(1, cube.shape[1] // 256)
    sample = np.asarray(cube.data[:, ::step])[active]
    measured = sample[cube.valid(sample)]
    return float(np.percentile(np.abs(measured), WHITE_PERCENTILE)) or 1.0


def filled_region(
    cube: HyperCube,
    statistics: SpectralStatistics,
    read: Region,
    room: Room,
) -> Generator[float, None, tuple[Block, Mask]]:
    """The active bands of a region with their gaps filled, and where they are valid.

    Parameters
    ----------
    cube : HyperCube
    statistics : SpectralStatistics
        Of the whole cube.
    read : pair of slice
        Rows and columns with explicit start and stop.
    room : Room
        For the two arrays.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (active, y, x), and bool ndarray of the same shape
    """
    rows, columns = read
    active = np.flatnonzero(statistics.active)
    shape = len(active), rows.stop - rows.start, columns.stop - columns.start
    low, valid = room.array(shape), room.array(shape, np.bool_)
    # By rows, for where pixels lie together in the file a band costs as much as all.
    step = max(1, BLOCK_VALUES // (cube.n_bands * shape[2]))
    for start in range(0, shape[1], step):
        part = slice(start, min(start + step, shape[1]))
        place = slice(rows.start + part.start, rows.start + part.stop)
        stored = np.asarray(cube.data[:, place, columns])
        stored = stored if len(active) == cube.n_bands else stored[active]
        low[:, part], valid[:, part] = stored, cube.valid(stored)
        yield 0.5 * part.stop / shape[1]
    for index in range(len(active)):
        if not valid[index].all():
            low[index] = grown(low[index], valid[index], float(statistics.mean[index]))
        yield 0.5 + 0.5 * (index + 1) / len(active)
    return low, valid
