"""Random pairs of a shrunk patch and its truth, and what a network makes of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from napari_hsi_restore.degradations import gaussian_psf
from napari_hsi_restore.degradations.resize import antialiased_cubic
from napari_hsi_restore.models.neighbours import Indices, partition
from napari_hsi_restore.models.resampling import bicubic, kernel_matrix
from napari_hsi_restore.models.spec import EigenSRSpec, SuperresSpec
from napari_hsi_restore.training.colours import between
from napari_hsi_restore.training.recipe import SuperresTraining
from napari_hsi_restore.training.scenes import MARGIN, Scene

BEYOND = 2
"""Bands beyond each end of a run that its outer bands have as neighbours."""


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """One batch.

    Attributes
    ----------
    low : float32 tensor, (batch, channels, y, x) or (batch, bands, 5, y, x)
        Components, or bands with their neighbours.
    truth : float32 tensor, (batch, channels or bands, scale y, scale x)
    weight : float32 tensor, (batch, channels or bands)
    """

    low: torch.Tensor
    truth: torch.Tensor
    weight: torch.Tensor


class PairSource:
    """Draws batches from scenes.

    Parameters
    ----------
    scenes : list of Scene
        On the device that the batches are wanted on.
    recipe : SuperresTraining
    photographs : list of Scene
        Give `recipe.photograph_share` of the patches.
    """

    def __init__(
        self, scenes: list[Scene], recipe: SuperresTraining, photographs: Sequence[Scene] = ()
    ) -> None:
        self.scenes, self.recipe = [*scenes, *photographs], recipe
        self.device = scenes[0].images.device
        scale, mix = recipe.network.scale, recipe.blur
        length = (recipe.patch + 2 * MARGIN) * scale
        widths = np.linspace(mix.narrowest, mix.widest, mix.kernels) * scale
        kernels = [
            antialiased_cubic(1 / scale),
            *(gaussian_psf(scale, float(width)) for width in widths),
        ]
        inside = slice(MARGIN, MARGIN + recipe.patch)
        bank = np.stack([kernel_matrix(length, 1 / scale, kernel)[inside] for kernel in kernels])
        self.bank = torch.from_numpy(bank).to(self.device)
        # A large scene has more to show than a small one, but not in proportion.
        chances = np.array([scene.area**0.5 for scene in self.scenes])
        chances[: len(scenes)] /= chances[: len(scenes)].sum()
        if photographs:
            share = recipe.photograph_share
            chances[: len(scenes)] *= 1 - share
            chances[len(scenes) :] *= share / chances[len(scenes) :].sum()
        self.chances = chances

    def draw(self, step: int) -> Pairs:
        """The batch of a step: the same for the same recipe, scenes and step."""
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, step])
        chosen = rng.choice(len(self.scenes), size=recipe.batch, p=self.chances)
        cut = [self._cut(self.scenes[int(index)], rng) for index in chosen]
        large = torch.stack([images for images, _ in cut])
        weight = torch.stack([weight for _, weight in cut])
        blurred = rng.random(recipe.batch) < recipe.blur.psf
        kernels = np.where(blurred, rng.integers(1, len(self.bank), recipe.batch), 0)
        down = self.bank[torch.from_numpy(kernels).to(self.device)]
        # (batch, 1, patch, P) with every channel; both axes are shrunk alike.
        low = torch.matmul(torch.matmul(down[:, None], large), down[:, None].mT)
        border = MARGIN * recipe.network.scale
        truth = large[..., border:-border, border:-border]
        if isinstance(recipe.network, EigenSRSpec):
            return Pairs(low, truth, weight)
        return self._with_neighbours(low, truth, weight, rng)

    def _cut(self, scene: Scene, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """One patch with its margin, turned and mirrored, and the weights of its channels."""
        recipe = self.recipe
        side = (recipe.patch + 2 * MARGIN) * recipe.network.scale
        if scene.places is not None and rng.random() < recipe.detail_share:
            row, column = scene.places.draw(rng)
        else:
            row, column = (int(rng.integers(n - side + 1)) for n in scene.images.shape[1:])
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        images = scene.images[:, row : row + side, column : column + side]
        weight = scene.weight
        if isinstance(recipe.network, EigenSRSpec):
            signs = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), len(weight))
            missing = len(weight) - len(images)
            piece = functional.pad(images, (0, 0, 0, 0, 0, missing))
            piece = piece * torch.from_numpy(signs).to(self.device)[:, None, None]
        elif scene.colours:
            mixture = between(len(images), recipe.bands + 2 * BEYOND, rng)
            piece = torch.tensordot(torch.from_numpy(mixture).to(self.device), images, dims=1)
            # All colours of a photograph weigh alike.
            weight = weight[:1].expand(len(piece))
        else:
            bands = self._bands(len(images), rng)
            piece, weight = images[bands], weight[bands]
        piece = torch.rot90(piece, turns, dims=(1, 2))
        return (piece.flip(2) if mirrored else piece), weight

    def _bands(self, bands: int, rng: np.random.Generator) -> torch.Tensor:
        """A run of bands with those beyond each end, as far as the cube has them."""
        wanted = self.recipe.bands
        first = int(rng.integers(0, max(0, bands - wanted) + 1))
        run = np.arange(first - BEYOND, first + wanted + BEYOND)
        return torch.from_numpy(_mirrored(run, bands)).to(self.device)

    def _with_neighbours(
        self, low: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor, rng: np.random.Generator
    ) -> Pairs:
        """The bands of the run with their neighbours; now and then as if the cube ended there."""
        table = partition(low.shape[1])[BEYOND:-BEYOND]
        if rng.random() < 2 / (2 + self.recipe.bands):
            table = partition(self.recipe.bands) + BEYOND
        low = low[:, torch.from_numpy(table).to(self.device)]
        return Pairs(low, truth[:, BEYOND:-BEYOND], weight[:, BEYOND:-BEYOND])


def _mirrored(indices: Indices, length: int) -> Indices:
    """Indices beyond the ends turned back into 0..length - 1."""
    period = max(1, 2 * (length - 1))
    folded = np.abs(indices) % period
    return np.where(folded < length, folded, period - folded)


def enlarged_of(network: Any, spec: SuperresSpec, pairs: Pairs) -> torch.Tensor:
    """What a network in training makes of the shrunk patches of a batch.

    Parameters
    ----------
    network : Module
        As built from the spec, or wrapped for training.
    spec : SuperresSpec
    pairs : Pairs

    Returns
    -------
    float32 tensor, (batch, channels or bands, scale y, scale x)
        As `Pairs.truth`.
    """
    if isinstance(spec, EigenSRSpec):
        enlarged: torch.Tensor = bicubic(pairs.low, spec.scale) + network(pairs.low).float()
    else:
        enlarged = network(pairs.low, torch.zeros(pairs.low.shape[1], dtype=torch.bool))
    return enlarged
