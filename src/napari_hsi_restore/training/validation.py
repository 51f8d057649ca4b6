"""The score that decides which weights are kept; from validation cubes only."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from napari_hsi_restore.models.basis import band_basis, eigenbasis
from napari_hsi_restore.models.catalog import Denoiser
from napari_hsi_restore.training.cubes import Cube
from napari_hsi_restore.training.patches import moments
from napari_hsi_restore.training.recipe import TrainingRecipe

SIDE = 192
"""Pixels of the square in the middle of a scene that is scored."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One kind of noise: its name and its sigmas on the 0..255 scale."""

    name: str
    levels: tuple[float, ...]


CASES = (
    Case("sigma10", (10.0,)),
    Case("sigma30", (30.0,)),
    Case("sigma50", (50.0,)),
    Case("sigma70", (70.0,)),
    Case("non-iid", (10.0, 30.0, 50.0, 70.0)),
)


@torch.inference_mode()
def validate(
    network: Denoiser, cubes: list[Cube], recipe: TrainingRecipe, device: torch.device
) -> dict[str, float]:
    """PSNR of the validation cubes (middle square, white at 1), mean over the cubes.

    Parameters
    ----------
    network : Stas or QRNN3D
    cubes : list of float32 ndarray, (bands, y, x)
    recipe : TrainingRecipe
    device : torch.device

    Returns
    -------
    dict
        dB by case, and ``"mean"``.
    """
    scores = {}
    for case in CASES:
        values = [_score(network, cube, case, recipe, device) for cube in cubes]
        scores[case.name] = float(np.mean(values))
    scores["mean"] = float(np.mean(list(scores.values())))
    return scores


def _score(
    network: Denoiser, cube: Cube, case: Case, recipe: TrainingRecipe, device: torch.device
) -> float:
    rng = np.random.default_rng(0)
    top, left = (max(0, (side - SIDE) // 2) for side in cube.shape[1:])
    clean = cube[:, top : top + SIDE, left : left + SIDE]
    sigma = rng.choice(np.array(case.levels), len(clean)) / 255.0
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    noisy = clean + noise * sigma.astype(np.float32)[:, None, None]
    mean, covariance = moments(noisy)
    pixels = clean.shape[1] * clean.shape[2]
    if recipe.domain == "bands":
        basis = band_basis(mean, covariance, sigma)
    else:
        basis = eigenbasis(mean, covariance, sigma, pixels, 32)
    components = torch.from_numpy(basis.project(noisy))[None].to(device)
    level = torch.from_numpy(basis.level.astype(np.float32))[None].to(device)
    restored = basis.restore(network(components, level)[0].float().cpu().numpy(), noisy)
    error = float(np.mean((np.clip(restored, 0, 1) - np.clip(clean, 0, 1)) ** 2))
    return -10.0 * float(np.log10(error))
