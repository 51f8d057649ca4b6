"""The child that learns: ``python -m napari_hsi_restore.jobs.learning_child RUNFOLDER``.

It does what the folder says (`learning_job`), prints an event a line
(`learning_course.to_line`) and appends the same to the folder's ``events.jsonl``. When its
standard input ends, or its parent is gone, whatever that died of, it stops within a second,
with a checkpoint. The best weights so far lie in the folder at any moment: whoever stops
the child makes a model of them (`training.library.keep`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Failed, Note
from napari_hsi_restore.jobs import learning_job
from napari_hsi_restore.jobs.learning_course import Log, to_line
from napari_hsi_restore.jobs.learning_job import LearningJob, Material

if TYPE_CHECKING:
    from napari_hsi_restore.search import SearchRecipe
    from napari_hsi_restore.training.finetune import FineTuneRecipe

_NICENESS = 10
_PARENT_POLL_S = 0.5
_LAST_WORDS_S = 20.0
"""A checkpoint takes far less; what hangs longer after the parent's end is ended."""
_PREDECESSOR_S = 30.0

Learn = Callable[[LearningJob, str, Material, Path, bool], Generator[Event, None, None]]
"""What yields the events: job, recipe as JSON, cubes, folder, whether to resume."""

Recipe = TypeVar("Recipe", "FineTuneRecipe", "SearchRecipe")


class Parent:
    """Knows whether the one for whom the child learns is still there.

    Attributes
    ----------
    gone : bool
        Whether the child is to stop.
    """

    def __init__(self) -> None:
        self.gone = False

    def leave(self) -> None:
        """Let the child stop; it is ended after some seconds if it does not."""
        if not self.gone:
            self.gone = True
            timer = threading.Timer(_LAST_WORDS_S, os._exit, (1,))
            timer.daemon = True
            timer.start()

    def listen(self, lines: TextIO) -> None:
        """Wait for the end of the lines, which mean nothing."""
        try:
            for _ in lines:
                pass
        finally:
            self.leave()

    def watch(self, parent: int) -> None:
        """Wait for the end of a process: another one may hold our input open."""
        while os.getppid() == parent:
            time.sleep(_PARENT_POLL_S)
        self.leave()


class Child:
    """Learns on the main thread and tells its parent about it.

    Parameters
    ----------
    folder : Path
        Of the job.
    protocol : text file
        Where events are printed; nothing else may reach it.
    parent : Parent
    learn : callable
        What is run.
    """

    def __init__(self, folder: Path, protocol: TextIO, parent: Parent, learn: Learn) -> None:
        self._folder = folder
        self._protocol = protocol
        self._parent = parent
        self._learn = learn
        self._log = Log(folder / learning_job.EVENTS)

    def work(self) -> None:
        """Learn until the end, or until it is wished otherwise."""
        try:
            self._work()
        except UserError as error:
            self._say(Failed(str(error)))
        except MemoryError:
            self._say(
                Failed(
                    "There is not enough memory to learn from these cubes; close other programs "
                    "or take smaller cubes, and resume."
                )
            )
        except Exception as error:
            traceback.print_exc()
            last_line = "".join(traceback.format_exception_only(error)).strip()
            self._say(Failed(last_line, user_error=False))

    def _work(self) -> None:
        job = learning_job.read_job(self._folder)
        if job is None:
            raise UserError(f"{self._folder}: there is no run that can be continued; forget it.")
        begun_before = (self._folder / learning_job.EVENTS).exists()
        recipe = (self._folder / learning_job.RECIPE).read_text(encoding="utf-8")
        material = Material.read(self._folder, job)
        events = self._learn(job, recipe, material, self._folder, begun_before)
        with contextlib.closing(events):
            for event in events:
                if self._parent.gone:
                    return
                if isinstance(event, Done):
                    model = Path(str(event.result)).stem
                    learning_job.write_done(self._folder, model)
                    self._say(Done(model))
                    return
                self._say(event)

    def _say(self, event: Event) -> None:
        # A full disk is said by whatever must write there; the log is no such thing.
        with contextlib.suppress(OSError):
            self._log.add(event, time.monotonic())
        try:
            self._protocol.write(to_line(event) + "\n")
            self._protocol.flush()
        except BrokenPipeError:
            self._parent.leave()


def learn(
    job: LearningJob, recipe: str, material: Material, folder: Path, resume: bool
) -> Generator[Event, None, None]:
    """Fine-tune or search, as the job says.

    Parameters
    ----------
    job : LearningJob
    recipe : str
        JSON of a `FineTuneRecipe` or a `SearchRecipe`.
    material : Material
    folder : Path
        For checkpoints.
    resume : bool
        Whether to go on from a checkpoint, if there is one.
    """
    _limit_threads()
    if job.kind == "finetune":
        from napari_hsi_restore.training.finetune import FineTuneRecipe, finetune

        tuning = FineTuneRecipe.model_validate_json(recipe)
        if resume:
            tuning = yield from _on_what_is_there(tuning)
        yield from finetune(
            tuning,
            material.cubes,
            material.references,
            folder,
            noise_from=material.noise_from,
            resume=resume,
        )
    else:
        from napari_hsi_restore.search import SearchRecipe, search

        searching = SearchRecipe.model_validate_json(recipe)
        if resume:
            searching = yield from _on_what_is_there(searching)
        yield from search(searching, material.cubes, folder, resume=resume)


def _on_what_is_there(recipe: Recipe) -> Generator[Event, None, Recipe]:
    """The recipe with devices that this machine still has: a dock cannot ask for others."""
    from napari_hsi_restore.training.ranks.devices import at_hand

    device, devices, said = at_hand(recipe.device, recipe.devices)
    if said:
        yield Note(said)
    return recipe.model_copy(update={"device": device, "devices": devices})


def main(folder: Path, learn: Learn = learn) -> None:
    """Run the child until its job or its parent ends."""
    parent, parent_id = Parent(), os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: parent.leave())
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    # Whatever a library prints must not end up between the lines of the protocol.
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    threading.Thread(target=parent.listen, args=(sys.stdin,), name="input", daemon=True).start()
    if os.name == "posix":
        threading.Thread(target=parent.watch, args=(parent_id,), name="parent", daemon=True).start()
    _wait_for_predecessor(folder)
    with contextlib.suppress(UserError):
        learning_job.write_process(folder / learning_job.CHILD)
    Child(folder, protocol, parent, learn).work()
    # Threads of libraries, or a reader that waits for its input, hold nobody up.
    os._exit(0)


def _wait_for_predecessor(folder: Path) -> None:
    """Let the child of a napari that was killed write its last checkpoint first."""
    end = time.monotonic() + _PREDECESSOR_S
    while time.monotonic() < end:
        if learning_job.living_process(folder / learning_job.CHILD) is None:
            return
        time.sleep(0.1)


def _limit_threads() -> None:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(cores or 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
