"""`finetune`: a generator of events that can stop and resume at any moment."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
import pydantic
import torch

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Metric, Note, Progress, Snapshot
from napari_hsi_restore.models.spec import DenoiserSpec, MeanSRSpec, RefinerSpec
from napari_hsi_restore.restore.tile_loop import free_gpu_memory, is_out_of_memory
from napari_hsi_restore.training import checkpoint, library
from napari_hsi_restore.training.finetune.alike import check_alike
from napari_hsi_restore.training.finetune.cubes import Sample, samples
from napari_hsi_restore.training.finetune.judging import Judgement
from napari_hsi_restore.training.finetune.learner import Patch, Tuning
from napari_hsi_restore.training.finetune.noise import own_noise, sensor_noise
from napari_hsi_restore.training.finetune.outcome import drafted
from napari_hsi_restore.training.finetune.recipe import FineTuneRecipe
from napari_hsi_restore.training.finetune.worker import packed
from napari_hsi_restore.training.loop import Run
from napari_hsi_restore.training.ranks.crew import Crew
from napari_hsi_restore.training.ranks.devices import chosen
from napari_hsi_restore.training.ranks.messages import Order
from napari_hsi_restore.training.ranks.waiting import Returned
from napari_hsi_restore.training.run_files import BEST, LAST
from napari_hsi_restore.zoo import library as models
from napari_hsi_restore.zoo.loading import load
from napari_hsi_restore.zoo.records import ModelRecord, list_models, user_folder

CHECKPOINT_EVERY_S = 20.0
REPORT_EVERY_S = 1.0
PROGRESS_EVERY_S = 0.2
PATCH = "patch.npz"
RECIPE = "recipe.json"
WORKER = "napari_hsi_restore.training.finetune.worker"


def finetune(
    recipe: FineTuneRecipe,
    cubes: Sequence[HyperCube],
    references: Sequence[HyperCube] | None,
    folder: Path,
    *,
    noise_from: HyperCube | None = None,
    resume: bool = False,
) -> Generator[Event, None, None]:
    """Fine-tune a model on cubes of the user's sensor.

    A part of every cube is never learned from: on these held-out pixels the weights are
    judged now and then, and the best are kept. The start model is the first candidate,
    so the result is never worse there; if nothing better is found, the record says so
    and the model is not recommended.

    Parameters
    ----------
    recipe : FineTuneRecipe
    cubes : sequence of HyperCube
        Noisy for the methods ``"reference"`` and ``"self-supervised"``, clean for
        ``"degraded"``.
    references : sequence of HyperCube, or None
        For ``"reference"``: the clean cube of each.
    folder : Path
        Of the run: gets ``recipe.json``, ``last.safetensors`` to resume from (every 20
        seconds), ``best.safetensors`` and a patch to look at.
    noise_from : HyperCube, optional
        For ``"degraded"``: a noisy cube of the sensor. Without it the clean cubes get
        the noise that they show themselves.
    resume : bool
        Go on with the run in the folder if there is one.

    Yields
    ------
    Progress, Metric, Snapshot, Note
        Metrics: ``"loss"``; ``"psnr"`` of the weights in training and ``"psnr_start"`` of
        the start model on held-out pixels, without a reference estimated (SURE).
    Done
        With the path of the record of the new model.

    Raises
    ------
    UserError
        For a name that cannot be had, cubes that do not go together or are too small, a
        method that the start model cannot learn by, a run that lies in the folder
        already, a damaged checkpoint, or a full disk.
    """
    there = (folder / LAST).exists()
    if there and not resume:
        raise UserError(
            f"{folder}: an interrupted run lies there; resume it (--resume), or choose another "
            "name."
        )
    if there:
        models.check_form(recipe.name)
    else:
        models.check_name(recipe.name)
    yield Progress(0.0, "reading the cubes")
    crew = Crew(chosen(recipe.device, recipe.devices), WORKER, recipe.precision)
    try:
        crew.call()
        task, start = yield from _prepared(recipe, cubes, references, noise_from)
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if not there:
                # Left by an earlier run of this name, which came to its end.
                for name in (BEST, library.INSTALLED, PATCH):
                    (folder / name).unlink(missing_ok=True)
        models.write(folder / RECIPE, recipe.model_dump_json(indent=2).encode())
        for _ in crew.start(folder, *packed(task, recipe)):
            yield Progress(0.0, f"starting {crew.world} devices")
        tuned = _FineTuning(recipe, task, folder, start, crew, [cube.name for cube in cubes])
        yield from tuned.events(resume=there)
    finally:
        crew.close()


def _prepared(
    recipe: FineTuneRecipe,
    cubes: Sequence[HyperCube],
    references: Sequence[HyperCube] | None,
    noise_from: HyperCube | None,
) -> Generator[Event, None, tuple[Tuning, ModelRecord]]:
    """Check everything that the user gave and read it."""
    network, record = load(recipe.start)
    _check_method(recipe, record, references)
    check_alike(cubes, references)
    if cubes[0].n_bands < record.min_bands:
        raise UserError(
            f"{cubes[0].name}: has {cubes[0].n_bands} bands, model '{record.name}' needs at least "
            f"{record.min_bands}; choose another start model."
        )
    found: list[Sample] = []
    limit = recipe.memory_limit_gib
    memory = None if limit is None else limit * 2**30
    for part in samples(cubes, references, recipe.held_out, memory):
        if isinstance(part, Sample):
            found.append(part)
        elif isinstance(part, str):
            yield Note(part)
        else:
            yield Progress(0.0, "reading the cubes")
    task: Tuning
    if isinstance(record.spec, DenoiserSpec):
        from napari_hsi_restore.models.catalog import Denoiser
        from napari_hsi_restore.training.finetune.denoising import DenoiserTuning

        assert isinstance(network, Denoiser)
        yield Progress(0.0, "estimating the noise")
        sigmas = sensor_noise(cubes, found, noise_from)
        if recipe.method == "degraded" and noise_from is None:
            yield Note(own_noise(found, sigmas))
        task = DenoiserTuning(recipe, network, record.spec, samples=found, sigmas=sigmas)
    else:
        from napari_hsi_restore.training.finetune.enlarging import EnlargerTuning

        assert not isinstance(record.spec, RefinerSpec | MeanSRSpec)
        task = EnlargerTuning(recipe, network, record.spec, found)
    for _ in itertools.chain(task.gather(), task.prepare()):
        yield Progress(0.0, "laying out the held-out pixels")
    return task, record


def _check_method(
    recipe: FineTuneRecipe, start: ModelRecord, references: Sequence[HyperCube] | None
) -> None:
    if start.task == "refine":
        raise UserError(
            f"model '{start.name}' is a part of a method and cannot be fine-tuned; start from "
            f"one of {', '.join(entry.name for entry in list_models())}."
        )
    if isinstance(start.spec, MeanSRSpec):
        members = [entry.name for entry in list_models() if entry.spec in start.spec.members]
        raise UserError(
            f"model '{start.name}' is the mean of several networks and cannot be fine-tuned; start "
            f"from one of {', '.join(members)}."
        )
    if start.task == "superres" and recipe.method != "degraded":
        raise UserError(
            f"model '{start.name}' enlarges: it learns from clean cubes alone, which are shrunk; "
            "leave out references and choose the method 'degraded'."
        )
    if (recipe.method == "reference") != (references is not None):
        raise UserError(
            f"setting 'method': '{recipe.method}' "
            + (
                "needs a clean reference for each cube; give them, or choose another method."
                if references is None
                else "takes no references; leave them out, or choose the method 'reference'."
            )
        )


class _FineTuning:
    """One fine-tuning, from its first judgement to the installed model."""

    def __init__(  # noqa: PLR0917
        self,
        recipe: FineTuneRecipe,
        task: Tuning,
        folder: Path,
        start: ModelRecord,
        crew: Crew,
        names: list[str],
    ) -> None:
        self.recipe, self.task, self.folder = recipe, task, folder
        self.start, self.crew, self.names = start, crew, names
        self.run = Run(recipe, task, folder, crew)
        self.floor: Judgement | None = None
        self.before: Patch | None = None
        self.clock = time.monotonic()

    def events(self, *, resume: bool) -> Iterator[Event]:
        """See `finetune`."""
        if resume:
            self._check_start()
            self.run.resume()
            yield Note(self.run.resumed)
        yield Progress(self._share(), "judging the start model")
        self.clock = time.monotonic()
        try:
            yield from self._floor()
            yield from self._steps()
        finally:
            self._count()
            self.run.save()
        kept = library.keep(self.folder)
        assert kept is not None
        # All of value is in the library now: nothing is left to resume.
        (self.folder / LAST).unlink(missing_ok=True)
        yield Note(kept.remark)
        yield Progress(1.0, "done")
        yield Done(str(user_folder() / f"{kept.name}.json"))

    def _check_start(self) -> None:
        """Refuse to go on with another start model: its weights would not be the floor."""
        state, _ = checkpoint.load(self.folder / LAST)
        with contextlib.suppress(pydantic.ValidationError):
            then = FineTuneRecipe.model_validate_json(state.recipe_json)
            if then.start != self.recipe.start:
                raise UserError(
                    f"setting 'start': the interrupted run began with model '{then.start}', not "
                    f"'{self.recipe.start}'; resume with that, or choose another name."
                )

    def _floor(self) -> Iterator[Event]:
        """Judge the start model, which is the first candidate."""
        network = self._fixed(self.task.network())
        for _ in (judging := Returned(self.task.judge(network))):
            yield self._progress("judging the start model")
        self.floor = judging.value
        for _ in (looking := Returned(self.task.patch(network))):
            yield self._progress("judging the start model")
        self.before = looking.value
        best = self.folder / BEST
        if best.exists():
            # The file may be newer than the checkpoint, if the two were torn apart.
            scores = models.read_marked(best)[0].scores
            self.run.is_best(scores["held-out/psnr"])
        else:
            self.run.is_best(self.floor.psnr)
            self._keep(self.task.network().state_dict(), self.floor)
            self.run.save()
        yield Metric("psnr_start", self.floor.psnr, self.run.state.step)
        if self.run.state.step == 0:
            yield Metric("psnr", self.floor.psnr, 0)
            yield from self._snapshot(self.before)

    def _steps(self) -> Iterator[Event]:
        saved = reported = checked = shown = time.monotonic()
        losses: list[float] = []
        last_check = self.run.state.step
        while self._share() < 1.0:
            loss = 0.0
            for part in (step := Returned(self._step())):
                if isinstance(part, Note):
                    yield part
                elif time.monotonic() - shown > PROGRESS_EVERY_S:
                    shown = time.monotonic()
                    yield self._progress("learning")
            loss = step.value
            if not math.isfinite(loss):
                yield Note("Learning became unstable, so it ended early; the best is kept.")
                return
            losses.append(loss)
            self._count()
            now = time.monotonic()
            if now - saved > CHECKPOINT_EVERY_S:
                self.run.save()
                saved = now
            if now - reported > REPORT_EVERY_S:
                reported = now
                yield Metric("loss", sum(losses) / len(losses), self.run.state.step)
                losses.clear()
            if self._check_is_due(now - checked):
                yield from self._check()
                last_check = self.run.state.step
                checked = time.monotonic()
        if last_check != self.run.state.step:
            yield from self._check()

    def _step(self) -> Generator[Note | None, None, float]:
        """One optimiser step, region by region; less at once where memory runs out."""
        run = self.run
        while True:
            # What ran out of memory, or was closed in the middle, left gradients behind.
            run.plain.zero_grad(set_to_none=True)
            total = 0.0
            batch = run.ask()
            try:
                for loss in self.task.losses(run.network, batch):
                    run.fabric.backward(loss)
                    total += float(loss.detach())
                    yield None
                (total,) = yield from self.crew.answers([total])
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            else:
                share = self._share()
                return run.together(total, share) if math.isfinite(total) else total
            yield from self.crew.settle()
            smaller = self.task.shrink()
            self.crew.tell(Order(do="shrink"))
            free_gpu_memory()
            if smaller is None:
                raise UserError(
                    f"The memory of {self.crew.label} does not suffice for a single patch; "
                    "close other programs, or choose another device or a smaller 'patch'."
                )
            yield Note(f"Out of memory: the batch is now {smaller}.")

    def _check(self) -> Iterator[Event]:
        """Judge the averaged weights; keep them if they are the best so far."""
        network, step = self._fixed(self.run.averaged()), self.run.state.step
        for _ in (judging := Returned(self.task.judge(network))):
            yield self._progress("checking on held-out pixels")
        found = judging.value
        yield Metric("psnr", found.psnr, step)
        assert self.floor is not None
        yield Metric("psnr_start", self.floor.psnr, step)
        # An estimate without a reference must be above chance before it replaces the start.
        sure_of_it = self.recipe.method != "self-supervised" or found.gain_over(self.floor).is_real
        if sure_of_it and self.run.is_best(found.psnr):
            self._keep(self.run.average, found)
        self._count()
        self.run.save()
        for _ in (looking := Returned(self.task.patch(network))):
            yield self._progress("checking on held-out pixels")
        yield from self._snapshot(looking.value)

    def _fixed(self, network: torch.nn.Module) -> torch.nn.Module:
        """A network that is only judged: nothing is kept for gradients."""
        return network.to(self.run.fabric.device).eval().requires_grad_(False)

    def _keep(self, weights: dict[str, torch.Tensor], found: Judgement) -> None:
        assert self.floor is not None
        state = self.run.state
        draft = drafted(
            self.recipe,
            self.start,
            found,
            self.floor,
            names=self.names,
            steps=state.step,
            seconds=state.seconds,
            device=self.crew.label,
        )
        library.write_best(self.folder, draft, weights)

    def _snapshot(self, now: Patch) -> Iterator[Snapshot]:
        """Write the patch beside its place and rename it."""
        assert self.before is not None
        arrays = {"noisy": now.noisy, "before": self.before.restored, "now": now.restored}
        if now.reference is not None:
            arrays["reference"] = now.reference
        known = now.wavelengths_nm
        buffer = io.BytesIO()
        np.savez(
            buffer,
            allow_pickle=False,
            wavelengths_nm=np.zeros(0, np.float32) if known is None else known.astype(np.float32),
            **{name: array.astype(np.float32) for name, array in arrays.items()},
        )
        try:
            models.write(self.folder / PATCH, buffer.getvalue())
        except UserError:
            # Learning goes on without a picture: another program may hold the file open.
            return
        yield Snapshot(str(self.folder / PATCH), self.run.state.step)

    def _share(self) -> float:
        """Part of the run that is done, 0..1."""
        if self.recipe.steps is not None:
            return min(1.0, self.run.state.step / self.recipe.steps)
        since = time.monotonic() - self.clock
        return min(1.0, (self.run.state.seconds + since) / (60.0 * self.recipe.minutes))

    def _count(self) -> None:
        """Put the time since the last count into the state of the run."""
        now = time.monotonic()
        self.run.count_seconds(now - self.clock)
        self.clock = now

    def _check_is_due(self, seconds: float) -> bool:
        steps = self.recipe.steps
        if steps is None:
            return seconds > min(self.recipe.check_every_s, 60.0 * self.recipe.minutes / 4)
        return self.run.state.step % max(1, steps // self.recipe.checks) == 0

    def _progress(self, message: str) -> Progress:
        share = self._share()
        left: float | None = None
        if self.recipe.steps is None:
            left = (1.0 - share) * 60.0 * self.recipe.minutes
        elif share > 0:
            spent = self.run.state.seconds + time.monotonic() - self.clock
            left = spent * (1.0 - share) / share
        return Progress(share, message, left)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder}: the folder of the run cannot be made ({error.strerror}); check its place "
            "and permissions."
        ) from error
