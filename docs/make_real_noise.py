"""Before and after on truly noisy cubes: ``python -m docs.make_real_noise [--data DIR]``.

Nobody knows these scenes without noise, so there is no score: the pictures show one band before
and after, what was removed, and the spectra of a dark, a bright and an edge pixel. Everything is
left on auto. Needs matplotlib and the real cubes.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmarks.scenes import DATA
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io import read
from napari_hsi_restore.restore import DenoiseRecipe, denoise, outcome

mpl.use("Agg")
import matplotlib.pyplot as plt

IMAGES = Path(__file__).parent / "images"
COLORS = {"dark": "#4477aa", "bright": "#cc8800", "edge": "#aa3377"}

Image = npt.NDArray[np.floating[Any]]


@dataclasses.dataclass(frozen=True)
class Scene:
    """A cube, the band to show, and whom to cite."""

    name: str
    title: str
    open: Callable[[Path], HyperCube]
    band: Callable[[HyperCube], int]


def leica(data: Path) -> HyperCube:
    """The cube of a zipped folder of pictures."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(data / "formats/tiff_leica_3dye/3dyeLeica.zip") as archive:
            archive.extractall(folder)
        pictures = sorted(
            path for path in Path(folder).rglob("*.tif") if not path.name.startswith("._")
        )
        cube = read(pictures[0].parent)
        return cube.replace(data=cube.array())


def nearest(wavelength: float) -> Callable[[HyperCube], int]:
    """The band nearest a wavelength in nm."""

    def band(cube: HyperCube) -> int:
        assert cube.wavelengths_nm is not None
        return int(np.argmin(np.abs(cube.wavelengths_nm - wavelength)))

    return band


def file(name: str) -> Callable[[Path], HyperCube]:
    """The cube of a file below the folder of the real cubes."""
    return lambda data: read(data / name)


SCENES = (
    Scene(
        "abu-beach-2",
        "abu-beach-2, AVIRIS (Kang et al. 2017), band 132",
        file("test/airborne/abu-beach-2.mat"),
        lambda cube: 132,
    ),
    Scene(
        "corn-kernel",
        "corn kernel, push-broom camera (PlantCV), 400 nm",
        file("formats/envi_corn_kernel/corn-kernel-hyperspectral.hdr"),
        nearest(400),
    ),
    Scene(
        "leica",
        "three dyes, confocal microscope (PoissonNMF), band 2",
        leica,
        lambda cube: 2,
    ),
    Scene(
        "bladder",
        "bladder tissue, transmittance (FDA), 380 nm",
        file("test/microscopy/bladder_left.tif"),
        nearest(380),
    ),
)


def pixels(cube: HyperCube) -> dict[str, tuple[int, int]]:
    """A dark, a bright and an edge pixel of the smoothed mean image: noise does not choose them."""
    mean = ndimage.gaussian_filter(cube.array().astype(np.float64).mean(axis=0), 1.5)
    inside = mean[3:-3, 3:-3]
    slope = ndimage.gaussian_gradient_magnitude(mean, 1.0)[3:-3, 3:-3]
    order = np.argsort(inside, axis=None)
    places = {
        "dark": order[len(order) // 50],
        "bright": order[-len(order) // 50],
        "edge": np.argmax(slope),
    }
    found = {}
    for name, place in places.items():
        row, column = np.unravel_index(place, inside.shape)
        found[name] = (int(row) + 3, int(column) + 3)
    return found


def draw(scene: Scene, data: Path) -> str:
    """Make the picture of a scene; return what the program said."""
    noisy = scene.open(data)
    restored = denoise(noisy, DenoiseRecipe(device="cpu"))
    band = scene.band(noisy)
    before, after = (cube.array()[band].astype(np.float64) for cube in (noisy, restored))
    removed = before - after
    low, high = np.percentile(before, (1, 99))
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), width_ratios=(1, 1, 1, 1.5))
    limit = float(np.percentile(np.abs(removed), 99.5)) or 1.0
    shown = (("before", before, low, high), ("after", after, low, high))
    for axis, (title, image, least, most) in zip(
        axes, (*shown, ("removed", removed, -limit, limit)), strict=False
    ):
        axis.imshow(image, cmap="gray", vmin=least, vmax=most, interpolation="nearest")
        axis.set_title(title, fontsize=10)
        axis.set_axis_off()
    along = noisy.wavelengths_nm if noisy.wavelengths_nm is not None else np.arange(noisy.n_bands)
    for name, (row, column) in pixels(noisy).items():
        axes[1].plot(column, row, "o", color=COLORS[name], markersize=5, markerfacecolor="none")
        axes[2].plot(column, row, "o", color=COLORS[name], markersize=5, markerfacecolor="none")
        for cube, width, alpha in ((noisy, 0.6, 0.45), (restored, 1.3, 1.0)):
            values = cube.array()[:, row, column]
            label = name if cube is restored else None
            axes[3].plot(along, values, color=COLORS[name], lw=width, alpha=alpha, label=label)
    axes[3].set_xlabel("wavelength, nm" if noisy.wavelengths_nm is not None else "band", fontsize=8)
    axes[3].tick_params(labelsize=7)
    axes[3].legend(fontsize=8, frameon=False)
    axes[3].set_title("spectra before (thin) and after", fontsize=10)
    figure.suptitle(scene.title, fontsize=11)
    figure.tight_layout()
    figure.savefig(IMAGES / f"real-{scene.name}.png", dpi=75)
    plt.close(figure)
    return " ".join(outcome(restored))


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m docs.make_real_noise")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real cubes")
    options = parser.parse_args()
    for scene in SCENES:
        print(f"{scene.name}: {draw(scene, options.data)}", flush=True)


if __name__ == "__main__":
    main()
