"""The training loop: a generator of events that can stop and resume at any moment."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import pydantic
import torch
from safetensors.torch import save_file

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Done, Event, Metric, Note, Progress
from napari_hsi_restore.models.catalog import Network
from napari_hsi_restore.training import checkpoint
from napari_hsi_restore.training.optimisers import optimisers_of
from napari_hsi_restore.training.ranks.crew import Crew
from napari_hsi_restore.training.ranks.devices import Count, chosen
from napari_hsi_restore.training.ranks.messages import Order
from napari_hsi_restore.training.recipe import AnyRecipe, Learning
from napari_hsi_restore.training.run_files import BEST, LAST
from napari_hsi_restore.training.tasks import Learner, task_of

CHECKPOINT_EVERY_S = 45.0
REPORT_EVERY_S = 5.0
WORKER = "napari_hsi_restore.training.worker"
FREE = {"steps", "minutes", "check_every", "check_every_s", "checks", "decay", "precision"}
FREE |= {"purpose", "device", "devices", "start", "draws"}
"""Settings that may change between two parts of a run."""


class Run:
    """A network in training, its averages and its optimisers.

    Parameters
    ----------
    recipe : Learning
    task : Learner
        Of the recipe, its cubes loaded.
    folder : Path
        Where the checkpoints lie.
    crew : Crew
        The devices, started already.
    """

    def __init__(self, recipe: Learning, task: Learner, folder: Path, crew: Crew) -> None:
        self.recipe = recipe
        self.task = task
        self.folder = folder
        self.crew = crew
        self.fabric = crew.fabric
        self.fabric.seed_everything(recipe.seed, verbose=False)
        # On its device first: the optimisers may keep views of its parameters.
        network = task.network().to(self.fabric.device)
        self.plain = network
        self.network, *self.optimisers = self.fabric.setup(network, *optimisers_of(network, recipe))
        self.average = {
            name: tensor.detach().clone() for name, tensor in network.state_dict().items()
        }
        self.resumed = ""
        """What is to be said of a run that goes on."""
        self.state = checkpoint.RunState(recipe_json=recipe.model_dump_json(), devices=crew.world)
        task.place(self.fabric.device)

    def step(self, share: float) -> float:
        """Do one optimiser step and return its loss, the mean over the devices.

        Parameters
        ----------
        share : float
            Part of the run that is done, 0..1.

        Raises
        ------
        UserError
            As `update`; or if the memory of one of several devices runs out.
        """
        batch = self.ask()
        loss = self.task.loss(self.network, batch)
        self.fabric.backward(loss)
        answers = self.crew.answers([float(loss.detach())])
        try:
            while True:
                next(answers)
        except StopIteration as end:
            mean = float(end.value[0])
        except MemoryError as error:
            raise UserError(
                f"recipe {self.recipe.name}: the memory of one of the devices does not suffice "
                "for its batch; make 'patch' or the batch smaller, or leave that device out."
            ) from error
        return self.together(mean, share)

    def ask(self) -> int:
        """Let the other devices compute on their batches; the number of our own."""
        batch = self.crew.batch(self.state.step)
        self.crew.work(Order(do="work", batch=batch), self.plain.parameters())
        return batch

    def together(self, loss: float, share: float) -> float:
        """`update`, along the mean of the gradients of all devices; see there."""
        if math.isfinite(loss):
            self.crew.average(self.plain.parameters())
        return self.update(loss, share)

    def update(self, loss: float, share: float) -> float:
        """Go one step along the gradients that lie in the parameters.

        Parameters
        ----------
        loss : float
            That the gradients are of.
        share : float
            Part of the run that is done, 0..1.

        Returns
        -------
        float
            The loss.

        Raises
        ------
        UserError
            If the loss is not finite.
        """
        recipe, step = self.recipe, self.state.step
        if not math.isfinite(loss):
            raise UserError(
                f"recipe {recipe.name}: the loss became infinite at step {step}; lower "
                "'learning_rate' and resume."
            )
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate(step, share)
        # One wild batch must not undo the work of many.
        torch.nn.utils.clip_grad_norm_(self.plain.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        keep = min(recipe.average, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, tensor in self.plain.state_dict().items():
                self.average[name].lerp_(tensor, 1.0 - keep)
        self._advance(step=step + 1)
        return loss

    def _advance(self, **changes: float) -> None:
        self.state = self.state.model_copy(update=changes)

    def count_seconds(self, seconds: float) -> None:
        """Add to the time spent."""
        self._advance(seconds=self.state.seconds + seconds)

    def averaged(self) -> Network:
        """A copy of the network with the averaged weights."""
        network = self.task.network().to(self.fabric.device)
        network.load_state_dict(self.average)
        return network.eval()

    def check(self) -> dict[str, float]:
        """Score the averaged weights; keep them if they are the best so far."""
        scores = self.task.scores(self.averaged())
        if self.is_best(scores[self.task.main_score]):
            path = self.folder / BEST
            partial = path.with_name(path.name + ".partial")
            save_file({name: t.cpu().contiguous() for name, t in self.average.items()}, partial)
            partial.replace(path)
        return scores

    def is_best(self, score: float) -> bool:
        """Whether a score is above all before it, which is remembered."""
        if not score > self.state.best:
            return False
        self._advance(best=score)
        return True

    def save(self) -> None:
        """Write the checkpoint that `resume` reads."""
        tensors = {f"weights.{n}": t for n, t in self.plain.state_dict().items()}
        tensors |= {f"average.{n}": t for n, t in self.average.items()}
        for place, optimiser in enumerate(self.optimisers):
            for index, moments in optimiser.state_dict()["state"].items():
                names = {key: f"optimiser.{place}.{index}.{key}" for key in moments}
                tensors |= {names[key]: value for key, value in moments.items()}
        checkpoint.save(self.folder / LAST, self.state, tensors)

    def resume(self, steps_before: int = 0) -> None:
        """Go on from the checkpoint in the folder.

        Parameters
        ----------
        steps_before : int
            Of an earlier part of the run, for what is said of it.

        Raises
        ------
        UserError
            If the checkpoint is of another recipe. How long the run is, how often it is
            checked, `decay`, `precision`, the device and, of a refiner, the number of regions
            of every cube (`draws`) may change between two parts.
        """
        state, tensors = checkpoint.load(self.folder / LAST)
        try:
            then = type(self.recipe).model_validate_json(state.recipe_json)
        except pydantic.ValidationError:
            then = None
        if then is None or then.model_dump(exclude=FREE) != self.recipe.model_dump(exclude=FREE):
            raise UserError(
                f"{self.folder / LAST}: the checkpoint belongs to another recipe; resume with "
                "the recipe that it began with, or choose another folder."
            )
        device = self.fabric.device

        def part(prefix: str) -> checkpoint.Tensors:
            return {
                name.removeprefix(prefix): tensor.to(device)
                for name, tensor in tensors.items()
                if name.startswith(prefix)
            }

        self.plain.load_state_dict(part("weights."))
        self.average = part("average.")
        for place, optimiser in enumerate(self.optimisers):
            moments: dict[int, dict[str, torch.Tensor]] = {}
            for name, tensor in part(f"optimiser.{place}.").items():
                index, key = name.split(".", 1)
                moments.setdefault(int(index), {})[key] = tensor
            optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
        self.state = state.model_copy(
            update={"recipe_json": self.recipe.model_dump_json(), "devices": self.crew.world}
        )
        before = state.model_copy(update={"step": steps_before + state.step})
        self.resumed = going_on(before, self.crew.world)


def going_on(before: checkpoint.RunState, devices: int) -> str:
    """A sentence about a run that goes on.

    Parameters
    ----------
    before : RunState
        Of its checkpoint.
    devices : int
        On so many it goes on.
    """
    said = f"Going on after {before.step} step{'' if before.step == 1 else 's'}."
    if before.devices != devices:
        were = f"{before.devices} device{'s' if before.devices > 1 else ''}"
        said += f" They were made on {were}; from now on it is {devices}."
    return said


def train(
    recipe: AnyRecipe,
    data: Path,
    folder: Path,
    *,
    minutes: float | None = None,
    resume: bool = False,
    device: str = "auto",
    devices: Count = "auto",
) -> Iterator[Event]:
    """Train a network.

    Parameters
    ----------
    recipe : AnyRecipe
    data : Path
        Folder that the recipe's patterns start from.
    folder : Path
        Gets ``last.safetensors`` (to resume from, at least every 45 seconds) and
        ``best.safetensors`` (the averaged weights with the best validation score).
    minutes : float, optional
        Stop after so long, with a checkpoint; None to do all steps of the recipe.
    resume : bool
        Go on from the folder's checkpoint if there is one.
    device : {'auto', 'cpu', 'cuda', 'cuda:N'}
    devices : int or 'auto'
        How many learn together; ``"auto"`` is all GPUs, unless `device` names one.

    Yields
    ------
    Progress, Metric, Note
        Loss every 5 seconds, validation scores at every check.
    Done
        With the path of the best weights.

    Raises
    ------
    UserError
        For wrong patterns, a foreign or damaged checkpoint, or a run that already
        lies in the folder while `resume` is False.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / LAST).exists() and not resume:
        raise UserError(f"{folder}: a run lies there already; resume it or choose another folder.")
    crew = Crew(chosen(device, devices), WORKER, recipe.precision)
    try:
        crew.call()
        yield Progress(0.0, "reading cubes")
        task = task_of(recipe)
        task.load(data)
        text = {"recipe": recipe.model_dump(mode="json"), "data": str(data.absolute())}
        for _ in crew.start(folder, text, {}):
            yield Progress(0.0, f"starting {crew.world} devices")
        run = Run(recipe, task, folder, crew)
        if (folder / LAST).exists():
            run.resume()
            yield Note(run.resumed)
        try:
            yield from _steps(run, recipe, minutes)
        finally:
            run.save()
    finally:
        crew.close()
    yield Metric("seconds", run.state.seconds, run.state.step)
    yield Done(str(folder / BEST))


def _steps(run: Run, recipe: AnyRecipe, minutes: float | None) -> Iterator[Event]:
    begin = last = saved = reported = time.monotonic()
    first_step = run.state.step
    losses: list[float] = []
    while run.state.step < recipe.steps:
        if minutes is not None and time.monotonic() - begin > 60 * minutes:
            break
        losses.append(run.step(run.state.step / recipe.steps))
        now = time.monotonic()
        run.count_seconds(now - last)
        last = now
        if now - saved > CHECKPOINT_EVERY_S:
            run.save()
            saved = now
        if now - reported > REPORT_EVERY_S:
            reported = now
            step = run.state.step
            pace = (now - begin) / (step - first_step)
            left = pace * (recipe.steps - step)
            if minutes is not None:
                left = min(left, 60 * minutes - (now - begin))
            yield Metric("loss", sum(losses) / len(losses), step)
            yield Progress(step / recipe.steps, f"step {step} of {recipe.steps}", left)
            losses.clear()
        if run.state.step % recipe.check_every == 0:
            yield from _check(run)
            last = time.monotonic()
    yield from _check(run)


def _check(run: Run) -> Iterator[Event]:
    for name, value in run.check().items():
        yield Metric(name, value, run.state.step)
