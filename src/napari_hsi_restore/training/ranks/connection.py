"""How the processes of a run meet: Lightning Fabric's data parallelism over gloo.

gloo and not NCCL [ours]: the networks are small, so that their gradients travel in
milliseconds; it is there on every system, for processors too; and where a process dies,
the others learn of it at once instead of waiting for it.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn

from napari_hsi_restore.training.recipe import Precision

TIMEOUT = datetime.timedelta(seconds=60)
"""Everybody is ready when tensors are exchanged: who does not come for so long is lost."""

_INTERFACE = "GLOO_SOCKET_IFNAME"


class _OneMachine(ClusterEnvironment):
    """Processes on one machine that were started before Fabric was asked."""

    def __init__(self, rank: int, world: int) -> None:
        self._rank, self._world = rank, world

    @property
    def creates_processes_externally(self) -> bool:
        return True

    @property
    def main_address(self) -> str:
        return "localhost"

    @property
    def main_port(self) -> int:
        # The processes meet by a file.
        return 0

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self._world

    def set_world_size(self, size: int) -> None:
        """It is known already."""

    def global_rank(self) -> int:
        return self._rank

    def set_global_rank(self, rank: int) -> None:
        """It is known already."""

    def local_rank(self) -> int:
        return self._rank

    def node_rank(self) -> int:
        return 0


class _Averaging(DDPStrategy):
    """Fabric's DDP without its wrapper around the network.

    The wrapper averages gradients while they are computed, where a process whose memory
    has run out would leave all others waiting. Here they are averaged when every process
    has said that it has them (`average`).
    """

    def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]
        return module


def fabric_of(devices: Sequence[str], rank: int, precision: Precision) -> Fabric:
    """Fabric for one process of a run.

    Parameters
    ----------
    devices : sequence of str
        torch's names, one for each process; several are all ``"cpu"`` or all GPUs.
    rank : int
        Which of them is ours; several must have met (`meet`).
    precision : str
    """
    # What it says about itself is for whoever writes programs, and would stand among the progress.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    kind, _, number = devices[rank].partition(":")
    if len(devices) == 1:
        return Fabric(accelerator=kind, devices=[int(number)] if number else 1, precision=precision)
    numbers = [int(name.partition(":")[2] or 0) for name in devices]
    strategy = _Averaging(
        cluster_environment=_OneMachine(rank, len(devices)), process_group_backend="gloo"
    )
    fabric = Fabric(
        accelerator=kind,
        devices=len(devices) if kind == "cpu" else numbers,
        strategy=strategy,
        precision=precision,
    )
    fabric.launch()
    return fabric


def meet(rank: int, world: int, meeting: Path) -> None:
    """Wait for the other processes.

    Parameters
    ----------
    rank, world : int
    meeting : Path
        A file that nobody else uses.

    Raises
    ------
    RuntimeError
        If they do not come within a minute.
    """
    store = torch.distributed.FileStore(str(meeting), world)  # type: ignore[attr-defined]
    with _at_home():
        torch.distributed.init_process_group(
            "gloo",
            store=store,
            rank=rank,
            world_size=world,
            timeout=TIMEOUT,
        )


def part() -> None:
    """Leave the others."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@contextlib.contextmanager
def _at_home() -> Iterator[None]:
    """Let gloo use the machine's own loop: other networks come and go, and are guarded."""
    names = {name for _, name in socket.if_nameindex()} if os.name == "posix" else set()
    loops = sorted(names & {"lo", "lo0"})
    if not loops or _INTERFACE in os.environ:
        yield
        return
    os.environ[_INTERFACE] = loops[0]
    try:
        yield
    finally:
        del os.environ[_INTERFACE]


@torch.no_grad()
def spread(tensors: Iterable[torch.Tensor]) -> None:
    """Give the leader's values of some float32 tensors to all, in place."""
    several = list(tensors)
    flat = _flat(several)
    torch.distributed.broadcast(flat, src=0)
    if torch.distributed.get_rank() != 0:
        _put(flat, several)


@torch.no_grad()
def average(fabric: Fabric, parameters: Iterable[nn.Parameter]) -> None:
    """Average the gradients of all processes, in place.

    A gradient that is missing here counts as zero, and stays missing: the caller knows
    that it is missing everywhere.
    """
    several = list(parameters)
    flat = _flat([torch.zeros_like(p) if p.grad is None else p.grad for p in several])
    fabric.strategy.all_reduce(flat, reduce_op="mean")
    flat = flat.to(several[0].device)
    first = 0
    for parameter in several:
        last = first + parameter.numel()
        if parameter.grad is not None:
            parameter.grad.copy_(flat[first:last].view_as(parameter))
        first = last


def _flat(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """All values in a row, in the memory of the processor, where gloo works."""
    return torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors]).cpu()


def _put(flat: torch.Tensor, tensors: Sequence[torch.Tensor]) -> None:
    flat = flat.to(tensors[0].device)
    first = 0
    for tensor in tensors:
        last = first + tensor.numel()
        tensor.copy_(flat[first:last].view_as(tensor))
        first = last
