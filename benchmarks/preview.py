"""``python -m benchmarks.preview``: how long a preview takes from the click to the result.

A generated cube of 31 bands goes through the child process as the Restore dock sends it:
by a child that was not started yet, by one that had time to get ready as it has while the
dock is open, and again on another part of the same cube. The last column is the multiple
of the time that the tiles alone take for the same pixels in a warm process.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Done, Failed
from napari_hsi_restore.jobs.client import JobClient
from napari_hsi_restore.jobs.requests import (
    DenoiseRequest,
    DevicesRequest,
    NoiseRequest,
    Request,
)
from napari_hsi_restore.models.architectures.stas import Stas
from napari_hsi_restore.models.basis import eigenbasis
from napari_hsi_restore.models.spec import StasSpec
from napari_hsi_restore.restore import devices
from napari_hsi_restore.restore.recipe import DenoiseRecipe, automatic_model
from napari_hsi_restore.restore.statistics import SpectralStatistics, gather, noise_of
from napari_hsi_restore.restore.tile_loop import budget
from napari_hsi_restore.restore.tile_run import TileRun
from napari_hsi_restore.zoo.loading import load

SIDE = 112
"""Of the part that is previewed on a CPU, in pixels."""


def scene(bands: int, side: int) -> HyperCube:
    """A cube of six smooth spectra with noise, float32 (bands, side, side)."""
    generator = np.random.default_rng(0)
    spectra = generator.random((bands, 6)).cumsum(axis=0).astype(np.float32)
    shares = generator.random((6, side * side)).astype(np.float32)
    values = (spectra @ shares).reshape(bands, side, side)
    values += generator.normal(0, 0.1 * values.std(), values.shape).astype(np.float32)
    return HyperCube(values, name="generated")


def seconds(client: JobClient, request: Request) -> float:
    """From handing a request in to having its result."""
    begin = time.perf_counter()
    for event in client.submit(request).events():
        if isinstance(event, Failed):
            raise RuntimeError(event.message)
        if isinstance(event, Done):
            return time.perf_counter() - begin
    raise RuntimeError("cancelled")


def preview(cube: HyperCube, top: int) -> DenoiseRequest:
    """A preview of a square part, as the dock asks for it."""
    region = top, top + SIDE, top, top + SIDE
    return DenoiseRequest(cube, DenoiseRecipe(device="cpu"), region=region)


def network_alone(cube: HyperCube, top: int) -> float:
    """Seconds of the network for the same pixels with their halo, warm, best of three."""
    device = devices.choose("cpu")
    *_, statistics = gather(cube)
    assert isinstance(statistics, SpectralStatistics)
    network, record = load(automatic_model(cube.n_bands), device.name)
    assert isinstance(network, Stas)
    assert isinstance(record.spec, StasSpec)
    spec, sigma = record.spec, noise_of(cube, statistics.active)
    basis = eigenbasis(
        statistics.mean, statistics.covariance, sigma, statistics.pixels, spec.most_components
    )
    region = slice(top, top + SIDE), slice(top, top + SIDE)
    result = np.empty((cube.n_bands, SIDE, SIDE), np.float32)
    run = TileRun(cube, region, result, network, spec, basis, statistics.active)
    taken = []
    for _ in range(3):
        begin = time.perf_counter()
        list(run.tiles(None, budget(None, device)))
        taken.append(time.perf_counter() - begin)
    return min(taken)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--bands", type=int, default=31)
    parser.add_argument("--ready", type=float, default=15.0, help="seconds the dock is open")
    options = parser.parse_args()
    cube = scene(options.bands, options.side)
    far = options.side - SIDE
    rows: list[tuple[str, float]] = []
    client = JobClient()
    try:
        rows.append(("preview, child not started", seconds(client, preview(cube, far // 2))))
        client.close()
        client.submit(DevicesRequest())
        time.sleep(options.ready)
        rows.append(("first preview, dock open", seconds(client, preview(cube, far // 2))))
        rows.append(("the same again", seconds(client, preview(cube, far // 2))))
        rows.append(("another part", seconds(client, preview(cube, far // 2 + 10))))
        rows.append(("estimate of the noise", seconds(client, NoiseRequest(cube))))
    finally:
        client.close()
    alone = network_alone(cube, far // 2)
    rows.append(("the tiles alone", alone))
    print(f"{options.bands} bands of {options.side} x {options.side}, {SIDE} x {SIDE} previewed")
    for label, taken in rows:
        print(f"{label:<28}{taken:8.2f} s{taken / alone:8.2f}")


if __name__ == "__main__":
    main()
