"""The caller's side of the child process. No Qt: any thread may use it."""

from __future__ import annotations

import atexit
import collections
import contextlib
import dataclasses
import functools
import itertools
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Failed
from napari_hsi_restore.jobs import spawn
from napari_hsi_restore.jobs.protocol import Cancelled, Message, read_event
from napari_hsi_restore.jobs.requests import Request
from napari_hsi_restore.jobs.transfer import TransferCancelledError

_COOPERATION_S = 0.3
_FAREWELL_S = 1.0


class Job:
    """One request on its way: made by `JobClient.submit`.

    Its events end with `Done` or `Failed`; those of a cancelled job just end.
    """

    def __init__(self, request: Request, job_id: str) -> None:
        self.request = request
        self.id = job_id
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._cancelled = threading.Event()
        self._ended = threading.Event()
        self._drained = False

    @property
    def cancelled(self) -> bool:
        """Whether the job was cancelled before it ended by itself."""
        return self._cancelled.is_set()

    @property
    def ended(self) -> bool:
        """Whether no event will be added any more."""
        return self._ended.is_set()

    @property
    def drained(self) -> bool:
        """Whether the caller has taken every event that there will ever be."""
        return self._drained

    def events(self) -> Iterator[Event]:
        """Wait for the events of the job, one after another."""
        while not self._drained:
            event = self._events.get()
            if event is None:
                self._drained = True
            else:
                yield event

    def poll(self) -> list[Event]:
        """Take the events since the last call, without waiting."""
        taken: list[Event] = []
        while not self._drained:
            try:
                event = self._events.get_nowait()
            except queue.Empty:
                break
            if event is None:
                self._drained = True
            else:
                taken.append(event)
        return taken

    def _add(self, event: Event) -> None:
        if not self._ended.is_set():
            self._events.put(event)
        if isinstance(event, Done | Failed):
            self._end()

    def _end(self) -> None:
        if not self._ended.is_set():
            self._ended.set()
            self._events.put(None)


@dataclasses.dataclass(frozen=True)
class _Child:
    """A child that no job will be given any more, and the folder that it shares."""

    process: subprocess.Popen[str] | None
    folder: Path | None

    def end(self) -> None:
        """End the process, within a second or two, and remove the folder."""
        if self.process is not None:
            if self.process.stdin is not None:
                with contextlib.suppress(OSError):
                    self.process.stdin.close()
            try:
                self.process.wait(_FAREWELL_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


class JobClient:
    """Runs requests one after another in a child process that stays.

    The child is started by the first request and again after it was lost. All
    methods return at once, except `close`, which may take a second.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.RLock())
        self._waiting: collections.deque[Job] = collections.deque()
        self._current: Job | None = None
        self._ids = itertools.count(1)
        self._worker: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None
        self._folder: Path | None = None
        self._retiring = False

    @property
    def pid(self) -> int | None:
        """Process id of the child, or None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def folder(self) -> Path | None:
        """The private folder of temporary files, or None while there is none."""
        return self._folder

    @property
    def idle(self) -> bool:
        """Whether no job waits or runs."""
        with self._changed:
            return not self._waiting and (self._current is None or self._current.ended)

    def submit(self, request: Request) -> Job:
        """Add a request to the queue."""
        with self._changed:
            job = Job(request, str(next(self._ids)))
            self._waiting.append(job)
            self._retiring = False
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="jobs", daemon=True)
                self._worker.start()
            self._changed.notify_all()
        return job

    def jobs_before(self, job: Job) -> int:
        """How many jobs must end before this one begins; 0 once it has begun."""
        with self._changed:
            if job not in self._waiting:
                return 0
            return self._waiting.index(job) + (self._current is not None)

    def cancel(self, job: Job) -> None:
        """End a job without a result, within half a second.

        The child is asked to close its generator; if it has not done so after
        0.3 s it is killed, and started again when it is next needed.
        """
        with self._changed:
            if job.ended:
                return
            job._cancelled.set()
            if job in self._waiting:
                self._waiting.remove(job)
                job._end()
                return
            self._send(Message(id=job.id, kind="cancel"))
        timer = threading.Timer(_COOPERATION_S, self._give_up, (job,))
        timer.daemon = True
        timer.start()

    def close(self) -> None:
        """Cancel every job, end the child and remove the temporary files.

        The client can be used again afterwards.
        """
        with self._changed:
            worker = self._worker
            child = self._detach()
        child.end()
        if worker is not None:
            worker.join(_FAREWELL_S)

    def _detach(self) -> _Child:
        """Forget jobs, worker and child; the caller ends the child without the lock."""
        with self._changed:
            child = _Child(self._process, self._folder)
            self._worker = self._process = self._folder = None
            jobs = [*self._waiting, *([self._current] if self._current else [])]
            self._waiting.clear()
            for job in jobs:
                job._cancelled.set()
                job._end()
            self._changed.notify_all()
        return child

    def retire(self) -> None:
        """End the child and remove its files as soon as no job waits or runs.

        Returns at once. A job that is submitted before that keeps the child.
        """
        with self._changed:
            self._retiring = True
            self._changed.notify_all()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            folder: Path | None = None
            try:
                folder = self._new_folder(job)
                self._run(job, folder)
            except TransferCancelledError:
                pass
            except UserError as error:
                self._deliver(job, Failed(str(error)))
            except Exception as error:
                self._deliver(job, Failed(f"{type(error).__name__}: {error}", user_error=False))
            finally:
                if folder is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                with self._changed:
                    if self._current is job:
                        self._current = None
                job._end()

    def _next(self) -> Job | None:
        with self._changed:
            while threading.current_thread() is self._worker:
                if self._waiting:
                    self._current = self._waiting.popleft()
                    return self._current
                if self._retiring:
                    child = self._detach()
                    break
                self._changed.wait()
            else:
                return None
        child.end()
        return None

    def _new_folder(self, job: Job) -> Path:
        with self._changed:
            try:
                if self._folder is None:
                    self._folder = Path(tempfile.mkdtemp(prefix="napari-hsi-restore-"))
                folder = self._folder / job.id
                folder.mkdir(parents=True)
            except OSError as error:
                raise UserError(
                    f"The folder for temporary files cannot be written ({error.strerror}): set "
                    "TMPDIR to one that can be, and start napari again."
                ) from error
        return folder

    def _run(self, job: Job, folder: Path) -> None:
        job.request.write_input(folder, lambda: job.cancelled)
        with self._changed:
            if job.cancelled:
                return
            process = self._child(folder.parent)
            self._send(job.request.message(job.id, folder))
        assert process.stdout is not None
        for line in process.stdout:
            try:
                job_id, event = read_event(line)
            except ValueError:
                # Printed by what starts every Python here, before the child took care.
                sys.stderr.write(line)
                continue
            if job_id != job.id:
                continue
            if isinstance(event, Cancelled):
                return
            if isinstance(event, Done):
                event = Done(job.request.read_result(folder, event.result))
            self._deliver(job, event)
            if isinstance(event, Done | Failed):
                return
        status = process.wait()
        process.stdout.close()
        self._deliver(job, Failed(_how_it_ended(status)))

    def _deliver(self, job: Job, event: Event) -> None:
        # Under the lock: a job is either cancelled or has a last event, never both.
        with self._changed:
            if not job.cancelled:
                job._add(event)

    def _child(self, folder: Path) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._process = spawn.start(
                "napari_hsi_restore.jobs.child", str(os.getpid()), str(folder)
            )
        return self._process

    def _send(self, message: Message) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(message.model_dump_json() + "\n")
            process.stdin.flush()
        except (BrokenPipeError, ValueError):
            # The reader of the events sees the end of the child and reports it.
            return

    def _give_up(self, job: Job) -> None:
        with self._changed:
            if not job.ended and self._current is job and self._process is not None:
                self._process.kill()
            job._end()


@functools.cache
def shared_client() -> JobClient:
    """Return the one client of this process; it is closed when the process ends."""
    client = JobClient()
    atexit.register(client.close)
    return client


def _how_it_ended(status: int) -> str:
    if status < 0:
        how = f"killed by signal {-status}"
        if -status in (signal.SIGTERM, signal.SIGINT):
            return f"The background process ended ({how}); run again."
    else:
        how = f"exit status {status}"
    return (
        f"The background process ended ({how}); out of memory? Lower the memory limit or the "
        "tile size and run again."
    )
