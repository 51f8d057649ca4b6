"""``python -m benchmarks.width``: quality against cost of the width of a network.

Trains the recipe of ``stas_c`` at several widths, and once on the bands themselves
instead of on eigenimages, each for the same time on the same device, and prints the
PSNR of the validation scenes (whole-cube, mean over the cases of
`napari_hsi_restore.training.validation`) and the seconds that a 256 x 256 x 31 cube
takes. Nothing under ``test/`` is read.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from importlib import resources
from pathlib import Path

import numpy as np
import torch

from benchmarks.scenes import DATA
from napari_hsi_restore.events import Metric
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.training.loop import train
from napari_hsi_restore.training.recipe import TrainingRecipe, load_recipe
from napari_hsi_restore.training.tasks import Denoising

COMPONENTS = 10
SIDE = 256


def committed(name: str) -> TrainingRecipe:
    path = resources.files("napari_hsi_restore.training") / "recipes" / f"{name}.json"
    return load_recipe(Path(str(path)))


def trained(
    recipe: TrainingRecipe, options: argparse.Namespace, folder: Path
) -> tuple[int, dict[str, float]]:
    """Steps made in the time given, and the last scores by case."""
    scores: dict[str, float] = {}
    step = 0
    events = train(recipe, options.data, folder, minutes=options.minutes, device=options.train_on)
    for event in events:
        if isinstance(event, Metric):
            step = max(step, event.step or 0)
            if event.name.startswith("psnr"):
                scores[event.name] = event.value
    return step, scores


def seconds(recipe: TrainingRecipe, device: str) -> float:
    """Best of three runs of the network over a 256 x 256 cube."""
    network = build(Denoising(recipe).spec()).eval().to(device)
    components = 31 if recipe.domain == "bands" else COMPONENTS
    noisy = torch.randn(1, components, SIDE, SIDE, device=device)
    level = torch.ones(1, components, device=device)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        with torch.inference_mode():
            network(noisy, level)
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - begin)
    return float(np.min(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.width")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real cubes")
    parser.add_argument("--minutes", type=float, default=8.0, help="training time of each")
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32, 64])
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--train-on", default="auto", help="auto, cpu or cuda")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    base = committed("stas_c")
    rows = [(width, "eigenimages") for width in options.widths] + [(base.width, "bands")]
    print(f"{options.minutes:g} minutes of training each, {options.threads} CPU thread(s)\n")
    columns = "width|basis|parameters|steps|sigma 10|sigma 50|non-iid|mean PSNR dB|CPU s|GPU s"
    print("| " + columns.replace("|", " | ") + " |\n" + "|---" * 10 + "|", flush=True)
    for width, domain in rows:
        recipe = base.model_copy(
            update={"width": width, "domain": domain, "steps": 10**6, "check_every": 10**6}
        )
        with tempfile.TemporaryDirectory() as folder:
            step, scores = trained(recipe, options, Path(folder))
        parameters = sum(weight.numel() for weight in build(Denoising(recipe).spec()).parameters())
        gpu = f"{seconds(recipe, 'cuda'):.3f}" if torch.cuda.is_available() else "not measured"
        print(
            f"| {width} | {domain} | {parameters:,} | {step} | {scores['psnr_sigma10']:.2f} | "
            f"{scores['psnr_sigma50']:.2f} | {scores['psnr_non-iid']:.2f} | "
            f"{scores['psnr_mean']:.2f} | {seconds(recipe, 'cpu'):.2f} | {gpu} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
