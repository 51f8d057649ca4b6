"""``python -m benchmarks.program``: time and memory of the command that denoises a cube.

The generated scene of 512 x 512 x 31 with Gaussian noise of sigma 50 (white is 255) goes through
``napari-hsi-restore denoise`` in a process of its own, start and reading and writing
included. Seconds and peak resident memory are those of that process.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import napari_hsi_restore as hsr

KIBIBYTES_PER_MB = 1e6 / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.program")
    parser.add_argument("--side", type=int, default=512, help="pixels of a side")
    parser.add_argument("--bands", type=int, default=31)
    parser.add_argument("--model", default="stas_c")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        noisy, restored = Path(folder) / "noisy.hdr", Path(folder) / "restored.tif"
        scene = hsr.demo_scene(size=options.side, bands=options.bands)
        hsr.write(hsr.degrade(scene, "gaussian-50", seed=0), noisy)
        command = [sys.executable, "-m", "napari_hsi_restore", "denoise", str(noisy), str(restored)]
        begin = time.perf_counter()
        subprocess.run([*command, "--model", options.model, "--quiet"], check=True)
        seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIBIBYTES_PER_MB
    print("| bands x side x side | model | seconds | peak MB |\n|---|---|---:|---:|")
    shape = f"{options.bands} x {options.side} x {options.side}"
    print(f"| {shape} | {options.model} | {seconds:.1f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
