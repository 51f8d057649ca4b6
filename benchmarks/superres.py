"""``python -m benchmarks.superres``: quality and time of every enlarger on the test scenes.

Protocol: white is 1 (the stated white level, else the scene's maximum); a scene is cut
to a multiple of the scale and shrunk by antialiased bicubic resampling; results are
clipped to [0, 1], no border is left out; PSNR is of the whole cube with peak 1, SSIM the
mean over bands, SAM the mean over pixels in degrees; figures are means over the scenes
of a group. Seconds are those of a megavalue of the result (a pixel of one band is a
value), without reading and scoring.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import peers
from benchmarks.scenes import DATA, scenes
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.metrics import psnr, sam_degrees, ssim
from napari_hsi_restore.models.spec import EigenSRSpec
from napari_hsi_restore.restore import SuperresRecipe, enlarge
from napari_hsi_restore.restore.superres_recipe import (
    CORRECTIONS,
    DEFAULT_CORRECTION,
)
from napari_hsi_restore.zoo import list_models

Cube = npt.NDArray[np.float32]
Figures = dict[str, float]
Method = Callable[[Cube, int], Cube]

GROUPS = ("cave", "airborne", "microscopy", "satellite")
PROTOCOL = (
    "python -m benchmarks.superres: test scenes shrunk by antialiased bicubic resampling, results "
    "clipped to [0, 1], whole-cube PSNR in dB with peak 1, gain over bicubic in dB, SAM in "
    "degrees, means over the scenes of a group"
)
# Truly noisy all over: no reference. (Of the tissue only the first band is.)
NO_TRUTH = ("abu-beach-2",)
PLAIN = "none"
AVERAGING: dict[str, tuple[str, bool | None]] = {
    "none": ("", False),
    "auto": (", averaged where it pays", None),
    "turns": (", averaged", True),
}
"""What the tables add to the name of a model, and what its recipe says."""


def label(name: str, fine: str, averaging: str = "none") -> str:
    """A model with a correction and a way of averaging, as the tables call it."""
    corrected = name if fine == PLAIN else f"{name} + {fine}"
    return corrected + AVERAGING[averaging][0]


def model(name: str, fine: str, ensemble: bool | None, device: str) -> Method:
    """A model of the zoo with one way of correcting its result."""

    def enlarged(low: Cube, scale: int) -> Cube:
        cube = HyperCube(low, name="benchmark", white_level=1.0)
        recipe = SuperresRecipe(
            scale=scale, model=name, fine=CORRECTIONS[fine], ensemble=ensemble, device=device
        )
        return np.asarray(enlarge(cube, recipe).data)

    return enlarged


def methods(scale: int, options: argparse.Namespace) -> dict[str, Method]:
    """Every peer, and every model for a scale with every correction asked for."""
    found: dict[str, Method] = {
        "bicubic": peers.bicubic,
        "Lanczos": peers.lanczos,
        "back-projection": peers.back_projection,
    }
    for record in list_models("superres"):
        if record.scale == scale and (options.models is None or record.name in options.models):
            for averaging in options.averaging:
                if averaging == "auto" and not isinstance(record.spec, EigenSRSpec):
                    continue  # it averages nothing there
                # With the mean of turns only the last correction is of interest.
                for fine in options.fine if averaging == "none" else options.fine[-1:]:
                    name = label(record.name, fine, averaging)
                    ensemble = AVERAGING[averaging][1]
                    found[name] = model(record.name, fine, ensemble, options.device)
    return found


def shrunk(cube: HyperCube, scale: int) -> tuple[Cube, Cube]:
    """A scene cut to a multiple of the scale, and its smaller version."""
    height, width = (length // scale * scale for length in cube.shape[1:])
    truth = np.ascontiguousarray(np.asarray(cube.data)[:, :height, :width])
    return truth, np.asarray(resize_bicubic(truth, scale=1 / scale), dtype=np.float32)


def measure(method: Method, truth: Cube, low: Cube, scale: int) -> Figures:
    """PSNR, SSIM, SAM and seconds a megavalue of a method on one scene."""
    begin = time.perf_counter()
    result = method(low, scale)
    seconds = time.perf_counter() - begin
    result = np.clip(result, 0.0, 1.0)
    try:
        similarity = float(ssim(truth, result, 1.0))
    except UserError:
        similarity = float("nan")  # smaller than the window
    return {
        "psnr": float(psnr(truth, result, 1.0)),
        "ssim": similarity,
        "sam": float(sam_degrees(truth, result)),
        "seconds": seconds / (truth.size / 1e6),
    }


def run(group: str, scale: int, options: argparse.Namespace) -> dict[str, Figures]:
    """Mean figures by method; prints the table of one group and scale as it goes."""
    cubes = scenes(group, options.split, options.data, leave_out=NO_TRUTH)
    pairs = [shrunk(cube, scale) for cube in cubes]
    print(f"\n### {group} x{scale} ({', '.join(cube.name for cube in cubes)})\n", flush=True)
    print("| method | PSNR dB | gain dB | SSIM | SAM degrees | s/Mvalue | PSNR of each scene |")
    print("|---|---|---|---|---|---|---|")
    table: dict[str, Figures] = {}
    base = 0.0
    for name, method in methods(scale, options).items():
        rows = [measure(method, truth, low, scale) for truth, low in pairs]
        mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        base = mean["psnr"] if name == "bicubic" else base
        mean["gain"] = mean["psnr"] - base
        each = " ".join(f"{row['psnr']:.2f}" for row in rows)
        print(
            f"| {name} | {mean['psnr']:.2f} | {mean['gain']:+.2f} | {mean['ssim']:.4f} | "
            f"{mean['sam']:.3f} | {mean['seconds']:.2f} | {each} |",
            flush=True,
        )
        table[name] = mean
    return table


def record_scores(group: str, scale: int, table: dict[str, Figures]) -> None:
    """Write the figures of the bundled models, with the default settings, into their records."""
    folder = Path(str(resources.files("napari_hsi_restore.zoo") / "weights"))
    for record in list_models("superres"):
        plain, averaged = (label(record.name, DEFAULT_CORRECTION, a) for a in ("none", "auto"))
        figures = table.get(averaged, table.get(plain))
        if figures is None or not record.bundled:
            continue
        path = folder / f"{record.name}.json"
        content = json.loads(path.read_text())
        content["protocol"] = PROTOCOL
        for key in ("psnr", "gain", "sam"):
            content["scores"][f"{group}/x{scale}/{key}"] = round(figures[key], 6)
        path.write_text(json.dumps(content, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.superres")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real cubes")
    parser.add_argument(
        "--split",
        choices=("test", "validation", "train"),
        default="test",
        help="train shows how well networks know the scenes that they learned from",
    )
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--scales", nargs="+", type=int, choices=(2, 4, 8), default=[2, 4, 8])
    parser.add_argument("--models", nargs="*", help="names; all models of the scale by default")
    parser.add_argument(
        "--fine",
        nargs="+",
        choices=CORRECTIONS,
        default=list(dict.fromkeys((PLAIN, DEFAULT_CORRECTION))),
        help="corrections to compare",
    )
    parser.add_argument(
        "--averaging",
        nargs="+",
        choices=AVERAGING,
        default=["none", "auto"],
        help="of the answers to eight turns; where there is one, with the last correction only",
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--record", action="store_true", help="write scores into the records")
    options = parser.parse_args()
    for group in options.groups:
        for scale in options.scales:
            table = run(group, scale, options)
            if options.record and options.split == "test":
                record_scores(group, scale, table)


if __name__ == "__main__":
    main()
