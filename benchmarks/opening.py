"""How fast a large ENVI file opens, and how fast its spectra and bands come.

``python -m benchmarks.opening [--gigabytes 5] [--sparse] [--folder DIR]`` fills a file of 425 bands
for each interleave with random numbers, measures, deletes it, and prints tables in Markdown.
It does what the plugin does: `read`, the layer with its contrast limits, the spectrum of
single pixels, and the band that napari shows. "Cold" is after the system has been asked
to forget the file, "warm" after it has been read once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

INTERLEAVES = ("bsq", "bil", "bip")
BANDS, SAMPLES = 425, 2500
_BLOCK = 64 * 2**20
_COLD, _PIXELS, _STEPS = 50, 300, 40

_OPEN = """
import json, sys, time
import psutil
from napari_hsi_restore.io import read
from napari_hsi_restore.plugin.layers import cube_to_layer_data
process = psutil.Process()
before = process.memory_info().rss
start = time.perf_counter()
cube = read(sys.argv[1])
opened = time.perf_counter()
memory = process.memory_info().rss
cube_to_layer_data(cube)
shown = time.perf_counter()
after = process.memory_info().rss
print(json.dumps([opened - start, (memory - before) / 1e6, shown - start, (after - before) / 1e6]))
"""


def make_file(folder: Path, interleave: str, size: float, *, sparse: bool = False) -> Path:
    """Write a header and about `size` bytes of random uint16 values; return the header.

    A sparse file holds nothing but zeros, which take no room on the disk.
    """
    lines = max(64, round(size / (2 * BANDS * SAMPLES)))
    header = folder / f"{interleave}.hdr"
    header.write_text(
        f"ENVI\nsamples = {SAMPLES}\nlines = {lines}\nbands = {BANDS}\ndata type = 12\n"
        f"interleave = {interleave}\nbyte order = 0\nwavelength units = Nanometers\n"
        f"wavelength = {{{', '.join(f'{v:.2f}' for v in np.linspace(380, 2500, BANDS))}}}\n"
    )
    if sparse:
        with header.with_suffix(".img").open("wb") as file:
            file.truncate(2 * lines * BANDS * SAMPLES)
        return header
    block = np.random.default_rng(0).integers(0, 4096, _BLOCK // 2, np.uint16).tobytes()
    left = 2 * lines * BANDS * SAMPLES
    with header.with_suffix(".img").open("wb") as file:
        while left > 0:
            left -= file.write(block[: min(left, _BLOCK)])
        os.fsync(file.fileno())
    return header


def forget(header: Path) -> None:
    """Ask the system to drop the file from its cache (does nothing where it cannot)."""
    if hasattr(os, "posix_fadvise"):
        with header.with_suffix(".img").open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def load(header: Path) -> None:
    """Read the whole file once, so that it lies in the system's cache if it fits."""
    with header.with_suffix(".img").open("rb") as file:
        while file.read(_BLOCK):
            pass


def opening(header: Path) -> list[float]:
    """Seconds and MB to read, and to make the layer too, in a fresh process on a cold file."""
    forget(header)
    done = subprocess.run(
        [sys.executable, "-c", _OPEN, str(header)], capture_output=True, text=True, check=True
    )
    return [float(value) for value in json.loads(done.stdout)]


def spectra(header: Path, *, cold: bool) -> list[float]:
    """Milliseconds for the spectra of random pixels; if cold, each is the first of its file."""
    from napari_hsi_restore.io import read
    from napari_hsi_restore.plugin.spectra import pixel_spectrum

    cube = read(header)
    rng = np.random.default_rng(1)
    times = []
    for _ in range(_COLD if cold else _PIXELS):
        if cold:
            # What is mapped cannot be forgotten.
            del cube
            forget(header)
            cube = read(header)
        row, column = (int(rng.integers(n)) for n in cube.shape[1:])
        start = time.perf_counter()
        pixel_spectrum(cube, row, column)
        times.append(1000 * (time.perf_counter() - start))
    return times


def bands(header: Path) -> list[float]:
    """Milliseconds for the bands of a slider that is dragged, one after the other."""
    from napari_hsi_restore.io import read
    from napari_hsi_restore.plugin.layers import cube_to_layer_data

    data = cube_to_layer_data(read(header))[0][0]
    if isinstance(data, list):
        # Pictures of several sizes; the first has every pixel.
        data = data[0]
    times = []
    for band in range(100, 100 + _STEPS):
        start = time.perf_counter()
        # napari hands a copy of the picture to the screen.
        np.array(data[band], order="C")
        times.append(1000 * (time.perf_counter() - start))
    return times


def _percentiles(times: list[float]) -> str:
    return " / ".join(f"{value:.2f}" for value in np.percentile(times, (50, 95)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=5.0, help="size of each file")
    parser.add_argument("--folder", type=Path, help="where to make the files, one at a time")
    parser.add_argument("--interleave", choices=INTERLEAVES, help="only this one")
    parser.add_argument("--sparse", action="store_true", help="files of zeros that fill no disk")
    options = parser.parse_args()
    rows = []
    for interleave in [options.interleave] if options.interleave else INTERLEAVES:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            header = make_file(
                Path(folder), interleave, options.gigabytes * 1e9, sparse=options.sparse
            )
            seconds, memory, layer_seconds, layer_memory = opening(header)
            cold_spectra = spectra(header, cold=True)
            forget(header)
            cold_bands = bands(header)
            load(header)
            rows.append(
                f"| {interleave} | {seconds:.3f} | {memory:.0f} | {layer_seconds:.3f} "
                f"| {layer_memory:.0f} | {_percentiles(cold_spectra)} "
                f"| {_percentiles(spectra(header, cold=False))} | {cold_bands[0]:.0f} "
                f"| {_percentiles(bands(header))} |"
            )
    print(
        f"{options.gigabytes:g} GB, {BANDS} bands of uint16, {SAMPLES} samples; "
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB. Pairs are the 50th / 95th percentile.\n"
    )
    print(
        "| interleave | read, s | added MB | with layer, s | added MB | spectrum cold, ms "
        "| spectrum warm, ms | first band cold, ms | band step warm, ms |\n"
        f"|---|{'---:|' * 8}"
    )
    print("\n".join(rows))


if __name__ == "__main__":
    main()
