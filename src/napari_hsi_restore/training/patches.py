"""Random training batches: clean cube in, noisy components and their truth out."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import torch

from napari_hsi_restore.models.basis import Basis, band_basis, eigenbasis
from napari_hsi_restore.training.cubes import Cube
from napari_hsi_restore.training.recipe import NoiseMix, TrainingRecipe

Float = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """One batch; B = crops x patches.

    Attributes
    ----------
    noisy, clean : float32 tensor, (B, components, y, x)
        Components of about unit variance.
    level : float32 tensor, (B, components)
        Standard deviation of the noise of every component.
    crops : int
        The first B / crops patches come from the first region, and so on.
    """

    noisy: torch.Tensor
    clean: torch.Tensor
    level: torch.Tensor
    crops: int

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        return Batch(
            self.noisy.to(device), self.clean.to(device), self.level.to(device), self.crops
        )


def draw_sigma(mix: NoiseMix, bands: int, rng: np.random.Generator) -> Float:
    """Noise of a cube, (bands,), where white is 1."""

    def levels(count: int) -> Float:
        low, high = mix.lowest, mix.highest
        if rng.random() < 0.5:
            return rng.uniform(low, high, count)
        return np.exp(rng.uniform(np.log(low), np.log(high), count))

    kind = rng.choice(3, p=np.array([mix.iid, mix.per_band, mix.correlated]))
    if kind == 0:
        sigma = np.repeat(levels(1), bands)
    elif kind == 1:
        sigma = levels(bands)
    else:
        place = np.linspace(0, 1, bands) - rng.uniform(0.2, 0.8)
        sigma = np.maximum(levels(1) * np.exp(-((place / rng.uniform(0.2, 0.6)) ** 2)), mix.lowest)
    return sigma / 255.0


def moments(cube: Cube) -> tuple[Float, Float]:
    """Mean (bands,) and covariance (bands, bands) of the spectra of a cube."""
    flat = cube.reshape(len(cube), -1)
    mean = flat.mean(axis=1, dtype=np.float64)
    centred = flat - mean[:, None].astype(np.float32)
    return mean, np.asarray(centred @ centred.T, dtype=np.float64) / flat.shape[1]


def draw_batch(cubes: list[Cube], recipe: TrainingRecipe, step: int) -> Batch:
    """The batch of a step: the same for the same recipe, cubes and step.

    Parameters
    ----------
    cubes : list of float32 ndarray, (bands, y, x)
        Clean, white at 1.
    recipe : TrainingRecipe
    step : int

    Returns
    -------
    Batch
        On the CPU.
    """
    rng = np.random.default_rng([recipe.seed, step])
    # A large scene has more to show than a small one, but not in proportion.
    weights = np.array([float(cube.shape[1] * cube.shape[2]) ** 0.5 for cube in cubes])
    regions = []
    for _ in range(recipe.crops):
        cube = cubes[int(rng.choice(len(cubes), p=weights / weights.sum()))]
        regions.append(_draw_region(cube, recipe, rng))
    components = max(basis.components for _, _, basis in regions)
    rows = [
        _cut(*_with_components(region, components, recipe), recipe.patch, rng)
        for region in regions
        for _ in range(recipe.patches)
    ]
    noisy, clean, level = (torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))
    return Batch(noisy, clean, level, recipe.crops)


Region = tuple[Cube, Cube, Basis]


def _draw_region(cube: Cube, recipe: TrainingRecipe, rng: np.random.Generator) -> Region:
    """A clean region, the same with noise, and the basis of the noisy one."""
    bands, height, width = cube.shape
    count = int(rng.integers(min(recipe.fewest_bands, bands), bands + 1))
    count = bands if rng.random() < 0.5 else count
    first = int(rng.integers(0, bands - count + 1))
    side_y, side_x = min(recipe.crop, height), min(recipe.crop, width)
    row = int(rng.integers(0, height - side_y + 1))
    column = int(rng.integers(0, width - side_x + 1))
    clean = cube[first : first + count, row : row + side_y, column : column + side_x]
    sigma = draw_sigma(recipe.noise, count, rng)
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    noisy = clean + noise * sigma.astype(np.float32)[:, None, None]
    told = sigma * np.exp(recipe.noise.misjudged * rng.standard_normal(count))
    mean, covariance = moments(noisy)
    if recipe.domain == "bands":
        return clean, noisy, band_basis(mean, covariance, told)
    basis = eigenbasis(mean, covariance, told, side_y * side_x, recipe.most_components)
    return clean, noisy, basis


def _with_components(
    region: Region, components: int, recipe: TrainingRecipe
) -> tuple[Cube, Cube, npt.NDArray[np.float32]]:
    """Noisy and clean components and their noise, padded with empty ones to `components`."""
    clean, noisy, basis = region
    missing = components - basis.components

    def project(data: Cube) -> Cube:
        return np.pad(basis.project(data), ((0, missing), (0, 0), (0, 0)))

    level = np.pad(basis.level, (0, missing), constant_values=1.0).astype(np.float32)
    return project(noisy), project(clean), level


def _cut(
    noisy: Cube,
    clean: Cube,
    level: npt.NDArray[np.float32],
    side: int,
    rng: np.random.Generator,
) -> tuple[Cube, Cube, npt.NDArray[np.float32]]:
    """One patch, turned, mirrored, and with random signs of its components."""
    height, width = noisy.shape[1:]
    row = int(rng.integers(0, max(height - side, 0) + 1))
    column = int(rng.integers(0, max(width - side, 0) + 1))
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    signs = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), len(level))

    def patch(data: Cube) -> Cube:
        piece = data[:, row : row + side, column : column + side]
        short = (side - piece.shape[1], side - piece.shape[2])
        if any(short):
            piece = np.pad(piece, ((0, 0), (0, short[0]), (0, short[1])), mode="symmetric")
        piece = np.rot90(piece, turns, axes=(1, 2))
        piece = piece[:, :, ::-1] if mirrored else piece
        return np.ascontiguousarray(piece * signs[:, None, None])

    return patch(noisy), patch(clean), level
