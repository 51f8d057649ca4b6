"""Running a network over the tiles of a cube."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.models.basis import Basis
from napari_hsi_restore.models.spec import DenoiserSpec
from napari_hsi_restore.restore.statistics import filled
from napari_hsi_restore.restore.tile_loop import SIDES, largest_side, run_tiles, too_small
from napari_hsi_restore.restore.tiling import Tile

if TYPE_CHECKING:
    from napari_hsi_restore.models.catalog import Denoiser


def tile_bytes(cube: HyperCube, spec: DenoiserSpec, components: int, side: int) -> float:
    """Bytes that a tile takes, with its halo.

    Parameters
    ----------
    cube : HyperCube
    spec : DenoiserSpec
    components : int
        Of the cube's basis.
    side : int
        Of the tile, in pixels.
    """
    pixels = 1.0
    for length in cube.shape[1:]:
        pixels *= min(side + 2 * spec.halo, length)
    # A network may add an empty component.
    features = spec.feature_copies * spec.width * (components + 1)
    return pixels * 4 * (features + 4 * cube.n_bands)


def check_memory(cube: HyperCube, spec: DenoiserSpec, available: float, threads: int = 1) -> None:
    """Refuse a number of bytes that cannot suffice, before the cube is measured.

    How many components the cube has is not known yet: one is the least, and the most
    that the network takes is what is named.

    Parameters
    ----------
    cube : HyperCube
    spec : DenoiserSpec
    available : float
        Bytes.
    threads : int
        That share them.

    Raises
    ------
    UserError
    """
    if tile_bytes(cube, spec, 1, SIDES[-1]) > available / threads:
        most = cube.n_bands
        if spec.domain != "bands":
            most = min(most, spec.most_components)
        needed = tile_bytes(cube, spec, most, SIDES[-1])
        raise too_small(available, needed, cube.name, threads)


@dataclasses.dataclass(frozen=True, eq=False)
class TileRun:
    """Everything that the tiles of one restoration share.

    Attributes
    ----------
    cube : HyperCube
    region : pair of slice
        Rows and columns to restore, with explicit start and stop.
    result : float32 ndarray, (bands, rows, columns)
        Gets the restored region.
    network : Stas or QRNN3D
    spec : DenoiserSpec
        Of the network.
    basis : Basis
        Of the active bands.
    active : bool ndarray, (bands,)
        Bands to restore; the others are passed through.
    """

    cube: HyperCube
    region: tuple[slice, slice]
    result: npt.NDArray[np.float32]
    network: Denoiser
    spec: DenoiserSpec
    basis: Basis
    active: npt.NDArray[np.bool_]

    def tiles(self, side: int | None, available: float) -> Iterator[float]:
        """Restore all tiles.

        Parameters
        ----------
        side : int or None
            Of a tile, in pixels; None for the largest that fits.
        available : float
            Bytes that a tile may take.

        Yields
        ------
        float
            Fraction done, several times a tile.

        Raises
        ------
        UserError
            If memory does not suffice for the smallest tile.
        """
        name, halo = self.cube.name, self.spec.halo
        chosen = side or largest_side(self._bytes, available, name)
        shape = self.cube.shape[1:]
        return run_tiles(
            self.region,
            shape,
            chosen,
            self._tile,
            halo=halo,
            name=name,
            multiple=self.spec.multiple,
        )

    def _bytes(self, side: int) -> float:
        return tile_bytes(self.cube, self.spec, self.basis.components, side)

    def _tile(self, tile: Tile) -> Iterator[float]:
        """Restore one tile into the result; yields the fraction that is done."""
        import torch

        stored = np.asarray(self.cube.data[:, tile.read_rows, tile.read_columns])
        used = stored[self.active]
        valid: npt.NDArray[np.bool_] = np.all(self.cube.valid(used), axis=0)
        noisy = filled(used.astype(np.float32), valid, self.basis.mean)
        device = next(self.network.parameters()).device
        components = torch.from_numpy(self.basis.project(noisy))[None].to(device)
        level = torch.from_numpy(self.basis.level.astype(np.float32))[None].to(device)
        # As a decorator the mode ends at every yield; a with block would leak to the caller.
        stages = torch.inference_mode()(self.network.stages)(components, level)
        output = components
        for index, stage in enumerate(stages, start=1):
            output = stage
            yield index / (self.network.stage_count + 1)
        restored = output[0].float().cpu().numpy()
        inside = tile.inside
        cut = (slice(None), *inside)
        values = stored[cut].astype(np.float32)
        clean = self.basis.restore(
            np.ascontiguousarray(restored[cut]), np.ascontiguousarray(noisy[cut])
        )
        # A pixel that lacks even one band has no trustworthy projection: it stays as it was.
        values[self.active] = np.where(valid[inside], clean, values[self.active])
        top, left = self.region[0].start, self.region[1].start
        rows = slice(tile.rows.start - top, tile.rows.stop - top)
        columns = slice(tile.columns.start - left, tile.columns.stop - left)
        self.result[:, rows, columns] = values
        yield 1.0
