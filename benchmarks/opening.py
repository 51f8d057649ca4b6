"""How fast a large ENVI file opens, and how fast its spectra and bands come.

``python -m benchmarks.opening [--gigabytes 5] [--sparse] [--folder DIR]`` fills a file of 425 bands
for each interleave with random numbers, measures, deletes it, and prints tables in Markdown.
It does what the plugin does: `read`, the layer with its contrast limits, the spectrum of
single pixels, and the band that napari shows. "Cold" is after the system has been asked
to forget the file, "warm" after it has been read once.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
import psutil

INTERLEAVES = ("bsq", "bil", "bip")
BANDS, SAMPLES = 425, 2500
PACKED = ("h5", "h5-spectra", "zarr", "tif")
PACKED_BANDS, PACKED_SAMPLES = 285, 1242
_SIDE = 256
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


def make_packed(folder: Path, kind: str, size: float) -> Path:
    """Write about `size` bytes of float32 spectra with noise in one of `PACKED`; return the path.

    Chunks of HDF5 are as in products of EMIT, 256 x 256 pixels of 32 bands, or of all bands;
    those of Zarr hold all bands of 64 x 64 pixels; a TIFF has a page for each band.
    """
    lines = max(512, round(size / (4 * PACKED_BANDS * PACKED_SAMPLES)))
    shape = (lines, PACKED_SAMPLES, PACKED_BANDS)
    rng = np.random.default_rng(0)
    spectrum = 5 + np.cumsum(rng.normal(size=PACKED_BANDS)) / 10
    block = spectrum + rng.normal(size=(_SIDE, _SIDE, 1)) + rng.normal(0, 0.01, (_SIDE, _SIDE, 1))
    block = (block + np.round(rng.normal(0, 0.01, block.shape), 3)).astype(np.float32)
    rows, columns = (range(0, length, _SIDE) for length in shape[:2])
    if kind == "tif":
        import tifffile

        path = folder / "cube.tif"
        tiles = (len(rows), len(columns))
        pages = (np.tile(block[..., b], tiles)[: shape[0], : shape[1]] for b in range(shape[2]))
        tifffile.imwrite(
            path,
            pages,
            shape=(shape[2], *shape[:2]),
            dtype=block.dtype,
            compression="zlib",
            compressionargs={"level": 1},
            rowsperstrip=64,
            photometric="minisblack",
            metadata={"axes": "CYX"},
        )
        return path
    if kind == "zarr":
        import zarr

        path = folder / "cube.zarr"
        group = zarr.open_group(store=zarr.storage.LocalStore(path), mode="w")
        chunks = (shape[2], 64, 64)
        array = group.create_array("data", shape=(shape[2], *shape[:2]), dtype="f4", chunks=chunks)
        for row in rows:
            for column in columns:
                part = block[: shape[0] - row, : shape[1] - column]
                place = (slice(row, row + _SIDE), slice(column, column + _SIDE))
                array[:, place[0], place[1]] = np.moveaxis(part, -1, 0)
        return path
    import h5py

    path = folder / "cube.h5"
    deep = shape[2] if kind == "h5-spectra" else 32
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "reflectance", shape, "f4", chunks=(_SIDE, _SIDE, deep), compression=1
        )
        file.create_dataset("wavelengths", data=np.linspace(380, 2500, shape[2]))
        for band in range(0, shape[2], deep):
            # HDF5 stores chunks at the edges whole, so that all of them are the same.
            chunk = np.zeros((_SIDE, _SIDE, deep), np.float32)
            part = block[..., band : band + deep]
            chunk[..., : part.shape[2]] = part
            encoded = zlib.compress(chunk.tobytes(), 1)
            for row, column in itertools.product(rows, columns):
                data.id.write_direct_chunk((row, column, band), encoded)
    return path


def forget(header: Path) -> None:
    """Ask the system to drop the file from its cache (does nothing where it cannot)."""
    if not hasattr(os, "posix_fadvise"):
        return
    data = header.with_suffix(".img") if header.suffix == ".hdr" else header
    files = [one for one in data.rglob("*") if one.is_file()] if data.is_dir() else [data]
    for one in files:
        with one.open("rb") as file:
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
