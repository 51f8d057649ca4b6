"""``python -m benchmarks.denoise``: quality and time of every denoiser on the test scenes.

Protocol: white is 1 (the stated white level, else the scene's maximum), Gaussian noise
is not clipped and has a fixed seed a scene, results are clipped to [0, 1], PSNR is of
the whole cube with peak 1, SSIM the mean over bands, SAM the mean over pixels in
degrees; figures are means over the scenes of a group. The models are blind: they
estimate the noise, and so do the restorers without training unless they are called
"told"; "auto" also chooses the method. The simple peers are told the true noise of every
band. In the complex cases (presets of `napari_hsi_restore.degradations`, run where named
with --cases) "told" is the estimate.
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

from benchmarks import classical_peers, peers
from benchmarks.scenes import DATA, scenes
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import degrade
from napari_hsi_restore.metrics import psnr, sam_degrees, ssim
from napari_hsi_restore.noise import estimate_sigma
from napari_hsi_restore.restore import DenoiseRecipe, denoise
from napari_hsi_restore.zoo import list_models

Cube = npt.NDArray[np.float32]
Sigma = npt.NDArray[np.float64]
Method = Callable[[Cube, Sigma], Cube]

CASES: dict[str, tuple[float, ...]] = {
    "5": (5.0,),
    "10": (10.0,),
    "30": (30.0,),
    "50": (50.0,),
    "70": (70.0,),
    "non-iid": (10.0, 30.0, 50.0, 70.0),
}
COMPLEX = ("stripe", "deadline", "impulse", "mixture")
PROTOCOL = (
    "python -m benchmarks.denoise: test scenes, noise not told, results clipped to [0, 1], "
    "whole-cube PSNR in dB with peak 1, SAM in degrees, means over the scenes of a group"
)


def model(name: str, device: str) -> Method:
    """A bundled model as a method that estimates the noise itself."""

    def restored(noisy: Cube, sigma: Sigma) -> Cube:
        del sigma
        cube = HyperCube(noisy, name="benchmark", white_level=1.0)
        return np.asarray(denoise(cube, DenoiseRecipe(model=name, device=device)).data)

    return restored


def add_noise(clean: Cube, levels: tuple[float, ...], seed: int) -> tuple[Cube, Sigma]:
    """Unclipped Gaussian noise, each band with one of some levels; noisy cube and sigma."""
    rng = np.random.default_rng([seed, int(sum(levels))])
    sigma = rng.choice(np.array(levels), len(clean)) / 255.0
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    return clean + noise * sigma[:, None, None].astype(np.float32), sigma


def spoil(clean: Cube, case: str, seed: int) -> tuple[Cube, Sigma]:
    """The noisy cube of a case, and the sigma that is told."""
    if case in CASES:
        return add_noise(clean, CASES[case], seed)
    noisy = np.asarray(degrade(HyperCube(clean, white_level=1.0), case, seed).data)
    return noisy, estimate_sigma(noisy)


def measure(method: Method, clean: Cube, noisy: Cube, sigma: Sigma) -> dict[str, float]:
    """PSNR, SSIM, SAM and seconds of a method on one noisy scene."""
    begin = time.perf_counter()
    result = method(noisy, sigma)
    seconds = time.perf_counter() - begin
    result = np.clip(result, 0.0, 1.0)
    return {
        "psnr": float(psnr(clean, result, 1.0)),
        "ssim": float(ssim(clean, result, 1.0)),
        "sam": float(sam_degrees(clean, result)),
        "seconds": seconds,
    }


def run(group: str, options: argparse.Namespace) -> dict[str, dict[str, dict[str, float]]]:
    """Mean figures by method and case; prints the table of one group as it goes."""
    methods: dict[str, Method] = {
        "noisy": peers.unchanged,
        "wavelets": peers.wavelets,
        "PCA truncation": peers.truncation,
        "eigen-wavelets": peers.wavelet_eigenimages,
        "eigen-means": peers.means_eigenimages,
        "eigen-variation": peers.variation_eigenimages,
    }
    if options.models_only:
        methods = {}
    else:
        methods |= classical_peers.methods()
    # What it takes follows from the noise: its rows are those of other methods.
    methods["auto"] = model("auto", options.device)
    methods |= {
        record.name: model(record.name, options.device)
        for record in list_models()
        if record.task == "denoise"
    }
    unknown = set(options.methods or ()) - set(methods)
    if unknown:
        raise SystemExit(f"--methods: not one of {', '.join(methods)}: {', '.join(unknown)}")
    methods = {name: methods[name] for name in options.methods or methods}
    cubes = scenes(group, options.split, options.data)
    print(f"\n### {group} ({', '.join(cube.name for cube in cubes)})\n", flush=True)
    print("| method | noise | PSNR dB | SSIM | SAM degrees | seconds | PSNR of each scene |")
    print("|---|---|---|---|---|---|---|")
    table: dict[str, dict[str, dict[str, float]]] = {}
    for case in options.cases:
        inputs = [
            (np.asarray(cube.data), *spoil(np.asarray(cube.data), case, index))
            for index, cube in enumerate(cubes)
        ]
        for name, method in methods.items():
            rows = [measure(method, *given) for given in inputs]
            mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
            each = " ".join(f"{row['psnr']:.2f}" for row in rows)
            print(
                f"| {name} | {case} | {mean['psnr']:.2f} | {mean['ssim']:.4f} | "
                f"{mean['sam']:.2f} | {mean['seconds']:.1f} | {each} |",
                flush=True,
            )
            table.setdefault(name, {})[case] = mean
    return table


def record_scores(group: str, table: dict[str, dict[str, dict[str, float]]]) -> None:
    """Write the figures of the bundled models into their records."""
    folder = Path(str(resources.files("napari_hsi_restore.zoo") / "weights"))
    for record in list_models():
        if not record.bundled or record.name not in table:
            continue
        path = folder / f"{record.name}.json"
        content = json.loads(path.read_text())
        content["protocol"] = PROTOCOL
        for case, figures in table[record.name].items():
            for key in ("psnr", "sam"):
                content["scores"][f"{group}/{case}/{key}"] = round(figures[key], 6)
        path.write_text(json.dumps(content, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.denoise")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real cubes")
    parser.add_argument("--split", choices=("test", "validation"), default="test")
    parser.add_argument("--groups", nargs="+", default=["cave", "airborne"])
    parser.add_argument("--cases", nargs="+", choices=[*CASES, *COMPLEX], default=list(CASES))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--models-only", action="store_true", help="leave out the simple peers")
    parser.add_argument("--methods", nargs="+", metavar="NAME", help="only these rows")
    parser.add_argument("--record", action="store_true", help="write scores into the records")
    options = parser.parse_args()
    for group in options.groups:
        table = run(group, options)
        if options.record:
            record_scores(group, table)


if __name__ == "__main__":
    main()
