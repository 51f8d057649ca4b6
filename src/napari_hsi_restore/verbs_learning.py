"""The verbs `finetune` and `search` for Python and the command line: a new model, waited for."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import pydantic

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Failed, Note, Progress
from napari_hsi_restore.io import read
from napari_hsi_restore.jobs import learning_job
from napari_hsi_restore.jobs.learning_course import Line, Log, Stopped
from napari_hsi_restore.jobs.learning_job import Kind, Material
from napari_hsi_restore.search import SearchRecipe
from napari_hsi_restore.search import search as searching
from napari_hsi_restore.search_space.sharing import read_genotype
from napari_hsi_restore.training.finetune import FineTuneRecipe, Method
from napari_hsi_restore.training.library import RUNS_VARIABLE, check_name, keep, runs_folder
from napari_hsi_restore.zoo import library, records
from napari_hsi_restore.zoo.records import ModelRecord

Given = HyperCube | str | Path
Count = int | Literal["auto"]
Recipe = TypeVar("Recipe", bound=pydantic.BaseModel)
NEW = ".new"
"""Ends the name of a model that is to replace one, until it is ready."""


def finetune(
    cubes: Given | Sequence[Given],
    *,
    start: str,
    name: str,
    references: Given | Sequence[Given] | None = None,
    clean: bool = False,
    noise_from: Given | None = None,
    minutes: float = 10.0,
    seed: int = 0,
    device: str = "auto",
    devices: Count = "auto",
    memory_limit_gib: float | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> ModelRecord:
    """Fine-tune a model on cubes of your own sensor, and wait for it.

    Which way it learns follows from what is given: with `references` from pairs of noisy
    and clean cubes; with `clean` or `noise_from` from clean cubes that get the noise of
    the sensor; else from the noisy cubes alone. A model that enlarges takes the cubes as
    clean and shrinks them.

    Parameters
    ----------
    cubes : HyperCube, path, or sequence of them
        All of one sensor, with the same bands.
    start : str
        Name of the model to begin with (`list_models`).
    name : str
        Of the new model.
    references : HyperCube, path, or sequence of them, optional
        The clean cube of each, in the same order.
    clean : bool
        Whether the cubes are clean.
    noise_from : HyperCube or path, optional
        A noisy cube of the sensor, whose noise the clean cubes get.
    minutes : float
        Time for learning.
    seed : int
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    devices : int or 'auto'
        How many learn together; ``"auto"`` is all GPUs, unless `device` names one.
    memory_limit_gib : float, optional
        Memory for the cubes in GiB, of which the middles are taken if they have more.
    resume : bool
        Go on with an interrupted run of this name, if there is one.
    overwrite : bool
        Replace your own model of this name, once the new one is ready.

    Returns
    -------
    ModelRecord
        Of the new model: `recommended` says whether it is better than the start model on
        pixels that it never learned from, `remark` by how much.

    Raises
    ------
    UserError
        If the name is taken, the cubes do not go together or are too small, or a setting
        is out of its range.
    """
    recipe = finetune_recipe(
        start=start,
        name=name,
        references=references is not None,
        clean=clean or noise_from is not None,
        minutes=minutes,
        seed=seed,
        device=device,
        devices=devices,
        memory_limit_gib=memory_limit_gib,
    )
    task = FineTuning(
        recipe,
        _opened(cubes),
        None if references is None else _opened(references),
        None if noise_from is None else _opened(noise_from)[0],
    )
    return _finished(Learning(task, resume=resume, overwrite=overwrite))


def search(
    cubes: Given | Sequence[Given],
    *,
    name: str,
    minutes: float = 30.0,
    cost_weight: float = 0.0,
    cell: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    devices: Count = "auto",
    resume: bool = False,
    overwrite: bool = False,
) -> ModelRecord:
    """Search a network for cubes like these, train it, and wait for it.

    Parameters
    ----------
    cubes : HyperCube, path, or sequence of them
        Clean ones of one sensor, with the same bands.
    name : str
        Of the new model.
    minutes : float
        Time for the search and the training.
    cost_weight : float
        0 for the best quality; larger for a faster network.
    cell : path, optional
        File of a known cell (`models export --cell`): nothing is searched, and all the time
        trains its network.
    seed : int
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    devices : int or 'auto'
        As for `finetune`.
    resume : bool
        Go on with an interrupted run of this name, if there is one.
    overwrite : bool
        Replace your own model of this name, once the new one is ready.

    Returns
    -------
    ModelRecord
        Of the new model.

    Raises
    ------
    UserError
        As for `finetune`.
    """
    recipe = search_recipe(
        name=name,
        minutes=minutes,
        cost_weight=cost_weight,
        cell=cell,
        seed=seed,
        device=device,
        devices=devices,
    )
    return _finished(
        Learning(Searching(recipe, _opened(cubes)), resume=resume, overwrite=overwrite)
    )


def finetune_recipe(
    *,
    start: str,
    name: str,
    references: bool,
    clean: bool,
    minutes: float,
    seed: int,
    device: str,
    devices: Count = "auto",
    memory_limit_gib: float | None = None,
) -> FineTuneRecipe:
    """The recipe of a fine-tuning, whose method follows from what is given.

    Parameters
    ----------
    references, clean : bool
        Whether there are clean references, and whether the cubes themselves are clean.
    start, name, minutes, seed, device, devices, memory_limit_gib
        As for `finetune`.

    Raises
    ------
    UserError
        If a setting is out of its range, there is no such start model, or both
        references and clean cubes are said to be given.
    """
    if references and clean:
        raise UserError(
            "setting 'reference': cubes that are clean themselves need no references; give either "
            "noisy cubes with references, or clean cubes alone."
        )
    method: Method = "reference" if references else "degraded" if clean else "self-supervised"
    if records.record(start).task == "superres" and not references:
        method = "degraded"
    return _checked(
        FineTuneRecipe,
        name=name,
        start=start,
        method=method,
        minutes=minutes,
        seed=seed,
        device=device,
        devices=devices,
        memory_limit_gib=memory_limit_gib,
    )


def search_recipe(
    *,
    name: str,
    minutes: float,
    cost_weight: float,
    cell: str | Path | None = None,
    seed: int,
    device: str,
    devices: Count = "auto",
) -> SearchRecipe:
    """The recipe of a search; see `search`.

    Raises
    ------
    UserError
        If a setting is out of its range, or the file of the cell is none.
    """
    return _checked(
        SearchRecipe,
        name=name,
        minutes=minutes,
        cost_weight=cost_weight,
        genotype=None if cell is None else read_genotype(Path(cell).expanduser()),
        seed=seed,
        device=device,
        devices=devices,
    )


class FineTuning:
    """A fine-tuning that is ready to begin.

    Parameters
    ----------
    recipe : FineTuneRecipe
    cubes : sequence of HyperCube
    references : sequence of HyperCube, or None
    noise_from : HyperCube, or None
    """

    kind: Kind = "finetune"
    floor = "before"
    """What the scores are compared with."""

    def __init__(
        self,
        recipe: FineTuneRecipe,
        cubes: Sequence[HyperCube],
        references: Sequence[HyperCube] | None,
        noise_from: HyperCube | None,
    ) -> None:
        self.recipe = recipe
        self.material = Material(cubes, references, noise_from)

    def events(self, name: str, folder: Path, *, resume: bool) -> Generator[Event, None, None]:
        """Run under a name in a folder."""
        # It loads torch, which takes a second: not before it is needed.
        from napari_hsi_restore.training.finetune import finetune as tuning

        recipe = self.recipe.model_copy(update={"name": name})
        return tuning(
            recipe,
            self.material.cubes,
            self.material.references,
            folder,
            noise_from=self.material.noise_from,
            resume=resume,
        )


class Searching:
    """A search that is ready to begin.

    Parameters
    ----------
    recipe : SearchRecipe
    cubes : sequence of HyperCube
    """

    kind: Kind = "search"
    floor = "best bundled model"
    """What the scores are compared with."""

    def __init__(self, recipe: SearchRecipe, cubes: Sequence[HyperCube]) -> None:
        self.recipe = recipe
        self.material = Material(cubes)

    def events(self, name: str, folder: Path, *, resume: bool) -> Generator[Event, None, None]:
        """Run under a name in a folder."""
        recipe = self.recipe.model_copy(update={"name": name})
        return searching(recipe, self.material.cubes, folder, resume=resume)


class Learning:
    """One run, whose model replaces another only when it is ready.

    Parameters
    ----------
    task : FineTuning or Searching
    resume : bool
        Go on with an interrupted run of this name, if there is one.
    overwrite : bool
        Replace the user's model of this name at the end.

    Raises
    ------
    UserError
        If the name cannot be had.
    """

    def __init__(self, task: FineTuning | Searching, *, resume: bool, overwrite: bool) -> None:
        self._task, self._resume = task, resume
        self.name = library.check_form(task.recipe.name)
        own = {known.name for known in records.list_models() if not known.bundled}
        self._replaces = overwrite and self.name in own
        self.folder = runs_folder() / (f"{self.name}{NEW}" if self._replaces else self.name)
        if not self.is_begun and not self._replaces:
            check_name(self.name)

    @property
    def floor(self) -> str:
        """What the scores of the run are compared with."""
        return self._task.floor

    @property
    def is_begun(self) -> bool:
        """Whether an interrupted run lies in its folder."""
        return any(self.folder.glob("*.safetensors"))

    def events(self) -> Generator[Event, None, None]:
        """Learn; the last event is a `Done` with the `ModelRecord`.

        Raises
        ------
        UserError
            If another program is busy with the run, and as the task says.
        """
        self._task.material.check()
        if learning_job.owned_by_another(self.folder):
            raise UserError(
                f"{self.folder}: another program is busy with this run; wait for it, or choose "
                "another name."
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{self.folder}: the folder of the run cannot be made ({error.strerror}); set "
                f"{RUNS_VARIABLE} to another folder."
            ) from error
        self._refuse_unfinished()
        self._refuse_other_cubes()
        learning_job.own(self.folder, here=True)
        log = Log(self.folder / learning_job.EVENTS)
        try:
            yield from self._described()
            task = self._task.events(self.folder.name, self.folder, resume=self._resume)
            with contextlib.closing(task):
                for event in task:
                    if isinstance(event, Done):
                        break
                    _noted(log, event)
                    yield event
        except BaseException as error:
            if isinstance(error, UserError):
                _noted(log, Failed(str(error)))
            if self.is_begun:
                learning_job.disown(self.folder)
            else:
                # What never began leaves nothing behind.
                learning_job.remove_job(self.folder)
            raise
        try:
            done = self._installed()
        finally:
            learning_job.disown(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        yield Done(done)

    def _refuse_unfinished(self) -> None:
        """Let nobody begin anew what a dock has prepared and not begun."""
        there = learning_job.read_job(self.folder) is not None
        if there and not self._resume and not (self.folder / learning_job.DONE).exists():
            raise UserError(
                f"{self.folder}: an interrupted run lies there; resume it (--resume), or choose "
                "another name."
            )

    def _refuse_other_cubes(self) -> None:
        """Let a run go on with nothing but its own cubes: its scores are of their pixels."""
        job = learning_job.read_job(self.folder) if self._resume and self.is_begun else None
        if job is None:
            return
        try:
            before = Material.read(self.folder, job)
        except UserError:
            # Its files may have been moved: what is given now may well be the same.
            return
        if not self._task.material.is_like(before):
            raise UserError(
                f"{self.folder}: the interrupted run learned from {', '.join(job.cubes)}, and what "
                "is given now is something else; resume with the same cubes, or choose another "
                "name."
            )

    def _described(self) -> Generator[Event, None, None]:
        """Write what the docks of napari show of a run, and what they resume it with."""
        folder, recipe = self.folder, self._task.recipe
        learning_job.write_text(
            folder / learning_job.RECIPE,
            recipe.model_copy(update={"name": folder.name}).model_dump_json(indent=2),
        )
        before = learning_job.read_job(folder) if self._resume else None
        if before is not None:
            job = before.model_copy(update={"minutes": recipe.minutes})
            learning_job.write_job(folder, job)
            return
        yield Progress(0.0, "noting the cubes")
        shutil.rmtree(folder / learning_job.INPUTS, ignore_errors=True)
        (folder / learning_job.INPUTS).mkdir()
        try:
            self._task.material.write(folder, lambda: False)
        except UserError as error:
            shutil.rmtree(folder / learning_job.INPUTS, ignore_errors=True)
            yield Note(f"{error} The run goes on; only the command line can resume it.")
            return
        job = learning_job.LearningJob(
            kind=self._task.kind,
            name=self.name,
            cubes=(),
            minutes=recipe.minutes,
            replaces=self._replaces,
        )
        learning_job.write_job(folder, self._task.material.describe(job))

    def kept(self) -> ModelRecord | None:
        """Install what an interrupted run has learned so far, if it is worth it.

        Returns
        -------
        ModelRecord or None
            None if there is nothing better than before, or it would replace a model.
        """
        _noted(Log(self.folder / learning_job.EVENTS), Stopped())
        if self._replaces or not self.is_begun:
            return None
        found = keep(self.folder)
        if found is not None and not found.recommended:
            library.remove(found.name)
            return None
        return found

    def _installed(self) -> ModelRecord:
        if self._replaces:
            library.remove(self.name)
            return library.rename(self.folder.name, self.name)
        return records.record(self.name)


def _noted(log: Log, event: Line) -> None:
    # A full disk is said by whatever must write there; the log is no such thing.
    with contextlib.suppress(OSError):
        log.add(event, time.monotonic())


def _finished(learning: Learning) -> ModelRecord:
    """Wait for a run."""
    for event in learning.events():
        if isinstance(event, Done) and isinstance(event.result, ModelRecord):
            return event.result
    raise AssertionError("learning ended without a model")


def _opened(given: Given | Sequence[Given]) -> list[HyperCube]:
    several = [given] if isinstance(given, HyperCube | str | Path) else list(given)
    return [cube if isinstance(cube, HyperCube) else read(cube) for cube in several]


def _checked(kind: type[Recipe], **settings: Any) -> Recipe:
    """A recipe of some settings, or a sentence about the first one that it refuses."""
    try:
        return kind(**settings)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "recipe"
        raise UserError(
            f"setting '{name}' cannot be {settings.get(name)!r}: {first['msg'].lower()}."
        ) from None
