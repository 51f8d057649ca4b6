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
from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.request import check_bands
from napari_hsi_restore.restore.superres_recipe import SuperresRecipe, model_for
from napari_hsi_restore.restore.superres_size import check_memory, result_bytes


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
    """

    cube: HyperCube
    residual: HyperCube | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class NoiseEstimate:
    """Result of a `NoiseRequest`.

    Attributes
    ----------
    sigma : float64 ndarray, (bands,)
        Standard deviation of the noise in the units of the stored values; NaN for
        bands without measurements.
    sigma_255 : float64 ndarray, (bands,)
        The same on the 0..255 scale of the white level.
    """

    sigma: npt.NDArray[np.float64]
    sigma_255: npt.NDArray[np.float64]

    @property
    def summary(self) -> str:
        """What is estimated, for a person."""
        low, middle, high = np.nanpercentile(self.sigma_255, [0, 50, 100])
        return f"σ from {low:.3g} to {high:.3g}, median {middle:.3g} (white = 255)"


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
    """

    cube: HyperCube
    recipe: DenoiseRecipe
    region: tuple[int, int, int, int] | None = None
    residual: bool = False

    def message(self, request_id: str, folder: Path) -> Message:
        """Return the line for the child."""
        return Message(
            id=request_id,
            kind="denoise",
            folder=str(folder),
            recipe=self.recipe.model_dump(mode="json"),
            region=self.region,
            residual=self.residual,
        )

    def write_input(self, folder: Path, cancelled: Callable[[], bool]) -> None:
        """Put the cube into the folder, in blocks."""
        transfer.write_cube(self.cube, folder, transfer.INPUT, cancelled)

    def read_result(self, folder: Path, answer: Any) -> Restored:
        """Take the cubes out of the folder, which is removed afterwards."""
        residual = _take(folder, transfer.RESIDUAL) if self.residual else None
        return Restored(_take(folder, str(answer)), residual)


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
        record = model_for(self.recipe, self.cube.n_bands)
        if record is not None:
            check_bands(self.cube, record)
        region = None
        if self.region is not None:
            top, bottom, left, right = self.region
            region = slice(top, bottom), slice(left, right)
        check_memory(self.cube, self.recipe, region, mapped=True)
        needed = result_bytes(self.cube, self.recipe.scale, region)
        # A folder that cannot be written is told when the job begins.
        with contextlib.suppress(OSError):
            transfer.check_disk(Path(tempfile.gettempdir()), needed)

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
    """Estimate the noise of each band; ends with ``Done(NoiseEstimate)``."""

    cube: HyperCube

    def message(self, request_id: str, folder: Path) -> Message:
        """Return the line for the child."""
        return Message(id=request_id, kind="estimate_noise", folder=str(folder))

    def write_input(self, folder: Path, cancelled: Callable[[], bool]) -> None:
        """Put the cube into the folder, in blocks."""
        transfer.write_cube(self.cube, folder, transfer.INPUT, cancelled)

    def read_result(self, folder: Path, answer: Any) -> NoiseEstimate:
        """Take the two rows of numbers out of the folder."""
        sigma, sigma_255 = np.array(transfer.read_array(folder / f"{answer}.npy"))
        return NoiseEstimate(sigma, sigma_255)


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
