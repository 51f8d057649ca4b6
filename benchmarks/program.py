"""``python -m benchmarks.program``: time and memory of the command that restores a cube.

The generated scene of 512 x 512 x 31 with Gaussian noise of sigma 50 (white is 255) goes through
``napari-hsi-restore denoise`` in a process of its own, start and reading and writing
included. Seconds and peak resident memory are those of that process. With ``--scale`` a clean
scene goes through ``napari-hsi-restore superres`` in its place.
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
    parser.add_argument("--model", help="stas_c for denoising, auto for super-resolution")
    parser.add_argument("--scale", type=int, choices=(2, 4, 8), help="enlarge instead of denoising")
    options = parser.parse_args()
    model = options.model or ("auto" if options.scale else "stas_c")
    with tempfile.TemporaryDirectory() as folder:
        source, restored = Path(folder) / "source.hdr", Path(folder) / "restored.tif"
        scene = hsr.demo_scene(size=options.side, bands=options.bands)
        if options.scale:
            verb, more = "superres", ["--scale", str(options.scale)]
        else:
            verb, more = "denoise", []
            scene = hsr.degrade(scene, "gaussian-50", seed=0)
        hsr.write(scene, source)
        command = [sys.executable, "-m", "napari_hsi_restore", verb, str(source), str(restored)]
        begin = time.perf_counter()
        subprocess.run([*command, *more, "--model", model, "--quiet"], check=True)
        seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIBIBYTES_PER_MB
    print("| bands x side x side | task | model | seconds | peak MB |\n|---|---|---|---:|---:|")
    shape = f"{options.bands} x {options.side} x {options.side}"
    task = f"{verb} x{options.scale}" if options.scale else verb
    print(f"| {shape} | {task} | {model} | {seconds:.1f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
