"""The folders of all learning jobs: which are not done, a new one, and away with one.

What lies in a folder is `learning_job`'s business.
"""

from __future__ import annotations

import dataclasses
import shutil
import threading
import uuid
from collections.abc import Set
from pathlib import Path

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.jobs import learning_job
from napari_hsi_restore.jobs.learning_course import Ending, read_ending
from napari_hsi_restore.jobs.learning_job import LearningJob
from napari_hsi_restore.training.library import runs_folder

_DISCARDED = ".discarded-"


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """A job on disk that this process does not work at.

    Attributes
    ----------
    job : LearningJob
    folder : Path
    ending : Ending
        How far it came, and why it is not done.
    elsewhere : bool
        Whether another process works at it: the command line, or another napari.
    """

    job: LearningJob
    folder: Path
    ending: Ending
    elsewhere: bool = False


def unfinished(busy: Set[Path], stopped: Set[Path]) -> tuple[Unfinished, ...]:
    """The jobs on disk that are not done, by name.

    Parameters
    ----------
    busy : set of Path
        Folders that this process works at; they are left out.
    stopped : set of Path
        Folders whose job the user has just stopped here.
    """
    found = []
    for path in sorted(runs_folder().glob(f"*/{learning_job.JOB}")):
        folder = path.parent
        job = learning_job.read_job(folder)
        if job is None or folder in busy or folder.name.startswith(_DISCARDED):
            continue
        if (folder / learning_job.DONE).exists():
            continue
        elsewhere = learning_job.owned_by_another(folder)
        ending = read_ending(folder / learning_job.EVENTS)
        if folder in stopped:
            # The file says so only when the child has written its last checkpoint.
            ending = dataclasses.replace(ending, reason="stopped")
        found.append(Unfinished(job, folder, ending, elsewhere))
    return tuple(found)


def make(name: str, busy: Set[Path]) -> Path:
    """Make the folder of a new job, which this process looks after.

    Parameters
    ----------
    name : str
        Of the model that is to come, checked already.
    busy : set of Path
        Folders that this process works at.

    Raises
    ------
    UserError
        If a run of this name is going on or can be resumed, or the folder cannot be made.
    """
    folder = runs_folder() / name
    if folder in busy or learning_job.owned_by_another(folder):
        raise UserError(f"setting 'name': a run called '{name}' is going on; choose another name.")
    if folder.exists():
        left = {path.name for path in folder.iterdir()}
        if learning_job.JOB in left and learning_job.DONE not in left:
            raise UserError(
                f"setting 'name': a run called '{name}' was not finished; resume or forget it, or "
                "choose another name."
            )
        if not (learning_job.DONE in left or left <= learning_job.BEFORE_IT_IS_A_JOB):
            raise UserError(f"{folder}: holds another run; choose another name.")
        discard(folder)
    try:
        (folder / learning_job.INPUTS).mkdir(parents=True)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be made ({error.strerror}); check the folder, its permissions and "
            "the free space."
        ) from error
    learning_job.own(folder)
    return folder


def tidy() -> None:
    """Remove what is of no use to anybody: jobs that are done, and discarded ones."""
    for folder in runs_folder().glob("*/"):
        done = (folder / learning_job.DONE).exists()
        if folder.name.startswith(_DISCARDED) or (
            done and not learning_job.owned_by_another(folder)
        ):
            shutil.rmtree(folder, ignore_errors=True)


def discard(folder: Path) -> None:
    """Take a folder away at once and delete it in the background."""
    if not folder.exists():
        return
    away = folder.with_name(f"{_DISCARDED}{uuid.uuid4().hex}")
    try:
        folder.rename(away)
    except OSError:
        # Windows: a child still has a file open there.
        away = folder
    threading.Thread(
        target=shutil.rmtree, args=(away,), kwargs={"ignore_errors": True}, daemon=True
    ).start()
