"""Pieces of a cube that are computed by this process, or by the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import pickle
import sys
import threading
from collections.abc import Iterator
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.restore.tile_loop import budget

_WORKER_SHARE = 0.5
"""Of a worker's own memory limit that its pieces take where the user sets none [ours]."""

# One thread may come again: a piece may be cut out of what itself is computed in pieces.
_alone = threading.RLock()


@contextlib.contextmanager
def cluster(address: str | None) -> Iterator[None]:
    """Have lazy cubes computed by the workers of a Dask cluster.

    Parameters
    ----------
    address : str or None
        Of its scheduler, such as ``"tcp://10.0.0.1:8786"``; None for this process.

    Raises
    ------
    UserError
        If `distributed` is not installed, no scheduler answers there, it has no workers,
        or a piece failed with several of them.
    """
    if address is None:
        yield
        return
    try:
        import distributed
    except ImportError:
        raise UserError(
            "setting 'scheduler': needs the package distributed; install it, or leave it out."
        ) from None
    client: Any
    try:
        client = distributed.Client(  # type: ignore[no-untyped-call]
            address, timeout="5s", set_as_default=True
        )
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(
            f"setting 'scheduler': no Dask scheduler answers at {address}; check the address."
        ) from error
    with client:
        if not client.nthreads():
            raise UserError(f"setting 'scheduler': {address} has no workers; start some.")
        try:
            yield
        except distributed.scheduler.KilledWorker as error:
            raise UserError(
                f"setting 'scheduler': the workers of {address} ended while they computed a "
                "piece, probably for lack of memory; give a smaller --memory-limit."
            ) from error


def check_sendable(cube: HyperCube) -> None:
    """Refuse a cube that other processes cannot open.

    Raises
    ------
    UserError
    """
    part = cube.crop(slice(0, 1), slice(0, 1))
    try:
        pickle.dumps(part)
    except Exception as error:  # every library has its own kind
        raise UserError(
            f"{cube.source or cube.name}: other processes cannot open this kind of file lazily; "
            "convert it to ENVI or Zarr first."
        ) from error


def most_threads() -> int:
    """Threads of the worker that has the most of them; 1 where this process computes."""
    # Who has a client has imported it.
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return 1
    try:
        threads: dict[str, int] = distributed.default_client().nthreads()
    except ValueError:
        return 1
    return max(threads.values(), default=1)


@contextlib.contextmanager
def share(limit_gib: float | None, device: DeviceInfo) -> Iterator[float]:
    """What one piece may take, as long as it is computed.

    The memory limit is that of a process. The threads of a worker, which compute a piece each,
    share it evenly; elsewhere, where nobody knows how many threads there will be, one piece
    is computed after the other.

    Parameters
    ----------
    limit_gib : float or None
        Memory limit of the recipe; None for half of what is free, and at most half of what a
        worker is allowed.
    device : DeviceInfo

    Yields
    ------
    float
        Bytes.
    """
    worker = _worker()
    if worker is None:
        with _alone:
            yield budget(limit_gib, device)
        return
    available = budget(limit_gib, device)
    allowed = worker.memory_manager.memory_limit
    if limit_gib is None and allowed:
        available = min(available, _WORKER_SHARE * float(allowed))
    yield available / max(1, int(worker.state.nthreads))


def values_of(piece: HyperCube) -> npt.NDArray[Any]:
    """The stored values of a piece, (bands, y, x), read by this very thread.

    In a worker everything else would wait for a place among the tasks.
    """
    data = piece.data
    if isinstance(data, da.Array):
        data = data.compute(scheduler="synchronous")  # type: ignore[no-untyped-call]
    return np.asarray(data)


def _worker() -> Any:
    """The worker of a Dask cluster that computes in this thread, or None."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.get_worker()
    except ValueError:
        return None
