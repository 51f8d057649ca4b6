"""Running a network over the tiles of a cube."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.basis import Basis
from napari_hsi_restore.models.spec import StasSpec
from napari_hsi_restore.restore.statistics import filled
from napari_hsi_restore.restore.tiling import Tile, plan

if TYPE_CHECKING:
    from napari_hsi_restore.models.architectures.stas import Stas

SIDES = (512, 384, 256, 192, 128, 96, 64, 48, 32, 16)
"""Sides of tiles to choose from; the halo makes small ones slow."""

FEATURE_COPIES = 5.0
"""Feature tensors of full width that are alive at once in a network (measured)."""


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
    network : Stas
    spec : StasSpec
        Of the network.
    basis : Basis
        Of the active bands.
    active : bool ndarray, (bands,)
        Bands to restore; the others are passed through.
    """

    cube: HyperCube
    region: tuple[slice, slice]
    result: npt.NDArray[np.float32]
    network: Stas
    spec: StasSpec
    basis: Basis
    active: npt.NDArray[np.bool_]

    def side(self, budget: float) -> int:
        """Side of the largest tile that fits a number of bytes.

        Raises
        ------
        UserError
            If not even the smallest fits.
        """
        for side in SIDES:
            if self._bytes(side) <= budget:
                return side
        raise UserError(
            f"setting 'memory limit': {budget / 2**30:.2f} GiB is too small for "
            f"{self.cube.name}, whose smallest tile takes {self._bytes(SIDES[-1]) / 2**30:.2f} "
            "GiB; raise the limit or close other programs."
        )

    def _bytes(self, side: int) -> float:
        pixels = 1.0
        for length in self.cube.shape[1:]:
            pixels *= min(side + 2 * self.spec.halo, length)
        features = FEATURE_COPIES * 4 * self.spec.width * self.basis.components
        return pixels * (features + 4 * 4 * self.cube.n_bands)

    def tiles(self, side: int) -> Iterator[float]:
        """Restore all tiles; where memory runs out, go on with tiles of half the side.

        Yields
        ------
        float
            Fraction done, several times a tile.

        Raises
        ------
        UserError
            If memory does not suffice for the smallest tile.
        """
        shape, halo = self.cube.shape[1:], self.spec.halo
        todo = plan(self.region, shape, side, halo)
        area = float(self.result.shape[1] * self.result.shape[2])
        done = 0.0
        while todo:
            tile = todo.pop(0)
            share = tile.rows_count * tile.columns_count / area
            try:
                for part in self._tile(tile):
                    yield done + part * share
            except (RuntimeError, MemoryError) as error:
                if not _is_out_of_memory(error):
                    raise
                half = max(tile.rows_count, tile.columns_count) // 2
                if half < SIDES[-1]:
                    raise UserError(
                        f"{self.cube.name}: the memory does not suffice even for tiles of "
                        f"{2 * half} pixels; close other programs or choose the device cpu."
                    ) from error
                _free_gpu_memory()
                todo = plan((tile.rows, tile.columns), shape, half, halo) + todo
            else:
                done += share

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


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        "can't allocate memory" in str(error)
    )


def _free_gpu_memory() -> None:
    import torch

    if torch.cuda.is_available():
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()
