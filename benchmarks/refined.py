"""``python -m benchmarks.refined``: what each part of `refined` gives, and where the error is.

Validation scenes with white at 1, Gaussian noise of the same level in all bands, told (seed 0).
The first columns are the PSNR in dB (peak 1, results clipped to [0, 1]) of `ngmeet`, of `ngmeet`
whose draft a network looked over, of that with a second network behind it, and of all of `refined`.
Then come shares of the squared error of the last: what is left outside of the subspace, the noise
of the scene itself included, and what is left along the strongest axis; beside it how much of the
noise along that axis this is.
"""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import numpy as np

from benchmarks.scenes import DATA, scenes
from napari_hsi_restore.classical.ferns import regained
from napari_hsi_restore.classical.ngmeet import RESERVOIR as NGMEET_RESERVOIR
from napari_hsi_restore.classical.ngmeet import Image, axes_of, ngmeet
from napari_hsi_restore.classical.refined import (
    DRAFT_NETWORK,
    LAST_NETWORK,
    RESERVOIR,
    load_correction,
    looked_over,
)
from napari_hsi_restore.classical.subspace import Subspace, find_subspace
from napari_hsi_restore.degradations import add_gaussian
from napari_hsi_restore.metrics import psnr
from napari_hsi_restore.noise.measured import Moments
from napari_hsi_restore.noise.portion import finish
from napari_hsi_restore.training.patches import moments

LEVELS = (10.0, 30.0, 50.0)


def parts(components: Image, strong: int) -> list[Image]:
    """The estimates of `ngmeet` and with one, two and three more steps, the last with all axes."""
    leading = components[: strong + NGMEET_RESERVOIR]
    draft, last = load_correction(DRAFT_NETWORK, 1), load_correction(LAST_NETWORK, 2)
    improve = functools.partial(looked_over, draft, strong=strong)
    plain = finish(ngmeet(leading, strong))
    guided = finish(ngmeet(leading, strong, improve))
    both = finish(looked_over(last, leading, guided.copy(), strong))
    return [plain, guided, both, finish(regained(components, both, strong))]


def spectra(subspace: Subspace, estimate: Image) -> Image:
    """The cube of an estimate in the first axes of a subspace."""
    padded = np.zeros((subspace.axes.shape[1], *estimate.shape[1:]), dtype=np.float32)
    padded[: len(estimate)] = estimate
    found = subspace.spectra(padded.reshape(len(padded), -1))
    return found.reshape(-1, *estimate.shape[1:])


def row(clean: Image, level: float) -> str:
    """The cells of one scene, (bands, y, x), with noise of one level, white at 255."""
    noisy = add_gaussian(clean, level, np.random.default_rng(0))
    sigma = np.full(len(clean), level / 255)
    subspace = find_subspace(Moments(*moments(noisy), clean[0].size), sigma, RESERVOIR)
    everywhere = np.ones((len(clean), clean[0].size), dtype=bool)
    flat = subspace.project(noisy.reshape(len(noisy), -1), everywhere)
    estimates = parts(flat.reshape(-1, *clean.shape[1:]), subspace.strong)
    cubes = [spectra(subspace, estimate) for estimate in estimates]
    inside = axes_of(estimates[-2], subspace.strong)
    axes = subspace.axes[:, : len(inside)] @ inside
    error = (clean - cubes[-1]).reshape(len(clean), -1) / sigma[:, None]
    total = float(np.square(error).sum())
    beyond = 1.0 - float(np.square(axes.T @ error).sum()) / total
    first = float(np.square(axes[:, 0] @ error).sum())
    scores = [f"{psnr(clean, cube, 1.0, clip=True):.2f}" for cube in cubes]
    shares = [f"{beyond:.0%}", f"{first / total:.0%}", f"{first / clean[0].size:.2f}"]
    return " | ".join(scores + shares)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.refined")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real cubes")
    options = parser.parse_args()
    print(
        "| scene | noise | ngmeet | + draft network | + last network | + ferns "
        "| outside | strongest axis | of its noise |\n|---|---|---|---|---|---|---|---|---|"
    )
    for group in ("airborne", "cave"):
        for scene in scenes(group, "validation", options.data):
            for level in LEVELS:
                print(f"| {scene.name} | {level:g} | {row(scene.array(), level)} |", flush=True)


if __name__ == "__main__":
    main()
