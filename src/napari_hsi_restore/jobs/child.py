"""The child process: ``python -m napari_hsi_restore.jobs.child PARENT FOLDER``.

It answers one request after another (`protocol`) and imports torch while it has
nothing to do. It ends, and removes the private folder, when its standard input is
closed or the process `PARENT` is gone, whatever it is doing at that moment.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import queue
import shutil
import signal
import sys
import threading
import time
import traceback
from typing import TextIO

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Event, Failed, Preview
from napari_hsi_restore.jobs import tasks
from napari_hsi_restore.jobs.protocol import Cancelled, Message, write_event

_NICENESS = 5
_PARENT_POLL_S = 0.5
_WARM_UP_AFTER_S = 0.02


class Child:
    """Reads requests on a thread of its own and works on the main thread.

    Parameters
    ----------
    protocol : text file
        Where events are printed; nothing else may reach it.
    """

    def __init__(self, protocol: TextIO) -> None:
        self._protocol = protocol
        self._requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._ready = False

    def read(self, lines: TextIO) -> None:
        """Take requests until the lines end; a cancelled one is only noted."""
        for line in lines:
            message = Message.model_validate_json(line)
            if message.kind == "cancel":
                self._cancelled.add(message.id)
            else:
                self._requests.put(message)

    def work(self) -> None:
        """Answer requests for ever."""
        try:
            message = self._requests.get(timeout=_WARM_UP_AFTER_S)
        except queue.Empty:
            message = self._get_ready()
        while True:
            self._answer(message)
            _give_memory_back()
            try:
                message = self._requests.get(timeout=_WARM_UP_AFTER_S)
            except queue.Empty:
                message = self._get_ready()

    def _get_ready(self) -> Message:
        """Use the time until the next request for what every restoration begins with."""
        if not self._ready:
            self._ready = True
            _import_torch()
            if self._requests.empty():
                tasks.warm_up()
                _give_memory_back()
        return self._requests.get()

    def _answer(self, message: Message) -> None:
        try:
            if message.kind in ("denoise", "superres", "devices"):
                _import_torch()
            with contextlib.closing(tasks.run(message)) as events:
                for event in events:
                    if message.id in self._cancelled:
                        self._say(message, Cancelled())
                        return
                    if not isinstance(event, Preview):
                        self._say(message, event)
        except UserError as error:
            self._say(message, Failed(str(error)))
        except MemoryError:
            self._say(
                message,
                Failed(
                    "There is not enough memory for this cube; lower the memory limit or the "
                    "tile size and run again."
                ),
            )
        except Exception as error:
            traceback.print_exc()
            last_line = "".join(traceback.format_exception_only(error)).strip()
            self._say(message, Failed(last_line, user_error=False))

    def _say(self, message: Message, event: Event | Cancelled) -> None:
        self._protocol.write(write_event(message.id, event) + "\n")
        self._protocol.flush()


def main(parent: int, folder: str) -> None:
    """Run the child until its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    # Whatever a library prints must not end up between the lines of the protocol.
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    child = Child(protocol)

    def end() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    def read() -> None:
        try:
            child.read(sys.stdin)
        finally:
            end()

    def watch() -> None:
        # A process that the parent forked may hold our input open beyond its end.
        while os.getppid() == parent:
            time.sleep(_PARENT_POLL_S)
        end()

    threading.Thread(target=read, name="requests", daemon=True).start()
    if os.name == "posix":
        threading.Thread(target=watch, name="parent", daemon=True).start()
    try:
        child.work()
    except BrokenPipeError:
        end()


def _give_memory_back() -> None:
    """Return what the client has the C library keep during a request."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _import_torch() -> None:
    torch = importlib.import_module("torch")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(cores or 1)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
