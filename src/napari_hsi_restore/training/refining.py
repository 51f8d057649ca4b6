"""Training of the network that looks over what `ngmeet` removed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_hsi_restore.classical.correction import correction, scales
from napari_hsi_restore.models.architectures.refiner import LEADING
from napari_hsi_restore.models.catalog import Network, build
from napari_hsi_restore.models.spec import RefinerSpec
from napari_hsi_restore.noise.measured import Moments
from napari_hsi_restore.noise.portion import finish
from napari_hsi_restore.training import cubes, pilots
from napari_hsi_restore.training.patches import moments
from napari_hsi_restore.training.pilots import Denoiser, Pilot
from napari_hsi_restore.training.recipe import RefinerTraining
from napari_hsi_restore.training.start import begun
from napari_hsi_restore.training.validation import CASES

SIDE = 192
"""Pixels of the square in the middle of a validation scene that is scored."""

_LEAST_ERROR = 1e-4
_EVENLY = 0.2


@dataclasses.dataclass(frozen=True, eq=False)
class _Scene:
    """A pilot with what the draw of its components goes by.

    Attributes
    ----------
    pilot : Pilot
    errors : float32 tensor, (components,)
        Mean square of what is wrong in each, in units of the noise.
    chances : float64 ndarray, (components,)
        That a component is drawn; their sum is 1.
    scale : float32 tensor, (components,)
        As `napari_hsi_restore.classical.correction.scales` gives it.
    """

    pilot: Pilot
    errors: torch.Tensor
    chances: np.ndarray
    scale: torch.Tensor


class Refining:
    """Training of a refiner; see `napari_hsi_restore.training.tasks.Task`.

    Parameters
    ----------
    recipe : RefinerTraining
    """

    main_score = "gain_mean"

    def __init__(self, recipe: RefinerTraining) -> None:
        self.recipe = recipe
        self.scenes: list[_Scene] = []
        self.held_out: list[tuple[str, Pilot]] = []
        self.device = torch.device("cpu")

    def spec(self) -> RefinerSpec:
        """See `Task.spec`."""
        return self.recipe.network

    def network(self) -> Network:
        """See `Learner.network`."""
        return begun(build(self.recipe.network), self.recipe.start)

    def load(self, data: Path) -> None:
        """See `Task.load`; makes the pilots that are not there yet."""
        recipe, folder = self.recipe, Path(self.recipe.pilots)
        for _ in pilots.missing(recipe, data, folder, range(recipe.draws)):
            pass
        names = [source.name for source in pilots.sources(recipe, data)]
        self.scenes = [
            _scene(pilots.load(pilots.path_of(folder, name, draw)))
            for name in names
            for draw in range(recipe.draws)
        ]
        denoiser = pilots.denoiser_of(recipe)
        for path in cubes.find(data, recipe.validation):
            cube = cubes.load([path])[0]
            for case in CASES:
                kept = pilots.path_of(folder, f"validation-{path.stem}-{case.name}", 0)
                if not kept.exists():
                    pilots.save(_held_out(cube, case.levels, denoiser), kept)
                self.held_out.append((path.parent.name, pilots.load(kept)))

    def place(self, device: torch.device) -> None:
        """See `Learner.place`."""
        self.device = device

    def loss(self, network: Any, step: int) -> torch.Tensor:
        """Squared error of the corrected components, 1 where nothing is corrected."""
        rng = np.random.default_rng([self.recipe.seed, step])
        sizes = np.array([scene.pilot.estimate.size for scene in self.scenes]) ** 0.5
        chosen = rng.choice(len(self.scenes), size=self.recipe.batch, p=sizes / sizes.sum())
        rows = [self._cut(self.scenes[int(index)], rng) for index in chosen]
        *inputs, error, expected = (
            torch.stack(part).to(self.device) for part in zip(*rows, strict=True)
        )
        found = network(*inputs).float()
        loss: torch.Tensor = ((found - error).square().mean(dim=(2, 3)) / expected).mean()
        return loss

    def scores(self, network: Any) -> dict[str, float]:
        """Gain over `ngmeet` in dB, by group of scenes and over all."""
        found: dict[str, list[float]] = {}
        for group, pilot in self.held_out:
            error = pilot.error.astype(np.float64)
            removed = pilot.removed.astype(np.float32)
            steps = correction(network, self.recipe.network.halo, removed, pilot.estimate)
            ours = error - finish(steps)
            gain = 10 * np.log10(np.mean(error**2) / np.mean(ours**2))
            found.setdefault(group, []).append(float(gain))
        means = {name: float(np.mean(gains)) for name, gains in found.items()}
        means["mean"] = float(np.mean(list(means.values())))
        return {f"gain_{name}": value for name, value in means.items()}

    def _cut(self, scene: _Scene, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
        """Some components of a patch with the leading ones, turned, mirrored, signs at random."""
        recipe, pilot = self.recipe, scene.pilot
        count, height, width = pilot.estimate.shape
        top = int(rng.integers(0, max(height - recipe.patch, 0) + 1))
        left = int(rng.integers(0, max(width - recipe.patch, 0) + 1))
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        taken = rng.choice(count, size=recipe.chosen, p=scene.chances)
        leading = np.minimum(np.arange(LEADING), count - 1)
        signs = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), count)

        def patch(images: np.ndarray, which: np.ndarray) -> torch.Tensor:
            piece = images[which, top : top + recipe.patch, left : left + recipe.patch]
            piece = piece.astype(np.float32) * signs[which][:, None, None]
            short = (recipe.patch - piece.shape[1], recipe.patch - piece.shape[2])
            if any(short):
                piece = np.pad(piece, ((0, 0), (0, short[0]), (0, short[1])), mode="symmetric")
            piece = np.rot90(piece, turns, axes=(1, 2))
            piece = piece[:, :, ::-1] if mirrored else piece
            return torch.from_numpy(np.ascontiguousarray(piece))

        return (
            patch(pilot.removed, taken),
            patch(pilot.estimate, taken),
            patch(pilot.removed, leading),
            patch(pilot.estimate, leading),
            scene.scale[taken],
            patch(pilot.error, taken),
            scene.errors[taken],
        )


def _scene(pilot: Pilot) -> _Scene:
    errors = np.square(pilot.error, dtype=np.float32).mean(axis=(1, 2)) + np.float32(_LEAST_ERROR)
    # Most where most is wrong: what counts in the end is the sum over the components.
    shares = errors.astype(np.float64) / errors.sum(dtype=np.float64)
    chances = _EVENLY / len(errors) + (1 - _EVENLY) * shares
    return _Scene(
        pilot,
        torch.from_numpy(errors),
        chances / chances.sum(),
        torch.from_numpy(scales(pilot.estimate)),
    )


def _held_out(cube: cubes.Cube, levels: tuple[float, ...], denoiser: Denoiser) -> Pilot:
    """The middle of a validation scene with noise, denoised."""
    rng = np.random.default_rng(0)
    top, left = (max(0, (side - SIDE) // 2) for side in cube.shape[1:])
    clean = cube[:, top : top + SIDE, left : left + SIDE]
    sigma = rng.choice(np.array(levels), len(clean)) / 255.0
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    noisy = clean + noise * sigma.astype(np.float32)[:, None, None]
    return pilots.of(clean, noisy, sigma, Moments(*moments(noisy), clean[0].size), denoiser)
