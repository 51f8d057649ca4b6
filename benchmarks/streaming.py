"""``python -m benchmarks.streaming``: memory and time of cubes that fit into no memory.

A file of repeated demo scenes with Gaussian noise (sigma 20 where white is 255) is denoised by
the command line in a process of its own, with a memory limit, into a Zarr store or an ENVI file;
with ``--scale 2`` or ``4`` it is enlarged instead.
Memory is the largest that the process had for itself (without the pages of mapped files), looked
at twenty times a second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io import write
from napari_hsi_restore.scene import demo_scene

SIDE, WHITE, SIGMA = 200, 4000, 20


def make_file(path: Path, side: int, bands: int) -> int:
    """Write the noisy cube; return its bytes."""
    scene = demo_scene(size=SIDE, bands=bands).array()
    scene = scene / scene.max() * WHITE
    rng = np.random.default_rng(0)
    values = np.lib.format.open_memmap(
        path.with_suffix(".npy"), "w+", dtype=np.int16, shape=(bands, side, side)
    )
    for top in range(0, side, SIDE):
        for left in range(0, side, SIDE):
            part = values[:, top : top + SIDE, left : left + SIDE]
            noise = rng.standard_normal(part.shape, dtype=np.float32) * (SIGMA / 255 * WHITE)
            part[...] = scene[:, : part.shape[1], : part.shape[2]] + noise
    write(HyperCube(values, white_level=float(WHITE)), path)
    path.with_suffix(".npy").unlink()
    return values.nbytes


def measure(source: Path, target: Path, limit: float, scale: int) -> tuple[float, float]:
    """Seconds, and largest private memory in bytes, of the verb; a scale of 1 denoises."""
    verb = ["denoise"] if scale == 1 else ["superres", "--scale", str(scale)]
    command = [sys.executable, "-m", "napari_hsi_restore", *verb, str(source), str(target)]
    begin, most = time.monotonic(), 0
    with subprocess.Popen([*command, "--memory-limit", str(limit), "--device", "cpu"]) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                memory = watched.memory_info()
                most = max(most, memory.rss - memory.shared)
            except psutil.Error:
                break
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{verb[0]} ended with status {process.returncode}")
    return time.monotonic() - begin, float(most)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.streaming")
    parser.add_argument("--side", type=int, default=1600)
    parser.add_argument("--bands", type=int, default=200)
    parser.add_argument("--limit", type=float, default=0.5, help="GiB")
    parser.add_argument("--scale", type=int, default=1, help="2 or 4 enlarges")
    parser.add_argument("--folder", type=Path, help="where to make the files")
    parser.add_argument("--formats", nargs="+", default=[".zarr", ".hdr"])
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}\n")
    print("| file, MB | result | result, MB | limit, GiB | largest memory, MB | seconds |")
    print("|---:|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        source = Path(folder) / "noisy.hdr"
        size = make_file(source, options.side, options.bands)
        for suffix in options.formats:
            target = Path(folder) / f"restored{suffix}"
            seconds, memory = measure(source, target, options.limit, options.scale)
            result = 2 * options.scale**2 * size
            print(
                f"| {size / 1e6:.0f} | {suffix} | {result / 1e6:.0f} | {options.limit:g} | "
                f"{memory / 1e6:.0f} | {seconds:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
