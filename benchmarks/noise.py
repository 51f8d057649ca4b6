"""How well the noise of each band is estimated on real cubes with known noise added.

``python -m benchmarks.noise [--data FOLDER] [--quick]`` prints two tables in Markdown: the
accuracy of sigma, and with ``--defects`` (alone) which bands with stripes, dead columns and
impulses are found beside non-iid noise, and what is found in cubes that have none. The
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

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import (
    add_dead_lines,
    add_gaussian,
    add_impulses,
    add_stripes,
    non_iid_sigmas,
)
from napari_hsi_restore.noise import analyse, estimate_sigma
from napari_hsi_restore.noise.portion import finish

Cube = npt.NDArray[np.float32]

_SIGMAS = (2.0, 5.0, 10.0, 30.0, 50.0, 70.0)
_SHARED_SIGMAS = (5.0, 30.0)
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
    for sigma in _SHARED_SIGMAS:
        noisy = clean + shared_noise(clean.shape, sigma, rng)
        true = np.hypot(sigma / 255, own)
        yield f"shared by bands, {sigma:g}", estimate_sigma(noisy) / true - 1, np.nan
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


def shared_noise(shape: tuple[int, ...], sigma: float, rng: np.random.Generator) -> Cube:
    """Noise of which neighbouring bands share 0.8 (first-order autoregression over the bands)."""
    noise = rng.normal(0.0, sigma / 255, shape).astype(np.float32)
    for band in range(1, shape[0]):
        noise[band] = 0.8 * noise[band - 1] + 0.6 * noise[band]
    return noise


@dataclasses.dataclass(frozen=True)
class Found:
    """Bands of one defect in one cube: how many had it, how many of them and others were found."""

    group: str
    case: str
    defect: str
    there: int
    right: int
    wrong: int


def defects(group: str, name: str, clean: Cube) -> Iterator[Found]:
    """Look for defects in a cube with one kind of them, in a noisy one and in the clean one."""
    rng = np.random.default_rng(sum(name.encode()))
    bands = [int(band) for band in rng.permutation(clean.shape[0])[: clean.shape[0] // 3]]
    noisy = add_gaussian(clean, non_iid_sigmas(clean.shape[0], rng), rng)
    cases: list[tuple[str, Cube, str | None]] = [
        ("clean", clean, None),
        ("gaussian 30", add_gaussian(clean, 30.0, rng), None),
        ("stripe", add_stripes(noisy.copy(), bands, rng), "stripes"),
        ("deadline", add_dead_lines(noisy.copy(), bands, rng), "dead lines"),
        ("impulse", add_impulses(noisy.copy(), bands, rng), "impulses"),
    ]
    for case, values, defect in cases:
        report = finish(analyse(HyperCube(values, white_level=1.0)))
        found = {
            "stripes": set(report.stripes),
            "dead lines": set(report.dead_lines),
            "impulses": set(report.impulse_bands),
        }
        for kind, places in found.items():
            there = set(bands) if kind == defect else set()
            yield Found(group, case, kind, len(there), len(places & there), len(places - there))


def defect_table(rows: list[Found]) -> str:
    """How many bands of each group and case were found, and what was found elsewhere."""
    kinds = tuple(dict.fromkeys(row.defect for row in rows))
    elsewhere = " | ".join(f"{kind} elsewhere" for kind in kinds)
    lines = [
        f"| data | added | bands that have it | found | {elsewhere} |",
        f"|---|---|---|---|{'---|' * len(kinds)}",
    ]
    for key in dict.fromkeys((row.group, row.case) for row in rows):
        same = [row for row in rows if (row.group, row.case) == key]
        there = sum(row.there for row in same)
        right = sum(row.right for row in same)
        wrong = [sum(row.wrong for row in same if row.defect == kind) for kind in kinds]
        cells = [*key, there or "", right if there else "", *wrong]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


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
    parser.add_argument("--defects", action="store_true", help="stripes, dead lines, impulses")
    options = parser.parse_args()
    if options.defects:
        looked = [
            found
            for group, name, cube in cubes(options.data, options.quick)
            for found in defects(group, name, cube)
        ]
        print(defect_table(looked))
        return
    rows = [
        Row(group, case, errors, seconds)
        for group, name, cube in cubes(options.data, options.quick)
        for case, errors, seconds in measure(name, cube)
    ]
    print(table(rows))


if __name__ == "__main__":
    main()
