"""How the supernet is searched: weights and architecture in turn, on different pixels.

DARTS (Liu, Simonyan and Yang, ICLR 2019) alternates a step of the weights theta on one
half of the training pixels with a step of the architecture parameters alpha on the
other, after a warm-up of theta. Two forms:

* **full**: every step computes all paths; alpha follows the gradient of the mixture.
* **single-path** [ours, from ENAS, Pham et al., ICML 2018, and ProxylessNAS, Cai et al.,
  ICLR 2019]: theta is trained on one sampled path a step, alpha by the score-function
  gradient: several sampled paths are compared on one and the same batch, and each is
  measured against the mean of the others. Memory and time are those of one network, and
  the batch, whose difficulty varies far more than the paths do, cancels.

The rate of theta falls along a cosine, as in DARTS. Paths are compared with the moving
average of theta [ours]: the jitter of weights that learn fast hides, above all at low noise,
what tells the cells apart once they are trained.

What alpha minimises is ``log(error) + cost_weight * cost`` [ours]: the logarithm, for
the error of a batch depends on its noise level, which is drawn anew for every batch.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Generator

import numpy as np
import numpy.typing as npt
import torch

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.search import cost
from napari_hsi_restore.search.alphas import Alphas
from napari_hsi_restore.search.batches import ALPHA, THETA, Batches, Half, log_error, losses
from napari_hsi_restore.search.discretise import strongest
from napari_hsi_restore.search.portions import Halves
from napari_hsi_restore.search.recipe import SearchRecipe
from napari_hsi_restore.search.supernet import PAIRS, Mixture, Route, Supernet
from napari_hsi_restore.training.checkpoint import Tensors
from napari_hsi_restore.training.optimisers import optimisers_of
from napari_hsi_restore.training.patches import Batch
from napari_hsi_restore.training.ranks.crew import Crew
from napari_hsi_restore.training.ranks.messages import Order

# DARTS: alpha changes slowly, with little memory of old gradients.
_BETAS = (0.5, 0.999)
_LONGEST_GRADIENT = 1.0
_AVERAGE = 0.99
_LAST_RATE = 0.1
"""Of the weights at the end of the search, relative to the first."""


def _gradient(row: torch.Tensor) -> list[float]:
    assert row.grad is not None
    values: list[float] = row.grad.tolist()
    return values


class Search:
    """A supernet in training, its architecture parameters and their optimisers.

    Parameters
    ----------
    recipe : SearchRecipe
    halves : Halves
    crew : Crew
        The devices, started already.
    """

    def __init__(self, recipe: SearchRecipe, halves: Halves, crew: Crew) -> None:
        self.recipe = recipe
        self.crew = crew
        self.fabric = fabric = crew.fabric
        self.batches = Batches(recipe, halves)
        torch.manual_seed(recipe.seed)
        single = recipe.form == "single-path"
        self.plain = Supernet(recipe.width, shared=single).to(fabric.device)
        optimisers = optimisers_of(self.plain, self.batches.recipes[THETA])
        self.network, *self.optimisers = fabric.setup(self.plain, *optimisers)
        self.average = copy.deepcopy(self.plain).requires_grad_(False)
        self.alphas = Alphas().to(fabric.device)
        self.alpha_optimiser = torch.optim.Adam(self.alphas.parameters(), betas=_BETAS)
        measured = recipe.cost == "measured"
        self.costs = cost.measured(recipe.width, fabric.device) if measured else cost.counted()

    def weights(self) -> list[torch.Tensor]:
        """The weights of the pairs of every node."""
        return [row.detach() for row in self.alphas.weights()]

    def path(self) -> Route:
        """What the published rule would choose now."""
        return strongest(self.weights())

    def expected_cost(self) -> float:
        """Cost of the cell that the weights let expect, 0..1."""
        return float(cost.expected_cost(self.weights(), self._cost_rows()))

    def shrink(self) -> bool:
        """Halve the batch; False if it is one patch already."""
        self.crew.tell(Order(do="shrink"))
        return self.batches.shrink()

    @property
    def batch_size(self) -> int:
        """Patches of a step, on each device."""
        return self.batches.size

    def theta_step(self, step: int, share: float) -> Generator[None, None, float]:
        """Train the weights on one batch.

        Parameters
        ----------
        step : int
            Batch and path depend on it and on the recipe only.
        share : float
            Part of the search that is done, 0..1.

        Yields
        ------
        None
            After every region of the batch.

        Returns
        -------
        float
            The loss.
        """
        rng = np.random.default_rng([self.recipe.seed, step, 0])
        full = self.recipe.form == "full"
        uniform = self.is_warming(share) or rng.random() < self.recipe.explore
        choice = self.weights() if full else self._sample(rng, uniform=uniform)
        self.forget_gradients()
        self._ask(THETA, step, self.plain, choice)
        batch = self._batch(THETA, step)
        total = 0.0
        for loss in losses(self.network, batch, choice):
            self.fabric.backward(loss)
            total += float(loss.detach())
            yield
        (total,) = yield from self.crew.answers([total])
        if not math.isfinite(total):
            raise UserError(
                f"model '{self.recipe.name}': the loss became infinite at step {step}; lower "
                "the setting 'learning_rate' and begin again."
            )
        # One path for all devices: what has no gradient here has none anywhere.
        self.crew.average(self.plain.parameters())
        torch.nn.utils.clip_grad_norm_(self.plain.parameters(), _LONGEST_GRADIENT)
        rate = self.recipe.learning_rate * _falling(share)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.step()
        self._follow(step)
        # What no path of this step has used must not change, not even by momentum.
        self.forget_gradients()
        return total

    def is_warming(self, share: float) -> bool:
        """Whether all pairs are still alike, with this part of the search done."""
        return share < self.recipe.warmup_share

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        """Let the average follow the weights."""
        keep = min(_AVERAGE, (1 + step) / (10 + step))
        pairs = zip(self.average.parameters(), self.plain.parameters(), strict=True)
        for average, weight in pairs:
            average.lerp_(weight, 1.0 - keep)

    def alpha_step(self, step: int, part: float) -> Generator[None, None, None]:
        """Train the architecture parameters on one batch of the other half.

        Parameters
        ----------
        step : int
        part : float
            Part of the search that a step takes, to which the rate is in proportion:
            however long a search is, its parameters can go equally far.

        Yields
        ------
        None
            After every network that was run.
        """
        weights = self.alphas.weights()
        price = self.recipe.cost_weight * cost.expected_cost(weights, self._cost_rows())
        if self.recipe.form == "full":
            self._ask(ALPHA, step, self.average, self.weights())
            batch = self._batch(ALPHA, step)
            mixture = [row.detach().requires_grad_() for row in weights]
            self._log_error(mixture, batch).backward()  # type: ignore[no-untyped-call]
            own = [value for row in mixture for value in _gradient(row)]
            mean = torch.tensor((yield from self.crew.answers(own)), device=self.fabric.device)
            # Its gradient is that of the mean error of all devices.
            objective = (torch.cat(weights) * mean).sum() + price
        else:
            rng = np.random.default_rng([self.recipe.seed, step, 1])
            paths = [self._sample(rng) for _ in range(self.recipe.paths)]
            self._ask(ALPHA, step, self.average, *paths)
            batch = self._batch(ALPHA, step)
            errors = []
            for path in paths:
                errors.append(float(self._log_error(path, batch)))
                yield
            told = torch.tensor((yield from self.crew.answers(errors)), device=self.fabric.device)
            objective = self._score_function(paths, told) + price
        self.alpha_optimiser.zero_grad()
        objective.backward()  # type: ignore[no-untyped-call]
        for group in self.alpha_optimiser.param_groups:
            group["lr"] = self.recipe.travel * part
        self.alpha_optimiser.step()

    def compare(self, paths: list[Route], step: int) -> npt.NDArray[np.float64]:
        """Log errors of some paths on one batch of the architecture's half, (paths,)."""
        batch = self._batch(ALPHA, step)
        return np.array([float(self._log_error(path, batch)) for path in paths])

    def _score_function(self, paths: list[Route], errors: torch.Tensor) -> torch.Tensor:
        """A sum whose gradient estimates that of the expected log error."""
        count = len(paths)
        # Against the mean of the others: unbiased, since they were drawn independently.
        advantages = (errors - errors.mean()) * (count / (count - 1))
        total = torch.zeros((), device=self.fabric.device)
        logarithms = [torch.log_softmax(row, dim=0) for row in self.alphas.logits()]
        for path, advantage in zip(paths, advantages, strict=True):
            chances = [row[choice] for row, choice in zip(logarithms, path, strict=True)]
            total = total + advantage * torch.stack(chances).sum()
        return total / count

    def _log_error(self, choice: Route | Mixture, batch: Batch) -> torch.Tensor:
        """By the averaged weights, which have no gradient; a mixture may have one."""
        return log_error(self.fabric, self.average, choice, batch)

    def _sample(self, rng: np.random.Generator, *, uniform: bool = False) -> Route:
        if uniform:
            return tuple(int(rng.integers(len(pairs))) for pairs in PAIRS)
        chances = [row.double().cpu().numpy() for row in self.weights()]
        return tuple(int(rng.choice(len(row), p=row / row.sum())) for row in chances)

    def _batch(self, half: Half, step: int) -> Batch:
        return self.batches.draw(half, self.crew.batch(step)).to(self.fabric.device)

    def _ask(self, half: Half, step: int, network: Supernet, *choices: Route | Mixture) -> None:
        """Let the other devices compute with these weights."""
        routes = tuple(choice for choice in choices if isinstance(choice, tuple))
        rows = [row for choice in choices if not isinstance(choice, tuple) for row in choice]
        order = Order(
            do="work",
            part=half,
            batch=self.crew.batch(step),
            routes=routes,
            values=tuple(value for row in rows for value in row.tolist()),
        )
        self.crew.work(order, network.parameters())

    def _cost_rows(self) -> list[torch.Tensor]:
        return [row.to(self.fabric.device) for row in cost.by_pair(self.costs)]

    def forget_gradients(self) -> None:
        """Leave no gradient of the convolutions behind, not even zeros."""
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)

    # Checkpoints -------------------------------------------------------------

    def tensors(self) -> Tensors:
        """Everything that a search goes on from."""
        found = {f"weights.{name}": t for name, t in self.plain.state_dict().items()}
        found |= {f"average.{name}": t for name, t in self.average.state_dict().items()}
        found |= {f"alphas.{name}": t for name, t in self.alphas.state_dict().items()}
        found["costs"] = cost.as_tensor(self.costs)
        for place, optimiser in enumerate((*self.optimisers, self.alpha_optimiser)):
            for index, moments in optimiser.state_dict()["state"].items():
                found |= {f"optimiser.{place}.{index}.{key}": t for key, t in moments.items()}
        return found

    def restore(self, tensors: Tensors) -> None:
        """Go on from the tensors of a checkpoint."""
        device = self.fabric.device

        def part(prefix: str) -> Tensors:
            return {
                name.removeprefix(prefix): tensor.to(device)
                for name, tensor in tensors.items()
                if name.startswith(prefix)
            }

        self.plain.load_state_dict(part("weights."))
        self.average.load_state_dict(part("average."))
        self.alphas.load_state_dict(part("alphas."))
        self.costs = cost.from_tensor(tensors["costs"])
        for place, optimiser in enumerate((*self.optimisers, self.alpha_optimiser)):
            moments: dict[int, Tensors] = {}
            for name, tensor in part(f"optimiser.{place}.").items():
                index, key = name.split(".", 1)
                moments.setdefault(int(index), {})[key] = tensor
            optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})


def _falling(share: float) -> float:
    """A cosine from 1 to `_LAST_RATE`."""
    return _LAST_RATE + (1.0 - _LAST_RATE) * 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0)))
