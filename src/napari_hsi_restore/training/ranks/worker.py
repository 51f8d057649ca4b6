"""The worker's side of a run on several devices: computes what the leader asks for."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import nn

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.restore.tile_loop import free_gpu_memory, is_out_of_memory
from napari_hsi_restore.training.ranks import connection, parcel
from napari_hsi_restore.training.ranks.messages import Answer, Order, Setup

_PARENT_POLL_S = 0.5


class Work(Protocol):
    """What a worker learns; it holds no state but its cubes and a copy of the weights."""

    def place(self, fabric: Fabric) -> None:
        """Take the device; comes once, before all others."""

    def begin(self, text: str) -> None:
        """Begin another part of the run."""

    def tensors(self, order: Order) -> Sequence[torch.Tensor]:
        """The weights that the leader sends for an order, in its order."""

    def compute(self, order: Order, batch: int) -> Sequence[float]:
        """Compute on a batch, leaving gradients in the parameters; see `Order`."""

    def parameters(self) -> Sequence[nn.Parameter]:
        """Those whose gradients are averaged."""

    def forget(self) -> None:
        """Leave no gradients behind."""

    def shrink(self) -> None:
        """Halve the batch."""


Build = Callable[[dict[str, Any], dict[str, npt.NDArray[Any]]], Work]
"""Makes the work of a parcel."""


def main(build: Build) -> None:
    """Run a worker until the leader ends.

    Parameters
    ----------
    build : callable
        Makes what is learned of what the leader has laid into the parcel.
    """
    leader = os.getppid()
    # Whoever stops a run stops the leader, and that stops us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints must not end up between the answers.
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin, lines), daemon=True).start()
    if os.name == "posix":
        threading.Thread(target=_watch, args=(leader,), daemon=True).start()
    setup = Setup.model_validate_json(lines.get())
    try:
        _serve(build, setup, lines, protocol)
    except UserError as error:
        _say(protocol, Answer(kind="refused", message=str(error)))
    except Exception as error:
        traceback.print_exc()
        said = "".join(traceback.format_exception_only(error)).strip()
        _say(protocol, Answer(kind="failed", message=said))
    os._exit(1)


def _listen(stream: TextIO, lines: queue.Queue[str]) -> None:
    """Pass on what the leader says, and end with it: there is nothing to save."""
    try:
        for line in stream:
            lines.put(line)
    finally:
        os._exit(0)


def _watch(leader: int) -> None:
    """End with the leader, even where another process holds our input open."""
    while os.getppid() == leader:
        time.sleep(_PARENT_POLL_S)
    os._exit(0)


def _say(protocol: TextIO, answer: Answer) -> None:
    with contextlib.suppress(OSError):
        protocol.write(answer.model_dump_json() + "\n")
        protocol.flush()


def _serve(build: Build, setup: Setup, lines: queue.Queue[str], protocol: TextIO) -> None:
    torch.set_num_threads(setup.threads)
    work = build(*parcel.read(Path(setup.parcel)))
    _say(protocol, Answer(kind="ready"))
    fabric: Fabric | None = None
    for order in _orders(lines):
        if order.do == "join":
            connection.meet(setup.rank, setup.world, Path(setup.meeting))
            fabric = connection.fabric_of(setup.devices, setup.rank, setup.precision)
            work.place(fabric)
            _say(protocol, Answer(kind="ready"))
            continue
        assert fabric is not None, "to join is the first order"
        if order.do == "begin":
            work.begin(order.text)
            _say(protocol, Answer(kind="ready"))
        elif order.do == "work":
            connection.spread(work.tensors(order))
            _say(protocol, _computed(work, order, setup.rank))
        elif order.do == "average":
            connection.average(fabric, work.parameters())
        else:
            work.shrink()


def _orders(lines: queue.Queue[str]) -> Iterator[Order]:
    while True:
        yield Order.model_validate_json(lines.get())


def _computed(work: Work, order: Order, rank: int) -> Answer:
    work.forget()
    try:
        return Answer(kind="done", numbers=tuple(work.compute(order, order.batch + rank)))
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside of the handler, which holds what was computed.
    work.forget()
    free_gpu_memory()
    return Answer(kind="memory")
