"""``python -m benchmarks.finetune``: what fine-tuning gains on a sensor that a model never saw.

Protocol: one scene, white at 1, in two halves. The made-up sensor adds Gaussian noise
whose sigma is drawn once for every band, log-uniform from 5 to 40 on the 0..255 scale,
and is not told to anyone. The model is fine-tuned on the left half: with its clean
reference (reference), on the clean left half that gets noise estimated from the noisy
one (degraded), or on the noisy left half alone (self-supervised). Then it denoises the
noisy right half, which nothing was learned from, as a user would (noise estimated).
Figures are the PSNR of the right half in dB (whole cube, peak 1, results clipped to
[0, 1]) and its gain over the model before; beside it what the program itself said,
from held-out pixels of the left half.

Scenes: stas_p was trained on airborne and satellite sensors, never on CAVE's camera.
abu-beach-3 is a scene that was never trained on, of a sensor (AVIRIS) that was.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.scenes import DATA
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Done, Metric
from napari_hsi_restore.io import read
from napari_hsi_restore.metrics import psnr
from napari_hsi_restore.restore import DenoiseRecipe, denoise
from napari_hsi_restore.training.cubes import normalised
from napari_hsi_restore.training.finetune import FineTuneRecipe, finetune
from napari_hsi_restore.zoo import record
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE

SCENES = (
    "validation/cave/superballs.tif",
    "validation/cave/hairs.tif",
    "validation/airborne/abu-beach-3.mat",
)
METHODS = ("reference", "degraded", "self-supervised")


def halves(path: Path, seed: int) -> tuple[HyperCube, HyperCube, HyperCube, HyperCube]:
    """Clean and noisy left half, clean and noisy right half."""
    clean = normalised(read(path))
    rng = np.random.default_rng([seed, 5])
    sigma = np.exp(rng.uniform(np.log(5), np.log(40), len(clean))) / 255
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    noisy = clean + noise * sigma.astype(np.float32)[:, None, None]
    middle = clean.shape[2] // 2
    left, right = slice(0, middle), slice(middle, None)
    name = path.stem

    def cube(data: np.ndarray, columns: slice) -> HyperCube:
        part = np.ascontiguousarray(data[:, :, columns])
        return HyperCube(part, name=name, white_level=1.0)

    return cube(clean, left), cube(noisy, left), cube(clean, right), cube(noisy, right)


def quality(model: str, clean: HyperCube, noisy: HyperCube) -> float:
    """PSNR in dB of what a model makes of a noisy cube."""
    result = denoise(noisy, DenoiseRecipe(model=model, device="cpu"))
    return float(psnr(clean.array(), np.clip(result.array(), 0, 1), 1.0))


def tuned(
    method: str, options: argparse.Namespace, clean: HyperCube, noisy: HyperCube, folder: Path
) -> tuple[str, list[float], int]:
    """Name of the fine-tuned model, its held-out PSNR at every check, and the steps."""
    recipe = FineTuneRecipe(
        name=f"tuned-{method}-{time.monotonic_ns()}",
        start=options.model,
        method=method,
        minutes=options.minutes,
        steps=options.steps,
        device="cpu",
        seed=options.seed,
        **({} if options.rate is None else {"learning_rate": options.rate}),
    )
    cubes = [clean] if method == "degraded" else [noisy]
    references = [clean] if method == "reference" else None
    noise_from = noisy if method == "degraded" else None
    curve: list[float] = []
    steps = 0
    for event in finetune(recipe, cubes, references, folder / recipe.name, noise_from=noise_from):
        if isinstance(event, Metric) and event.name == "psnr":
            curve.append(event.value)
            steps = event.step
        if isinstance(event, Done):
            return recipe.name, curve, steps
    raise AssertionError("fine-tuning ended without a model")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.finetune")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real cubes")
    parser.add_argument("--model", default="stas_p", help="start model")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--steps", type=int, help="so many steps instead of minutes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, help="learning rate instead of the default")
    parser.add_argument("--scenes", nargs="+", default=list(SCENES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| scene | method | steps | PSNR before | after | gain | the program said | held-out |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        os.environ[FOLDER_VARIABLE] = str(Path(place) / "models")
        for scene in options.scenes:
            clean, noisy, clean_right, noisy_right = halves(options.data / scene, options.seed)
            before = quality(options.model, clean_right, noisy_right)
            for method in options.methods:
                name, curve, steps = tuned(method, options, clean, noisy, Path(place))
                after = quality(name, clean_right, noisy_right)
                said = record(name)
                gain, error = (said.scores[f"held-out/{key}"] for key in ("gain", "gain_error"))
                print(
                    f"| {Path(scene).stem} | {method} | {steps} | {before:.2f} | {after:.2f} | "
                    f"{after - before:+.2f} | {gain:+.2f} +- {error:.2f}"
                    f"{'' if said.recommended else ', not recommended'} | "
                    f"{' '.join(f'{value:.2f}' for value in curve)} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
