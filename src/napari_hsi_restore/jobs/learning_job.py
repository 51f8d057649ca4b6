"""The folder of a learning job: what is to be learned from which cubes, on disk.

A job is a folder of `napari_hsi_restore.training.library.runs_folder`, named like the
model that is to come. The job exists from the moment ``job.json`` does, which is written
last; what the training itself keeps there (checkpoints) is its own business.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import psutil
import pydantic

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.jobs import seen, transfer
from napari_hsi_restore.training.finetune.alike import check_alike, check_same_bands

Kind = Literal["finetune", "search"]

JOB = "job.json"
RECIPE = "recipe.json"
INPUTS = "inputs"
EVENTS = "events.jsonl"
DONE = "done.json"
CHILD = "child.json"
_OWNER = "owner.json"

_here: set[Path] = set()
"""Folders in which this process learns itself."""

BEFORE_IT_IS_A_JOB = {INPUTS, RECIPE, _OWNER}
"""What a folder may hold whose job was never written whole."""


class LearningJob(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What ``job.json`` says; the settings are in ``recipe.json``.

    Attributes
    ----------
    version : int
        Of this format.
    kind : {'finetune', 'search'}
    name : str
        Of the model that is to come.
    cubes : tuple of str
        Names of the cubes to learn from, for a person.
    references : int
        Number of clean cubes, one for each cube or none at all.
    noise_from : bool
        Whether there is a further cube whose noise is to be taken.
    minutes : float
        How long it is to learn.
    replaces : bool
        Whether its model is to replace one of this name when it is ready, which only the
        program that began it does.
    """

    version: Literal[1] = 1
    kind: Kind
    name: str
    cubes: tuple[str, ...]
    references: int = 0
    noise_from: bool = False
    minutes: float
    replaces: bool = False


class Material:
    """The cubes of a job.

    Parameters
    ----------
    cubes : sequence of HyperCube
    references : sequence of HyperCube, optional
    noise_from : HyperCube, optional
    """

    def __init__(
        self,
        cubes: Sequence[HyperCube],
        references: Sequence[HyperCube] | None = None,
        noise_from: HyperCube | None = None,
    ) -> None:
        self.cubes = tuple(cubes)
        self.references = None if references is None else tuple(references)
        self.noise_from = noise_from

    def check(self) -> None:
        """Refuse cubes that do not go together, before any of them is copied or read.

        Raises
        ------
        UserError
        """
        check_alike(self.cubes, self.references)
        if self.noise_from is not None:
            check_same_bands(self.cubes[0], self.noise_from)

    def is_like(self, other: Material) -> bool:
        """Whether these are the same cubes, as far as their shapes and some spectra tell."""
        ours, theirs = self._named(), other._named()
        return len(ours) == len(theirs) and all(
            name == their_name and _look_alike(cube, their_cube)
            for (name, cube), (their_name, their_cube) in zip(ours, theirs, strict=True)
        )

    def write(self, folder: Path, cancelled: Callable[[], bool]) -> None:
        """Put the cubes into the folder of a job, in blocks.

        Values that lie in a mapped file stay there: only their place is written.

        Raises
        ------
        TransferCancelledError
            When `cancelled` says so.
        UserError
            If the disk is too full.
        """
        inputs = folder / INPUTS
        for name, cube in self._named():
            transfer.write_cube(cube, inputs, name, cancelled)
            if (path := _file_of(folder, name)) is not None:
                seen.note(path, inputs / f"{name}.seen")

    def describe(self, job: LearningJob) -> LearningJob:
        """A job with what its description says of the cubes."""
        return job.model_copy(
            update={
                "references": len(self.references or ()),
                "noise_from": self.noise_from is not None,
                "cubes": tuple(cube.name for cube in self.cubes),
            }
        )

    def _named(self) -> list[tuple[str, HyperCube]]:
        named = [(f"cube-{place}", cube) for place, cube in enumerate(self.cubes)]
        named += [(f"reference-{place}", cube) for place, cube in enumerate(self.references or ())]
        return named + ([("noise", self.noise_from)] if self.noise_from is not None else [])

    @classmethod
    def read(cls, folder: Path, job: LearningJob) -> Material:
        """Take the cubes of a job, memory-mapped.

        Raises
        ------
        UserError
            If a file that they lie in is gone or was changed.
        """
        references = [_read(folder, f"reference-{place}") for place in range(job.references)]
        return cls(
            [_read(folder, f"cube-{place}") for place in range(len(job.cubes))],
            references or None,
            _read(folder, "noise") if job.noise_from else None,
        )


def _look_alike(one: HyperCube, other: HyperCube) -> bool:
    """Whether two cubes have the same values in their corners and in their middle."""
    if one.shape != other.shape:
        return False
    bottom, right = (side - 1 for side in one.shape[1:])
    places = [(row, column) for row in (0, bottom) for column in (0, right)]
    return all(
        np.array_equal(
            np.asarray(one.data[:, row, column]),
            np.asarray(other.data[:, row, column]),
            equal_nan=True,
        )
        for row, column in [*places, (bottom // 2, right // 2)]
    )


def _file_of(folder: Path, name: str) -> Path | None:
    """The file of the user that the values of a cube lie in; None if they lie in the job."""
    described = folder / INPUTS / f"{name}.json"
    try:
        place = json.loads(described.read_text(encoding="utf-8"))["array"]
    except (OSError, ValueError, KeyError):
        return None
    return Path(place["path"]) if "path" in place else None


def _read(folder: Path, name: str) -> HyperCube:
    path, note = _file_of(folder, name), folder / INPUTS / f"{name}.seen"
    try:
        if path is not None and note.is_file() and not seen.is_unchanged(path, note):
            raise ValueError("its values were changed")
        return transfer.read_cube(folder / INPUTS, name)
    except (OSError, ValueError, TypeError, KeyError) as error:
        where = path or folder / INPUTS / f"{name}.json"
        raise UserError(
            f"{where}: the cube that this run learns from is not there any more, or was changed; "
            "put the file back and resume, or forget the run and start anew."
        ) from error


def write_job(folder: Path, job: LearningJob) -> None:
    """Make the folder a job; everything else is there already."""
    write_text(folder / JOB, job.model_dump_json(indent=2))


def read_job(folder: Path) -> LearningJob | None:
    """What a folder is to learn, or None if it is no job, or one of a newer version."""
    try:
        return LearningJob.model_validate_json((folder / JOB).read_bytes())
    except (OSError, ValueError):
        return None


def remove_job(folder: Path) -> None:
    """Remove what makes a folder a job, and the folder if nothing else lies in it."""
    disown(folder)
    for name in (JOB, RECIPE, EVENTS, CHILD):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / INPUTS, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def write_text(path: Path, text: str) -> None:
    """Write a small file beside its place and move it there when it is whole.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); check the folder, its permissions and "
            "the free space."
        ) from error


def own(folder: Path, *, here: bool = False) -> None:
    """Note that this process looks after the job.

    Parameters
    ----------
    folder : Path
    here : bool
        Whether it learns itself, and not a child of it: nobody else may do so meanwhile.
    """
    if here:
        _here.add(folder)
    write_process(folder / _OWNER)


def disown(folder: Path) -> None:
    """Note that no process looks after the job any more."""
    _here.discard(folder)
    (folder / _OWNER).unlink(missing_ok=True)


def owned_by_another(folder: Path) -> bool:
    """Whether another living process looks after the job, or another part of this one."""
    pid = living_process(folder / _OWNER)
    return folder in _here or (pid is not None and pid != os.getpid())


def write_process(path: Path) -> None:
    """Note this process in a file."""
    started = psutil.Process().create_time()
    write_text(path, json.dumps({"pid": os.getpid(), "started": started}))


def living_process(path: Path) -> int | None:
    """The process that was noted in a file, or None if it is gone.

    A new process that was given the number of one that is gone counts as another.
    """
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
        process = psutil.Process(int(noted["pid"]))
        alike = abs(process.create_time() - float(noted["started"])) < 1.0
        return process.pid if alike and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def write_done(folder: Path, model: str) -> None:
    """Note that a job is done, and remove what only its training needed."""
    write_text(folder / DONE, json.dumps({"model": model}))
    shutil.rmtree(folder / INPUTS, ignore_errors=True)
