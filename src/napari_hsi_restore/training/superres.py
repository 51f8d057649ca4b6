"""Training of a network that enlarges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.metrics import psnr, sam_degrees
from napari_hsi_restore.models.catalog import Network, build
from napari_hsi_restore.models.spec import SuperresSpec
from napari_hsi_restore.restore.enlargers import enlarger_of
from napari_hsi_restore.training import cubes, photographs, pictures
from napari_hsi_restore.training.pairs import Pairs, PairSource, enlarged_of
from napari_hsi_restore.training.patches import moments
from napari_hsi_restore.training.recipe import SuperresTraining
from napari_hsi_restore.training.scenes import Scene, scenes_of
from napari_hsi_restore.training.start import begun

SIDE = 192
"""Pixels of the square in the middle of a validation scene that is scored."""

VALIDATION_BYTES = 2.0 * 2**30


class Enlarging:
    """Training of a network that enlarges; see `napari_hsi_restore.training.tasks.Task`.

    Parameters
    ----------
    recipe : SuperresTraining
    """

    main_score = "gain_mean"

    def __init__(self, recipe: SuperresTraining) -> None:
        self.recipe = recipe
        self.held_out: list[tuple[str, cubes.Cube]] = []
        self.scenes: list[Scene] = []
        self.photographs: list[Scene] = []
        self.source: PairSource | None = None

    def spec(self) -> SuperresSpec:
        """See `Task.spec`."""
        return self.recipe.network

    def network(self) -> Network:
        """See `Learner.network`."""
        return begun(build(self.recipe.network), self.recipe.start)

    def load(self, data: Path) -> None:
        """See `Task.load`."""
        recipe = self.recipe
        training = cubes.find(data, recipe.train)
        held_out = cubes.find(data, recipe.validation)
        self.held_out = [(path.parent.name, cubes.load([path])[0]) for path in held_out]
        self.scenes = scenes_of(cubes.load(training), recipe)
        self.scenes += scenes_of(pictures.load(recipe.pictures), recipe, colours=True)
        small = photographs.read(cubes.find(data, recipe.photographs))
        self.photographs = scenes_of(small, recipe, (1.0,), colours=True)

    def place(self, device: torch.device) -> None:
        """See `Learner.place`."""
        scenes, photos = (
            [scene.to(device) for scene in group] for group in (self.scenes, self.photographs)
        )
        self.source = PairSource(scenes, self.recipe, photos)
        self.scenes, self.photographs = [], []

    def loss(self, network: Any, step: int) -> torch.Tensor:
        """See `Learner.loss`."""
        assert self.source is not None, "place comes first"
        pairs = self.source.draw(step)
        enlarged = enlarged_of(network, self.recipe.network, pairs)
        error = squared_error if self.recipe.loss == "relative_squared" else absolute_error
        return error(enlarged, pairs)

    def scores(self, network: Any) -> dict[str, float]:
        """Gain over bicubic in dB and spectral angle, by group of scenes and over all."""
        found: dict[str, list[tuple[float, float]]] = {}
        for group, cube in self.held_out:
            found.setdefault(group, []).append(self._score(network, cube))
        means = {name: np.mean(rows, axis=0) for name, rows in found.items()}
        means["mean"] = np.mean(list(means.values()), axis=0)
        return {
            f"{kind}_{name}": float(value)
            for name, row in means.items()
            for kind, value in zip(("gain", "sam_change"), row, strict=True)
        }

    def _score(self, network: Network, cube: cubes.Cube) -> tuple[float, float]:
        """Gain over bicubic in dB and change of the spectral angle in degrees."""
        spec = self.recipe.network
        side = SIDE // spec.scale * spec.scale
        height, width = (min(side, length) // spec.scale * spec.scale for length in cube.shape[1:])
        top, left = (cube.shape[1] - height) // 2, (cube.shape[2] - width) // 2
        truth = np.ascontiguousarray(cube[:, top : top + height, left : left + width])
        low = np.asarray(resize_bicubic(truth, scale=1 / spec.scale), dtype=np.float32)
        plain = resize_bicubic(low, scale=spec.scale)
        enlarger = enlarger_of(network, spec, *moments(low), wavelengths_nm=None, white=1.0)
        assert enlarger is not None
        result = np.empty_like(truth)
        for _, ready in enlarger.enlarge(low, VALIDATION_BYTES):
            if ready is not None:
                result[ready.bands] = ready.values
        ours, theirs = (
            (psnr(truth, found, 1.0, clip=True), sam_degrees(truth, found, clip_to=1.0))
            for found in (result, plain)
        )
        return ours[0] - theirs[0], ours[1] - theirs[1]


def absolute_error(enlarged: torch.Tensor, pairs: Pairs) -> torch.Tensor:
    """The weighted mean absolute error, ``mean(weight |enlarged - truth|)``, a scalar."""
    return ((enlarged - pairs.truth).abs().mean(dim=(2, 3)) * pairs.weight).mean()


def squared_error(enlarged: torch.Tensor, pairs: Pairs) -> torch.Tensor:
    """The weighted mean squared error, ``mean((weight (enlarged - truth))^2)``, a scalar.

    With weights that are the lengths of orthogonal components this is, but for a factor,
    the squared error over the bands.
    """
    return ((enlarged - pairs.truth).square().mean(dim=(2, 3)) * pairs.weight.square()).mean()
