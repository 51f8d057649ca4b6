"""``python -m benchmarks.auto``: whether what auto chooses is as good as the best method.

Validation scenes, every preset of noise, seed of the preset 0. White is 1, nothing is told,
results are clipped to [0, 1], PSNR is of the whole cube with peak 1. CAVE scenes are cut to
their middle (``--side``, 128 pixels), airborne ones are whole. The last columns tell what was
chosen and how far it is behind the best of the row.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from benchmarks.scenes import DATA, scenes
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.metrics import psnr
from napari_hsi_restore.noise import analyse
from napari_hsi_restore.noise.portion import finish
from napari_hsi_restore.restore import DenoiseRecipe, denoise
from napari_hsi_restore.restore.recommend import recommend

CASES = (
    "gaussian-5",
    "gaussian-10",
    "gaussian-30",
    "gaussian-50",
    "gaussian-70",
    "blind",
    "non-iid",
    "non-iid-55",
    "non-iid-95",
    "correlated",
    "stripe",
    "deadline",
    "impulse",
    "mixture",
    "poisson-100",
    "poisson-20",
)
METHODS = (
    "fasthyde",
    "ngmeet",
    "refined",
    "photon",
    "mended",
    "sparse",
    "fasthyin",
    "stas_c",
    "stas_p",
)
ALLOWED_DB = 0.3


def middle(cube: HyperCube, side: int) -> HyperCube:
    """The middle of an image, or the whole of a smaller one."""
    rows, columns = (
        slice(max(0, (length - side) // 2), max(0, (length - side) // 2) + side)
        for length in cube.shape[1:]
    )
    return cube.crop(rows, columns)


def score(clean: HyperCube, noisy: HyperCube, name: str) -> tuple[float, float]:
    """PSNR in dB and seconds of one method."""
    begin = time.perf_counter()
    result = denoise(noisy, DenoiseRecipe(model=name, device="cpu"))
    seconds = time.perf_counter() - begin
    values = np.clip(np.asarray(result.data), 0.0, 1.0)
    return float(psnr(np.asarray(clean.data), values, 1.0)), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.auto")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real cubes")
    parser.add_argument("--side", type=int, default=128, help="of the middle of CAVE scenes")
    parser.add_argument("--cases", nargs="+", default=list(CASES))
    parser.add_argument("--groups", nargs="+", default=["airborne", "cave"])
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    options = parser.parse_args()
    print(f"| scene | noise | {' | '.join(options.methods)} | auto | behind the best |")
    print(f"|---|---|{'---|' * len(options.methods)}---|---|")
    worst = 0.0
    for group in options.groups:
        for scene in scenes(group, "validation", options.data):
            clean = middle(scene, options.side)
            for case in options.cases:
                noisy = degrade(clean, case)
                chosen = recommend(finish(analyse(noisy))).model
                found = {name: score(clean, noisy, name) for name in options.methods}
                if chosen not in found:
                    found[chosen] = score(clean, noisy, chosen)
                behind = max(value for value, _ in found.values()) - found[chosen][0]
                worst = max(worst, behind)
                cells = (f"{found[n][0]:.2f} ({found[n][1]:.0f} s)" for n in options.methods)
                print(
                    f"| {scene.name} | {case} | {' | '.join(cells)} | {chosen} | {behind:.2f} |",
                    flush=True,
                )
    print(f"\nAt most {worst:.2f} dB behind the best (allowed {ALLOWED_DB}).")


if __name__ == "__main__":
    main()
