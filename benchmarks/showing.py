"""How soon napari shows a very large file, and how long its window ever waits.

``python -m benchmarks.showing [--gigabytes 20] [--filled] [--interleave bip]`` opens a sparse
ENVI file (zeros that fill no disk; ``--filled`` writes random numbers) of 425 bands of each
interleave through the plugin's reader in a napari window, so it needs a display (``xvfb-run``
gives one). Every file has a process of its own. The window showed another picture before, for
drawing the first one of all costs napari some tenths of a second. It prints, in Markdown:

* the seconds until the layer is there, and the memory that the program then takes more than before;
* the longest time between two ticks of a 5 ms timer until the first band is there in full;
* when that is, and when the bands are sorted (BIL and BIP);
* band steps after that, of bands that were stepped through once before: the time until the band
  is on the layer in full, and the processor time that the window's thread used for it (50th / 95th
  percentile);
* spectra of random pixels as the dock Inspect reads them.

``--format h5|h5-spectra|zarr|tif`` does the same with a compressed file of 285 bands (``all``: one
after the other), which is unpacked where a band or a spectrum costs much. Before that, bands here
and there are asked for, and it prints how long the slowest took.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import napari
import numpy as np
import psutil
from qtpy.QtWidgets import QApplication

from benchmarks.opening import (
    BANDS,
    INTERLEAVES,
    PACKED,
    PACKED_BANDS,
    PACKED_SAMPLES,
    SAMPLES,
    forget,
    make_file,
    make_packed,
)
from benchmarks.responsiveness import Gaps, spin
from napari_hsi_restore.plugin.layers import layer_to_cube
from napari_hsi_restore.plugin.shown_bands import shows_preview, views_of
from napari_hsi_restore.plugin.spectra import pixel_spectrum

_STEPS, _PIXELS, _SLOW_PIXELS = 60, 300, 8
_JUMPS = (200, 20, 120, 270, 70)
_PATIENCE_S = 600.0


def measure(header: Path) -> dict[str, Any]:
    """Open a file in a window of this process and use it."""
    viewer = napari.Viewer(show=True)
    viewer.window.resize(1280, 800)
    viewer.window.add_plugin_dock_widget("napari-hsi-restore", "Compare")
    levels = [np.zeros((3, 900 // step, 900 // step), np.uint16) for step in (1, 2, 4)]
    viewer.add_image(levels, multiscale=True, contrast_limits=(0, 1))
    spin(2.0)
    viewer.layers.clear()
    spin(1.0)
    process = psutil.Process()
    before = process.memory_info().rss
    gaps = Gaps()
    began, own = time.perf_counter(), time.thread_time()
    [layer] = viewer.open(str(header), plugin="napari-hsi-restore")
    opened, own = time.perf_counter() - began, time.thread_time() - own
    memory = process.memory_info().rss - before
    gaps.take()

    settle(layer)
    first_band = time.perf_counter() - began
    gap = longest(gaps.take())
    views = views_of(layer.data)
    assert views is not None
    jumps = []
    for band in _JUMPS if header.suffix != ".hdr" else ():
        began_jump = time.perf_counter()
        viewer.dims.set_point(0, band)
        settle(layer)
        jumps.append(time.perf_counter() - began_jump)
    while views.copy_step and not views.copied:
        spin(0.05)
    sorted_after = time.perf_counter() - began
    sorting_gap = longest(gaps.take())
    steps(viewer, layer, 100)
    stepped = steps(viewer, layer, 100)
    gaps.stop()
    viewer.close()
    return {
        "opened": [opened, own],
        "memory": memory / 1e6,
        "first_band": first_band,
        "gap": gap,
        "sorted": sorted_after if views.copy_step else None,
        "sorting_gap": sorting_gap,
        "steps": stepped,
        "spectra": spectra(layer, _SLOW_PIXELS if jumps and not views.copied else _PIXELS),
        "jumps": max(jumps, default=0.0),
        "most": (process.memory_info().rss - before) / 1e6,
        "copy": views.copy_size / 1e9,
    }


def settle(layer: Any) -> None:
    """Let the window live until the band is there in full."""
    start = time.perf_counter()
    QApplication.processEvents()
    while shows_preview(layer) and time.perf_counter() - start < _PATIENCE_S:
        QApplication.processEvents()
        time.sleep(0.001)


def steps(viewer: Any, layer: Any, first: int) -> list[list[float]]:
    """Milliseconds until each of some bands is there in full, and those of this thread's work."""
    times = []
    for band in range(first, first + _STEPS):
        start, used = time.perf_counter(), time.thread_time()
        viewer.dims.set_point(0, band)
        settle(layer)
        times.append([1000 * (time.perf_counter() - start), 1000 * (time.thread_time() - used)])
        spin(0.02)
    found: list[list[float]] = np.percentile(times, (50, 95), axis=0).T.tolist()
    return found


def spectra(layer: Any, pixels: int) -> list[list[float]]:
    """Milliseconds for spectra of pixels, and of those that were read once."""
    cube = layer_to_cube(layer)
    rng = np.random.default_rng(1)
    times: list[list[float]] = [[], []]
    for _ in range(pixels):
        row, column = (int(rng.integers(n)) for n in cube.shape[1:])
        for noted in times:
            start = time.perf_counter()
            pixel_spectrum(cube, row, column)
            noted.append(1000 * (time.perf_counter() - start))
    found: list[list[float]] = np.percentile(times, (50, 95), axis=1).T.tolist()
    return found


def longest(gaps: list[Any]) -> list[float]:
    """The longest gap by the clock, and the most processor time of the window's thread in one."""
    return [max((getattr(gap, name) for gap in gaps), default=0.0) for name in ("wall", "used")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=20.0, help="size of each file")
    parser.add_argument("--folder", type=Path, help="where to make the files, one at a time")
    parser.add_argument("--interleave", choices=INTERLEAVES, help="only this one")
    parser.add_argument("--filled", action="store_true", help="random numbers instead of zeros")
    parser.add_argument("--format", choices=(*PACKED, "all"), help="a compressed file instead")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print("\n" + json.dumps(measure(options.measure)))
        return
    load = os.getloadavg()[0]
    rows = []
    kinds: tuple[str, ...]
    if options.format:
        kinds = PACKED if options.format == "all" else (options.format,)
    else:
        kinds = (options.interleave,) if options.interleave else INTERLEAVES
    for kind in kinds:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            size = options.gigabytes * 1e9
            if options.format:
                path = make_packed(Path(folder), kind, size)
            else:
                path = make_file(Path(folder), kind, size, sparse=not options.filled)
            forget(path)
            command = [sys.executable, "-m", "benchmarks.showing", "--measure", str(path)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(row(kind, json.loads(done.stdout.splitlines()[-1])))
        print(rows[-1], file=sys.stderr)
    what = (
        f"{PACKED_BANDS} bands of float32, {PACKED_SAMPLES} samples, compressed"
        if options.format
        else f"{BANDS} bands of uint16, {SAMPLES} samples, "
        f"{'filled' if options.filled else 'sparse'}"
    )
    print(
        f"{options.gigabytes:g} GB, {what}; {os.cpu_count()} cores, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, load average {load:.0f}.\n"
    )
    print(
        "Seconds and milliseconds are those of the clock, which other programs make longer; in "
        "brackets the processor time of the window's thread alone.\n\n"
        "| file | layer, s | added MB | first band in full, s | longest gap till then, ms "
        + ("| jump to another band, s " if options.format else "")
        + "| bands sorted or unpacked, s | longest gap meanwhile, ms | band step warm, ms "
        "| of the window's thread, ms | "
        + ("spectrum, ms | " if options.format else "")
        + "spectrum warm, ms | added MB in the end |\n"
        f"|---|{'---:|' * (12 if options.format else 10)}"
    )
    print("\n".join(rows))


def row(kind: str, one: dict[str, Any]) -> str:
    """A row of the table."""
    full, held = one["steps"]
    anew, again = one["spectra"]
    packed = kind in PACKED
    return (
        f"| {kind} | {one['opened'][0]:.2f} ({one['opened'][1]:.2f}) "
        f"| {one['memory']:.0f} | {one['first_band']:.1f} "
        f"| {one['gap'][0]:.0f} ({one['gap'][1]:.0f}) "
        + (f"| {one['jumps']:.1f} " if packed else "")
        + (f"| {one['sorted']:.0f} ({one['copy']:.1f} GB) " if one["sorted"] else "| – ")
        + f"| {one['sorting_gap'][0]:.0f} ({one['sorting_gap'][1]:.0f}) "
        f"| {full[0]:.0f} / {full[1]:.0f} "
        f"| {held[0]:.0f} / {held[1]:.0f} "
        + (f"| {anew[0]:.1f} / {anew[1]:.1f} " if packed else "")
        + f"| {again[0]:.2f} / {again[1]:.2f} | {one['most']:.0f} |"
    )


if __name__ == "__main__":
    main()
