"""How well the noise of each band is estimated on real cubes with known noise added.

``python -m benchmarks.noise [--data FOLDER] [--quick]`` prints a table in Markdown. The
cubes under ``test/`` are not read. Real cubes have noise of their own, so the true
sigma counts the estimate on the clean cube too (added in squares), and the last
rows tell how large that is.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.io
import tifffile

from napari_hsi_restore.degradations import add_gaussian, non_iid_sigmas
from napari_hsi_restore.noise import estimate_sigma

Cube = npt.NDArray[np.float32]

_SIGMAS = (2.0, 5.0, 10.0, 30.0, 50.0, 70.0)
_CAVE = (
    "validation/cave/hairs.tif",
    "validation/cave/superballs.tif",
    "train/cave/balloons.tif",
    "train/cave/paints.tif",
    "train/cave/sponges.tif",
    "train/cave/glass_tiles.tif",
)


@dataclasses.dataclass(frozen=True)
class Row:
    """Relative errors of one case, one value a band of every cube."""

    group: str
    case: str
    errors: npt.NDArray[np.float64]
    seconds: float


def cubes(data: Path, quick: bool) -> Iterator[tuple[str, str, Cube]]:
    """Yield (group, name, cube) with white at 1, (bands, y, x)."""
    for path in _CAVE[:2] if quick else _CAVE:
        yield "CAVE", path, tifffile.imread(data / path).astype(np.float32) / 1023
    airborne = sorted(data.glob("validation/airborne/abu-*.mat"))
    if not quick:
        airborne += sorted(data.glob("train/airborne/abu-*.mat"))[::3]
    for file in airborne:
        stored = scipy.io.loadmat(file)["data"].astype(np.float32)
        yield "airborne", file.name, np.moveaxis(stored / stored.max(), 2, 0)
    for file in sorted(data.glob("train/satellite/*.tif")):
        stored = tifffile.imread(file).astype(np.float32)
        stored = stored if stored.shape[0] == 224 else np.moveaxis(stored, 2, 0)
        seen = (stored > -32768).all(axis=(1, 2))
        yield "satellite 32 x 32", file.name, stored[seen] / stored[seen].max()


def measure(name: str, clean: Cube) -> Iterator[tuple[str, npt.NDArray[np.float64], float]]:
    """Yield (case, relative error of every band, seconds)."""
    rng = np.random.default_rng(sum(name.encode()))
    own = estimate_sigma(clean)
    cases: list[tuple[str, Any]] = [(f"iid {sigma:g}", sigma) for sigma in _SIGMAS]
    cases.append(("non-iid 10..70", non_iid_sigmas(clean.shape[0], rng)))
    cases.append(("one band of 4, 50", None))
    for case, sigma in cases:
        if sigma is None:
            picked = clean[:: max(1, clean.shape[0] // 4)]
            for band in picked[:4]:
                noisy = add_gaussian(band[None], 50.0, rng)
                yield case, estimate_sigma(noisy) / (50.0 / 255) - 1, np.nan
            continue
        noisy = add_gaussian(clean, sigma, rng)
        begun = time.perf_counter()
        found = estimate_sigma(noisy)
        seconds = time.perf_counter() - begun
        true = np.hypot(np.broadcast_to(sigma, found.shape) / 255, own)
        yield case, found / true - 1, seconds
    yield "clean, sigma / 255", own * 255, np.nan


def table(rows: list[Row]) -> str:
    """Lay the rows of each group and case out in Markdown."""
    lines = [
        "| data | noise (of 255) | median error | 95 % of bands | worst band | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for key in dict.fromkeys((row.group, row.case) for row in rows):
        same = [row for row in rows if (row.group, row.case) == key]
        errors = np.concatenate([row.errors for row in same])
        seconds = max(row.seconds for row in same)
        clock = "" if np.isnan(seconds) else f"{seconds:.2f}"
        if key[1].startswith("clean"):
            figures = [f"{q:.2f}" for q in np.percentile(errors, (50, 95, 100))]
        else:
            figures = [f"{q:.1%}" for q in np.percentile(np.abs(errors), (50, 95, 100))]
        lines.append(f"| {key[0]} | {key[1]} | {' | '.join(figures)} | {clock} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=beside, help="folder of the real cubes")
    parser.add_argument("--quick", action="store_true", help="the validation cubes only")
    options = parser.parse_args()
    rows = [
        Row(group, case, errors, seconds)
        for group, name, cube in cubes(options.data, options.quick)
        for case, errors, seconds in measure(name, cube)
    ]
    print(table(rows))


if __name__ == "__main__":
    main()
