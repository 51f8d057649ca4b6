"""``python -m benchmarks.large``: a large cube denoised as a user does it, and whether it is right.

The file is that of `benchmarks.streaming`: demo scenes side by side with Gaussian noise (sigma 20
where white is 255), int16. Every model runs in the command line with a memory limit. PSNR is
that of twelve squares of 200 x 200 pixels against the scene, peak at white; CPU seconds and the
largest memory, pages of files included, are those that the system counted for the process.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.streaming import SIDE, WHITE, make_file
from napari_hsi_restore.io import read
from napari_hsi_restore.scene import demo_scene

ROWS, COLUMNS = 4, 3


def score(path: Path) -> tuple[float, int]:
    """PSNR in dB of squares of a cube, and how many of their values are not finite."""
    cube = read(path)
    bands, height, width = cube.shape
    scene = demo_scene(size=SIDE, bands=bands).array()
    scene = scene / scene.max() * WHITE
    errors, wrong = [], 0
    for row in np.linspace(0, height // SIDE - 1, ROWS).astype(int):
        for column in np.linspace(0, width // SIDE - 1, COLUMNS).astype(int):
            top, left = SIDE * int(row), SIDE * int(column)
            part = np.asarray(cube.data[:, top : top + SIDE, left : left + SIDE], np.float64)
            wrong += int(np.count_nonzero(~np.isfinite(part)))
            errors.append(np.mean(np.square(part - scene)))
    return float(10 * np.log10(WHITE**2 / np.mean(errors))), wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.large")
    parser.add_argument("--side", type=int, default=2000, help=f"a multiple of {SIDE}")
    parser.add_argument("--bands", type=int, default=200)
    parser.add_argument("--limit", type=float, default=4.0, help="GiB")
    parser.add_argument("--models", nargs="+", default=["auto", "fasthyde", "ngmeet"])
    parser.add_argument("--folder", type=Path, help="where to make the files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        source, target = Path(folder) / "noisy.hdr", Path(folder) / "restored.hdr"
        make_file(source, options.side, options.bands)
        rows = [f"| noisy | {score(source)[0]:.2f} | | | | |"]
        for model in options.models:
            told = ["--model", model, "--memory-limit", str(options.limit), "--device", "cpu"]
            command = [
                sys.executable,
                "-m",
                "napari_hsi_restore",
                "denoise",
                str(source),
                str(target),
            ]
            begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run([*command, *told, "--overwrite"], check=False)
            after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begin
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            quality, wrong = score(target) if not done.returncode else (float("nan"), 0)
            # The most of all children so far: give one model for a figure of its own.
            memory = after.ru_maxrss * 1024 / 1e9
            rows.append(
                f"| {model} | {quality:.2f} | {wrong} | {used:.0f} | {seconds:.0f} | {memory:.1f} |"
            )
    print("| model | PSNR dB | not finite | CPU seconds | seconds | largest memory, GB |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
