"""What can be asked of the child, and what comes back.

A request is a frozen value. It knows how to put its input into the folder of the
job and how to take its result from there; neither runs on the caller's thread.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.jobs import transfer
from napari_hsi_restore.jobs.protocol import Message
from napari_hsi_restore.noise.report import NoiseReport
from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.removed import Removed
from napari_hsi_restore.restore.request import check_bands
from napari_hsi_restore.restore.superres_recipe import SuperresRecipe, model_for
from napari_hsi_restore.restore.superres_size import (
    check_planes,
    must_map,
    result_bytes,
    stored_bytes,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Restored:
    """Result of a `DenoiseRequest` or a `SuperresRequest`.

    Attributes
    ----------
    cube : HyperCube
        float32 (bands, y, x), in the units of the input; of a `SuperresRequest` with
        more pixels.
    residual : HyperCube or None
        Input minus output, float32 (bands, y, x), NaN where there is no data; None
        where it was not asked for.
    removed : Removed or None
        A closer look at what a `DenoiseRequest` has removed; None where nothing was, or
        where it was mended on purpose.
    """

    cube: HyperCube
    residual: HyperCube | None = None
    removed: Removed | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class DenoiseRequest:
    """Denoise a cube; ends with ``Done(Restored)``.

    Attributes
    ----------
    cube : HyperCube
    recipe : DenoiseRecipe
    region : tuple of 4 int or None
        Rows and columns to restore, (top, bottom, left, right) with the ends left
        out; None for all.
    residual : bool
        Whether the residual is wanted too.
    hidden : bool ndarray, (y, x), or None
        Pixels of the whole image that count as missing.
    """

    cube: HyperCube
    recipe: DenoiseRecipe
    region: tuple[int, int, int, int] | None = None
    residual: bool = False
    hidden: npt.NDArray[np.bool_] | None = None

    def message(self, request_id: str, folder: Path) -> Message:
        """Return the line for the child."""
        return Message(
            id=request_id,
            kind="denoise",
            folder=str(folder),
            recipe=self.recipe.model_dump(mode="json"),
            region=self.region,
            residual=self.residual,
            masked=self.hidden is not None,
        )

    def write_input(self, folder: Path, cancelled: Callable[[], bool]) -> None:
        """Put cube and mask into the folder, in blocks."""
        transfer.write_cube(self.cube, folder, transfer.INPUT, cancelled)
        if self.hidden is not None:
            transfer.write_array(self.hidden, folder / transfer.MASK, cancelled)

    def read_result(self, folder: Path, answer: Any) -> Restored:
        """Take the cubes out of the folder, which is removed afterwards."""
        residual = _take(folder, transfer.RESIDUAL) if self.residual else None
        looked = folder / transfer.REMOVED
        removed = Removed.load(looked) if looked.is_file() else None
        return Restored(_take(folder, str(answer)), residual, removed)


@dataclasses.dataclass(frozen=True, eq=False)
class SuperresRequest:
    """Enlarge a cube; ends with ``Done(Restored)``.

    Attributes
    ----------
    cube : HyperCube
    recipe : SuperresRecipe
    region : tuple of 4 int or None
        Rows and columns of the input to enlarge, (top, bottom, left, right) with the
        ends left out; None for all.
    """

    cube: HyperCube
    recipe: SuperresRecipe
    region: tuple[int, int, int, int] | None = None

    def check(self) -> None:
        """Refuse at once what could not be done, before anything is copied or measured.

        Raises
        ------
        UserError
            If there is no such model for this scale or so few bands, or memory or disk
            cannot hold the result.
        """
        record = model_for(self.recipe, self.cube.shape)
        if record is not None:
            check_bands(self.cube, record)
        region = None
        if self.region is not None:
            top, bottom, left, right = self.region
            region = slice(top, bottom), slice(left, right)
        needed = float(result_bytes(self.cube, self.recipe.scale, region))
        if must_map(self.cube, self.recipe, region, mapped=True):
            check_planes(self.cube, self.recipe, region)
            needed += stored_bytes(self.cube, self.recipe, region)
        # A folder that cannot be written is told when the job begins.
        with contextlib.suppress(OSError):
            transfer.check_disk(Path(tempfile.gettempdir()), int(needed))

    def message(self, request_id: str, folder: Path) -> Message:
        """Return the line for the child."""
        return Message(
            id=request_id,
            kind="superres",
            folder=str(folder),
            recipe=self.recipe.model_dump(mode="json"),
            region=self.region,
        )

    def write_input(self, folder: Path, cancelled: Callable[[], bool]) -> None:
        """Put the cube into the folder, in blocks."""
        transfer.write_cube(self.cube, folder, transfer.INPUT, cancelled)

    def read_result(self, folder: Path, answer: Any) -> Restored:
        """Take the cube out of the folder, which is removed afterwards."""
        return Restored(_take(folder, str(answer)))


@dataclasses.dataclass(frozen=True, eq=False)
class NoiseRequest:
    """Find the noise and the defects of a cube; ends with ``Done(NoiseReport)``."""

    cube: HyperCube

    def message(self, request_id: str, folder: Path) -> Message:
        """Return the line for the child."""
        return Message(id=request_id, kind="estimate_noise", folder=str(folder))

    def write_input(self, folder: Path, cancelled: Callable[[], bool]) -> None:
        """Put the cube into the folder, in blocks."""
        transfer.write_cube(self.cube, folder, transfer.INPUT, cancelled)

    def read_result(self, folder: Path, answer: Any) -> NoiseReport:
        """Take the report out of the folder."""
        return NoiseReport.model_validate_json((folder / str(answer)).read_text(encoding="utf-8"))


@dataclasses.dataclass(frozen=True)
class DevicesRequest:
    """List the devices; ends with ``Done(tuple of DeviceInfo)``."""

    def message(self, request_id: str, folder: Path) -> Message:
        """Return the line for the child."""
        return Message(id=request_id, kind="devices", folder=str(folder))

    def write_input(self, folder: Path, cancelled: Callable[[], bool]) -> None:
        """Nothing to write."""

    def read_result(self, folder: Path, answer: Any) -> tuple[DeviceInfo, ...]:
        """Return the devices of the answer."""
        return tuple(DeviceInfo(*fields) for fields in json.loads(answer))


Request = DenoiseRequest | SuperresRequest | NoiseRequest | DevicesRequest


def _take(folder: Path, name: str) -> HyperCube:
    """Take a cube whose values outlive the folder.

    A mapped file may be unlinked on POSIX: its pages stay until the array goes,
    so that a result may be larger than the memory. Windows refuses that.
    """
    cube = transfer.read_cube(folder, name)
    return cube if os.name == "posix" else cube.replace(data=np.array(cube.data))
