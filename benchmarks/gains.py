"""``python -m benchmarks.gains``: how much of the stripes of unequal detectors is taken off.

Validation scenes with white at 1 (CAVE: the middle 128 x 128 pixels), every column of every
third band times a gain of 1 +- 2 % (normal, seed 0), Gaussian noise of the same level in all
bands, not told. What is printed is the root mean square of the stripes where white is 255, in the
bands that have them: before, and after ``destripe``, less the noise, which is left as it is;
beside it what is left if the mean of every column were known, which is all that a shift can mend.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.auto import middle
from benchmarks.scenes import DATA, scenes
from napari_hsi_restore.degradations import add_gaussian
from napari_hsi_restore.restore import DenoiseRecipe, denoise

SPREAD, EVERY = 0.02, 3
LEVELS = (1.0, 2.0, 5.0, 10.0)


def rms(values: npt.NDArray[np.floating]) -> float:
    """Root mean square where white is 255."""
    return 255.0 * float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.gains")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real cubes")
    parser.add_argument("--side", type=int, default=128, help="of the middle of CAVE scenes")
    options = parser.parse_args()
    print("| scene | noise | stripes | after the best shifts | after destripe |")
    print("|---|---|---|---|---|")
    for group in ("airborne", "cave"):
        for scene in scenes(group, "validation", options.data):
            clean = middle(scene, options.side)
            values = clean.array()
            rng = np.random.default_rng(0)
            gain = np.ones((clean.n_bands, 1, clean.shape[2]), np.float32)
            striped = slice(None, None, EVERY)
            gain[striped] += rng.normal(0, SPREAD, gain[striped].shape)
            stripes = values * gain - values
            shifted = stripes - stripes.mean(axis=1, keepdims=True)
            for level in LEVELS:
                noisy = add_gaussian(values + stripes, level, rng)
                noise = noisy - values - stripes
                result = denoise(clean.replace(data=noisy), DenoiseRecipe(model="destripe"))
                left = result.array() - noise - values
                cells = [rms(part[striped]) for part in (stripes, shifted, left)]
                figures = " | ".join(f"{value:.2f}" for value in cells)
                print(f"| {clean.name} | {level:g} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
