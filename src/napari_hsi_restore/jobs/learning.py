"""Fine-tunings and searches in the background, one after another. No Qt: any thread may use it.

A job lives in a folder (`learning_job`) and is done by a child process (`learning_child`).
It needs no dock and no window, only this process; when that ends, of whatever, the child
writes a checkpoint and ends too, and the job can be resumed later, by any process.
"""

from __future__ import annotations

import atexit
import collections
import contextlib
import functools
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Failed
from napari_hsi_restore.jobs import learning_folders, learning_job, spawn
from napari_hsi_restore.jobs.learning_course import (
    Course,
    Line,
    Log,
    Recorder,
    Stopped,
    from_line,
    read_log,
)
from napari_hsi_restore.jobs.learning_folders import Unfinished
from napari_hsi_restore.jobs.learning_job import Kind, LearningJob, Material
from napari_hsi_restore.jobs.transfer import TransferCancelledError
from napari_hsi_restore.training.library import check_name, keep
from napari_hsi_restore.zoo.records import ModelRecord, record

State = Literal[
    "preparing",
    "waiting",
    "learning",
    "stopping",
    "done",
    "stopped",
    "failed",
    "interrupted",
    "withdrawn",
]
"""Of a job. ``interrupted``: its child is gone. ``withdrawn``: stopped before it began."""

_ACTIVE = ("preparing", "waiting", "learning", "stopping")
_FAREWELL_S = 2.0
_PATIENCE_S = 25.0
"""So long a child may write its last checkpoint; it ends itself before that."""


class Recipe(Protocol):
    """What this needs to know of a `FineTuneRecipe` or `SearchRecipe`."""

    @property
    def name(self) -> str:
        """Of the model that is to come."""

    @property
    def minutes(self) -> float:
        """How long to learn."""

    def model_dump_json(self, *, indent: int) -> str:
        """The whole recipe as JSON."""


class Learning:
    """One job of this process: made by `LearningClient.submit` and `resume`."""

    def __init__(self, job: LearningJob, folder: Path, resumed: bool) -> None:
        self.job = job
        self.folder = folder
        self.resumed = resumed
        self.state: State = "waiting" if resumed else "preparing"
        self.message = ""
        """Why it failed, as a sentence."""
        self.record: ModelRecord | None = None
        """The model that came of it."""
        self.changes = 0
        """Grows whenever there is something new to show."""
        self._recorder = Recorder()
        self._lock = threading.Lock()

    def _set(self, state: State, message: str = "") -> None:
        self.state = state
        self.message = message
        self.changes += 1

    def _record(self, event: Line) -> None:
        with self._lock:
            self._recorder.take(event)
        self.changes += 1

    def _recall(self, course: Course) -> None:
        with self._lock:
            self._recorder = Recorder(course)

    @property
    def cancelled(self) -> bool:
        """Whether the user has stopped it while it learned."""
        return self.state in ("stopping", "stopped")

    @property
    def active(self) -> bool:
        """Whether it waits or learns."""
        return self.state in _ACTIVE

    @property
    def course(self) -> Course:
        """How it went so far."""
        with self._lock:
            return self._recorder.course()


class LearningClient:
    """Runs jobs one after another, each in a child process of its own.

    Parameters
    ----------
    child : str
        Module that is run as the child.
    """

    def __init__(self, child: str = "napari_hsi_restore.jobs.learning_child") -> None:
        self._child = child
        self._changed = threading.Condition(threading.RLock())
        self._waiting: collections.deque[Learning] = collections.deque()
        self._current: Learning | None = None
        self._all: list[Learning] = []
        self._worker: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None

    @property
    def jobs(self) -> tuple[Learning, ...]:
        """The jobs of this process, oldest first, ended ones too."""
        with self._changed:
            return tuple(self._all)

    @property
    def pid(self) -> int | None:
        """Process id of the child, or None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def jobs_before(self, learning: Learning) -> int:
        """How many jobs must end before this one begins; 0 once it has begun."""
        with self._changed:
            if learning not in self._waiting:
                return 0
            return self._waiting.index(learning) + (self._current is not None)

    def submit(
        self,
        kind: Kind,
        recipe: Recipe,
        cubes: tuple[str, ...],
        collect: Callable[[], Material],
    ) -> Learning:
        """Add a job to the queue; returns at once.

        Parameters
        ----------
        kind : {'finetune', 'search'}
        recipe : FineTuneRecipe or SearchRecipe
            Its `name` becomes that of the model.
        cubes : tuple of str
            Names of the cubes, for a person.
        collect : callable
            Gives the cubes; called in a thread of its own. What it gives is copied into
            the folder of the job at once, unless it lies in a mapped file.

        Raises
        ------
        UserError
            If the name cannot be had.
        """
        name = check_name(recipe.name)
        folder = learning_folders.make(
            name, {learning.folder for learning in self.jobs if learning.active}
        )
        job = LearningJob(kind=kind, name=name, cubes=cubes, minutes=recipe.minutes)
        learning = Learning(job, folder, resumed=False)
        self._enqueue(learning)
        arguments = (learning, recipe.model_dump_json(indent=2), collect)
        threading.Thread(target=self._prepare, args=arguments, name="prepare", daemon=True).start()
        return learning

    def resume(self, unfinished: Unfinished) -> Learning:
        """Add a job that was not finished to the queue again.

        Raises
        ------
        UserError
            If another process has taken it up meanwhile.
        """
        folder = unfinished.folder
        if learning_job.owned_by_another(folder):
            raise UserError(f"“{unfinished.job.name}” has been resumed in another program already.")
        learning_job.own(folder)
        with self._changed:
            self._all = [known for known in self._all if known.folder != folder]
        learning = Learning(unfinished.job, folder, resumed=True)
        self._enqueue(learning)
        return learning

    def unfinished(self) -> tuple[Unfinished, ...]:
        """The jobs on disk that nobody works at and that can be resumed, by name."""
        return tuple(job for job in self.others() if not job.elsewhere)

    def others(self) -> tuple[Unfinished, ...]:
        """The jobs on disk that are not done and that this process does not work at, by name."""
        newest = {learning.folder: learning for learning in self.jobs}
        return learning_folders.unfinished(
            busy={folder for folder, learning in newest.items() if learning.active},
            stopped={folder for folder, learning in newest.items() if learning.cancelled},
        )

    def forget(self, unfinished: Unfinished) -> None:
        """Delete a job with its checkpoints; a model that was made of it stays."""
        with self._changed:
            self._all = [known for known in self._all if known.folder != unfinished.folder]
        learning_folders.discard(unfinished.folder)

    def cancel(self, learning: Learning) -> None:
        """Stop a job, keeping the best that it has learned so far as a model.

        Returns at once. The state is ``"stopped"`` as soon as the model is installed;
        the child may then still write its last checkpoint.
        """
        with self._changed:
            if learning in self._waiting:
                self._waiting.remove(learning)
                prepared = learning.state == "waiting"
                learning._set("interrupted" if learning.resumed else "withdrawn")
                if prepared and not learning.resumed:
                    learning_folders.discard(learning.folder)
                self._changed.notify_all()
            elif learning.state == "learning":
                learning._set("stopping")
                self._dismiss()
                threading.Thread(
                    target=self._keep, args=(learning,), name="keep", daemon=True
                ).start()

    def leave(self) -> None:
        """Stop all jobs so that they can be resumed; returns at once.

        The client can be used again afterwards.
        """
        with self._changed:
            for learning in self._waiting:
                learning._set("interrupted")
            self._waiting.clear()
            if self._current is not None and self._current.state == "learning":
                self._current._set("interrupted")
            self._dismiss()

    def close(self) -> None:
        """Stop all jobs so that they can be resumed; wait a moment for the last checkpoint."""
        self.leave()
        process = self._process
        if process is not None:
            # A child that needs longer goes on alone, and ends itself.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_FAREWELL_S)

    def _enqueue(self, learning: Learning) -> None:
        with self._changed:
            self._all.append(learning)
            self._waiting.append(learning)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="learning", daemon=True)
                self._worker.start()
            self._changed.notify_all()

    def _prepare(self, learning: Learning, recipe: str, collect: Callable[[], Material]) -> None:
        """Write everything that the child needs; ``job.json`` comes last."""
        folder = learning.folder
        try:
            material = collect()
            material.check()
            material.write(folder, lambda: learning.state != "preparing")
            learning_job.write_text(folder / learning_job.RECIPE, recipe)
            job = material.describe(learning.job)
            with self._changed:
                if learning.state == "preparing":
                    learning_job.write_job(folder, job)
                    learning.job = job
                    learning._set("waiting")
                    self._changed.notify_all()
                    return
        except TransferCancelledError:
            pass
        except UserError as error:
            self._refuse(learning, str(error))
        except Exception as error:
            self._refuse(learning, _defect(f"{type(error).__name__}: {error}"))
        learning_folders.discard(folder)

    def _refuse(self, learning: Learning, sentence: str) -> None:
        with self._changed:
            if learning in self._waiting:
                self._waiting.remove(learning)
                learning._set("failed", sentence)
                self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._current = None
                while not (self._waiting and self._waiting[0].state == "waiting"):
                    self._changed.wait()
                self._current = learning = self._waiting.popleft()
                learning._set("learning")
            try:
                if learning.resumed:
                    learning._recall(read_log(learning.folder / learning_job.EVENTS))
                self._run(learning)
            except Exception as error:
                learning._set("failed", _defect(f"{type(error).__name__}: {error}"))

    def _run(self, learning: Learning) -> None:
        with self._changed:
            if learning.state != "learning":
                return
            process = self._process = spawn.start(self._child, str(learning.folder))
        assert process.stdout is not None
        for line in process.stdout:
            try:
                event = from_line(line)
            except ValueError:
                # Printed by what starts every Python here, before the child took care.
                sys.stderr.write(line)
                continue
            self._take(learning, event)
        try:
            status = process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            status = process.wait()
        process.stdout.close()
        with self._changed:
            self._process = None
            if learning.state == "learning":
                learning._set("interrupted", _how_it_ended(status))
            if learning.cancelled:
                with contextlib.suppress(OSError):
                    Log(learning.folder / learning_job.EVENTS).add(Stopped(), 0.0)

    def _take(self, learning: Learning, event: Line) -> None:
        learning._record(event)
        with self._changed:
            if isinstance(event, Done):
                learning.record = _record_of(str(event.result))
                learning._set("done")
            elif isinstance(event, Failed) and learning.state == "learning":
                sentence = event.message if event.user_error else _defect(event.message)
                learning._set("failed", sentence)
                if not any(learning.folder.glob("*.safetensors")):
                    learning_folders.discard(learning.folder)

    def _keep(self, learning: Learning) -> None:
        process = self._process
        try:
            try:
                record = keep(learning.folder)
            except UserError:
                # The child may have been installing the same model at this very moment.
                if process is not None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_PATIENCE_S)
                record = keep(learning.folder)
        except UserError as error:
            learning._set("failed", str(error))
            return
        with self._changed:
            if learning.state == "stopping":
                learning.record = record
                learning._set("stopped")

    def _dismiss(self) -> None:
        """Tell the child that it is wanted no longer, by the end of its input."""
        process = self._process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()


@functools.cache
def shared_learning() -> LearningClient:
    """Return the one client of this process; it is closed when the process ends."""
    client = LearningClient()
    atexit.register(client.close)
    threading.Thread(target=learning_folders.tidy, name="tidy", daemon=True).start()
    return client


def _record_of(name: str) -> ModelRecord | None:
    try:
        return record(name)
    except UserError:
        return None


def _defect(what: str) -> str:
    return f"This is a defect of the program ({what}); please report it."


def _how_it_ended(status: int) -> str:
    how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
    return (
        f"The background process ended ({how}); out of memory? What was learned until a minute "
        "before that is kept: press Resume."
    )
