"""Running something over the tiles of an image within a memory budget."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Iterator

import psutil

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.restore.tiling import Tile, plan

SIDES = (512, 384, 256, 192, 128, 96, 64, 48, 32, 16)
"""Sides of tiles to choose from; the halo makes small ones slow."""

CPU_MEMORY = 2 * 2**30
"""Bytes that tiles take on a CPU unless the user sets a limit."""


def budget(limit_gib: float | None, device: DeviceInfo) -> float:
    """Bytes that tiles may take on their device.

    Parameters
    ----------
    limit_gib : float or None
        What the user allows, in GiB.
    device : DeviceInfo
    """
    if limit_gib is not None:
        return min(limit_gib * 2**30, 0.9 * device.free_bytes)
    if device.name == "cpu":
        return min(CPU_MEMORY, 0.5 * float(psutil.virtual_memory().available))
    return 0.5 * device.free_bytes


def largest_side(bytes_of: Callable[[int], float], available: float, name: str) -> int:
    """Side of the largest tile that fits a number of bytes.

    Parameters
    ----------
    bytes_of : callable
        From a side to the bytes that its tile takes.
    available : float
        Bytes.
    name : str
        Of the cube, for the message.

    Raises
    ------
    UserError
        If not even the smallest fits.
    """
    for side in SIDES:
        if bytes_of(side) <= available:
            return side
    raise too_small(available, bytes_of(SIDES[-1]), name)


def too_small(available: float, needed: float, name: str, threads: int = 1) -> UserError:
    """What to say where the smallest tile of a cube takes more than there is.

    Parameters
    ----------
    available, needed : float
        Bytes; told so that the limit that is named suffices.
    name : str
        Of the cube.
    threads : int
        That share what is available.
    """
    shared = f", shared by {threads} threads of a worker," if threads > 1 else ""
    fewer = ", start workers with fewer threads" if threads > 1 else ""
    return UserError(
        f"setting 'memory limit': {_gib(available, math.floor)} GiB{shared} is too small for "
        f"{name}, whose smallest tile takes {_gib(needed, math.ceil)} GiB; raise the limit{fewer} "
        "or close other programs."
    )


def _gib(count: float, rounded: Callable[[float], int]) -> str:
    """Bytes in GiB with three digits, however few they are."""
    gib = max(count, 1.0) / 2**30
    unit = 10.0 ** (math.floor(math.log10(gib)) - 2)
    return f"{rounded(gib / unit) * unit:.3g}"


def run_tiles(
    region: tuple[slice, slice],
    shape: tuple[int, int],
    side: int,
    work: Callable[[Tile], Iterator[float]],
    *,
    halo: int,
    name: str,
    multiple: int = 1,
) -> Generator[float, None, None]:
    """Do all tiles; where memory runs out, go on with tiles of half the side.

    Parameters
    ----------
    region, shape, side
        As for `napari_hsi_restore.restore.tiling.plan`.
    work : callable
        Does one tile and yields the fractions of it that are done.
    halo, multiple : int
        As for `napari_hsi_restore.restore.tiling.plan`.
    name : str
        Of the cube, for the message.

    Yields
    ------
    float
        Fraction done, several times a tile.

    Raises
    ------
    UserError
        If memory does not suffice for the smallest tile.
    """
    todo = plan(region, shape, side, halo, multiple)
    rows, columns = region
    area = float((rows.stop - rows.start) * (columns.stop - columns.start))
    done = 0.0
    while todo:
        tile = todo.pop(0)
        share = tile.rows_count * tile.columns_count / area
        try:
            for part in work(tile):
                yield done + part * share
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            half = max(tile.rows_count, tile.columns_count) // 2
            if half < SIDES[-1]:
                raise UserError(
                    f"{name}: the memory does not suffice even for tiles of "
                    f"{2 * half} pixels; close other programs or choose the device cpu."
                ) from error
            free_gpu_memory()
            todo = plan((tile.rows, tile.columns), shape, half, halo, multiple) + todo
        else:
            done += share


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out, on a CPU or a GPU."""
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        "can't allocate memory" in str(error)
    )


def free_gpu_memory() -> None:
    """Give back what torch keeps of a GPU's memory for later."""
    import torch

    if torch.cuda.is_available():
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()
