"""The leader's side of a run on several devices: starts the workers, and asks them.

Nobody ever waits inside a collective for one that still computes: the tensors are only
exchanged when everybody has said that it is ready. So a run can be left at any moment,
and a process that dies or runs out of memory holds up nobody.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
import torch
from lightning_fabric import Fabric
from torch import nn

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.restore import devices
from napari_hsi_restore.restore.devices import DeviceInfo
from napari_hsi_restore.training.ranks import connection, parcel
from napari_hsi_restore.training.ranks.devices import label_of
from napari_hsi_restore.training.ranks.messages import Answer, Order, Setup
from napari_hsi_restore.training.recipe import Precision

FOLDER = "devices"
"""In the folder of a run: what the workers read, while there are any."""

_POLL_S = 0.05
_FAREWELL_S = 5.0


class LostError(UserError):
    """A process of the run has ended; the run can be resumed."""


class _Worker:
    """A process with its pipes; its answers come through a thread."""

    def __init__(self, module: str, cores: int) -> None:
        threads = str(cores)
        flags = 0
        if sys.platform == "win32":
            flags = subprocess.CREATE_NO_WINDOW
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
            creationflags=flags,
        )
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, name="worker", daemon=True)
        self._reader.start()
        self.owes = False
        """Whether an answer is still to come."""

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._answers.put(line)
        self._answers.put(None)

    def tell(self, message: Order | Setup) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(message.model_dump_json() + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise self.lost() from error
        self.owes = not isinstance(message, Order) or message.do in ("join", "begin", "work")

    def answer(self) -> Answer | None:
        """The answer that is owed, or None if it does not come at once."""
        try:
            line = self._answers.get(timeout=_POLL_S)
        except queue.Empty:
            return None
        if line is None:
            raise self.lost()
        try:
            answer = Answer.model_validate_json(line)
        except pydantic.ValidationError:
            # Printed by what starts every Python here, before the worker took care.
            sys.stderr.write(line)
            return None
        self.owes = False
        if answer.kind == "refused":
            raise UserError(answer.message)
        if answer.kind == "failed":
            raise RuntimeError(f"in one of several processes: {answer.message}")
        return answer

    def lost(self) -> LostError:
        try:
            status = self.process.wait(_FAREWELL_S)
        except subprocess.TimeoutExpired:
            return _lost("does not answer")
        return _lost(f"killed by signal {-status}" if status < 0 else f"exit status {status}")

    def end(self) -> None:
        """It has nothing to save."""
        self.process.kill()
        self.process.wait()
        self._reader.join(_FAREWELL_S)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _lost(how: str) -> LostError:
    return LostError(
        f"One of the processes that learn together has ended ({how}); was the memory full? What "
        "was learned is kept: resume the run, on fewer devices if this happens again."
    )


class Crew:
    """The devices of a run; with a single one everything happens in this process.

    Parameters
    ----------
    several : sequence of DeviceInfo
        The first is the leader's.
    module : str
        What the workers run, with ``python -m``.
    precision : str
        Lightning Fabric's.

    Raises
    ------
    UserError
        If several devices cannot learn with this precision.
    """

    def __init__(self, several: Sequence[DeviceInfo], module: str, precision: Precision) -> None:
        if len(several) > 1 and precision == "16-mixed":
            raise UserError(
                "setting 'precision': '16-mixed' scales gradients by one device; choose "
                "'bf16-mixed', or a single device."
            )
        self.devices = tuple(several)
        self._module, self._precision = module, precision
        self._workers: list[_Worker] = []
        self._folder: Path | None = None
        self._threads = torch.get_num_threads()
        self._fabric: Fabric | None = None

    @property
    def world(self) -> int:
        """How many devices learn."""
        return len(self.devices)

    @property
    def label(self) -> str:
        """The devices, for a person."""
        return label_of(self.devices)

    @property
    def fabric(self) -> Fabric:
        """Fabric for the leader; several devices have met by then (`start`)."""
        if self._fabric is None:
            names = [device.name for device in self.devices]
            self._fabric = connection.fabric_of(names, 0, self._precision)
        return self._fabric

    def call(self) -> None:
        """Start the other processes, which takes them some seconds; returns at once.

        Raises
        ------
        UserError
            If this process is one of several of another run.
        """
        if self.world == 1:
            return
        if not torch.distributed.is_available():
            raise UserError(
                "setting 'devices': this build of torch cannot use several devices; choose one."
            )
        if torch.distributed.is_initialized():
            raise UserError(
                "setting 'devices': this process already takes part in a distributed run of "
                "torch; choose a single device."
            )
        for _ in range(1, self.world):
            self._workers.append(_Worker(self._module, self._share))

    @property
    def _share(self) -> int:
        """Threads of the processor for each device."""
        return max(1, _cores() // self.world)

    def start(
        self, folder: Path, text: Mapping[str, Any], arrays: parcel.Arrays
    ) -> Generator[None, None, None]:
        """Wait until the other processes are ready; see `call`.

        Parameters
        ----------
        folder : Path
            Of the run.
        text, arrays
            What the workers learn from; see `parcel.write`.

        Yields
        ------
        None
            While they are waited for.

        Raises
        ------
        UserError
            If the disk is full, or a process ends.
        """
        if self.world == 1:
            return
        self._folder = folder / FOLDER
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        parcel.write(self._folder, text, arrays)
        meeting = self._folder.with_name(f"{FOLDER}.meeting")
        meeting.unlink(missing_ok=True)
        torch.set_num_threads(min(self._share, self._threads))
        names = tuple(device.name for device in self.devices)
        for rank, worker in enumerate(self._workers, start=1):
            worker.tell(
                Setup(
                    rank=rank,
                    world=self.world,
                    devices=names,
                    threads=self._share,
                    precision=self._precision,
                    parcel=str(self._folder),
                    meeting=str(meeting),
                )
            )
        yield from self.settle()
        self.tell(Order(do="join"))
        yield from self._met(meeting)
        # The maps stay open; where open files cannot be removed, they go at the end.
        shutil.rmtree(self._folder, ignore_errors=True)

    def _met(self, meeting: Path) -> Generator[None, None, None]:
        """Meet the workers, in a thread: one that dies on its way is waited for for a minute."""
        failures: list[RuntimeError] = []

        def meet() -> None:
            try:
                connection.meet(0, self.world, meeting)
            except RuntimeError as error:
                failures.append(error)

        thread = threading.Thread(target=meet, name="meet", daemon=True)
        thread.start()
        yield from self.settle()
        thread.join()
        if failures:
            raise self._found_lost() from failures[0]

    def batch(self, step: int) -> int:
        """Number of the leader's batch of a step: no rank ever has that of another."""
        return step * self.world

    def tell(self, order: Order) -> None:
        """Give all workers an order."""
        for worker in self._workers:
            worker.tell(order)

    def work(self, order: Order, tensors: Iterable[torch.Tensor]) -> None:
        """Let the workers compute; returns at once.

        Parameters
        ----------
        order : Order
            To ``"work"``.
        tensors : iterable of float32 tensor
            The weights that they compute with.
        """
        if self._workers:
            self.tell(order)
            with self._together():
                connection.spread(tensors)

    def answers(self, own: Sequence[float]) -> Generator[None, None, list[float]]:
        """The mean over all devices of what they have computed.

        Parameters
        ----------
        own : sequence of float
            What the leader has computed.

        Yields
        ------
        None
            At least twenty times a second.

        Raises
        ------
        MemoryError
            If a worker's memory has run out.
        LostError
            If a worker has ended.
        """
        rows = [list(own)]
        short = False
        for worker in self._workers:
            while (answer := worker.answer()) is None:
                yield
            short = short or answer.kind == "memory"
            rows.append(list(answer.numbers))
        if short:
            raise MemoryError("one of several devices has no memory left")
        return list(own) if len(rows) == 1 else np.mean(rows, axis=0).tolist()

    def settle(self) -> Generator[None, None, None]:
        """Wait for whatever is still computing, and forget it."""
        for worker in self._workers:
            while worker.owes and worker.answer() is None:
                yield

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Average the gradients of all devices; everybody has answered before."""
        if self._workers:
            self.tell(Order(do="average"))
            with self._together():
                connection.average(self.fabric, parameters)

    def close(self) -> None:
        """End the workers."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.end()
        if self._folder is not None:
            connection.part()
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.with_name(f"{FOLDER}.meeting").unlink(missing_ok=True)
            torch.set_num_threads(self._threads)
            self._folder = None

    @contextlib.contextmanager
    def _together(self) -> Generator[None, None, None]:
        try:
            yield
        except RuntimeError as error:
            raise self._found_lost() from error

    def _found_lost(self) -> LostError:
        """What is said when the connection is broken."""
        end = time.monotonic() + _FAREWELL_S
        while time.monotonic() < end:
            for worker in self._workers:
                if worker.process.poll() is not None:
                    return worker.lost()
            time.sleep(_POLL_S)
        return _lost("does not answer")


def alone(device: str, precision: Precision) -> Crew:
    """A single device.

    Parameters
    ----------
    device, precision : str
    """
    return Crew([devices.choose(device)], "", precision)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
