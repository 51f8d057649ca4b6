"""The part of a cube that is enlarged, and the networks made ready for it."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.restore.enlargers import Enlarger, enlarger_of
from napari_hsi_restore.restore.ensemble import EnsembleEnlarger
from napari_hsi_restore.restore.fill import grown
from napari_hsi_restore.restore.request import Region
from napari_hsi_restore.restore.statistics import SpectralStatistics
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
    """

    cube: HyperCube
    recipe: SuperresRecipe
    device: DeviceInfo
    active: npt.NDArray[np.intp]
    statistics: SpectralStatistics
    low: Block

    def enlarger(self, record: ModelRecord) -> Enlarger:
        """The network of a model, ready for this cube."""
        network, _ = load(record.name, self.device.name)
        centres = self.cube.wavelengths_nm
        enlarger = enlarger_of(
            network,
            record.halo,
            self.statistics.mean,
            self.statistics.covariance,
            wavelengths_nm=None if centres is None else centres[self.active],
            white=self._white(),
        )
        if enlarger is None:
            raise UserError(f"model '{record.name}' is not for super-resolution; choose another.")
        if self.recipe.ensemble:
            return EnsembleEnlarger(enlarger, len(self.active), record.scale)
        return enlarger

    def _white(self) -> float:
        """The stated white level, or else the 99.9th percentile, as in training."""
        if self.cube.white_level:
            return float(self.cube.white_level)
        step = max(1, self.cube.shape[1] // 256)
        sample = np.asarray(self.cube.data[:, ::step])[self.active]
        measured = sample[self.cube.valid(sample)]
        return float(np.percentile(np.abs(measured), WHITE_PERCENTILE)) or 1.0


def filled_region(
    cube: HyperCube, active: npt.NDArray[np.intp], read: Region
) -> tuple[Block, Mask]:
    """Some bands of a region with their gaps filled, and where they are valid."""
    stored = np.asarray(cube.data[:, *read])[active]
    valid = cube.valid(stored)
    low = stored.astype(np.float32)
    for index, mask in enumerate(valid):
        low[index] = grown(low[index], mask)
    return low, valid
