"""Quality against time and size, two pictures: ``python -m docs.make_front``.

Draws what the tables of benchmarks.md say of the CAVE scenes, of denoising at sigma 50 and of
super-resolution, and the sizes that the records of the models say. Needs matplotlib.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from napari_hsi_restore.classical import METHODS
from napari_hsi_restore.zoo import list_models

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

PAGE = Path(__file__).parent / "benchmarks.md"
IMAGES = Path(__file__).parent / "images"
NETWORK, METHOD = "#4477aa", "#cc8800"
VALUES = 512 * 512 * 31 / 1e6
NO_WEIGHTS = 1e3
QUICKEST = 0.01
"""Seconds a megavalue: the tables have two decimals."""


@dataclasses.dataclass(frozen=True)
class Point:
    """What one name on a picture stands for.

    Attributes
    ----------
    name : str
    seconds : float
        For a megavalue.
    weights : int
        0 for a method without.
    quality : float
        In dB.
    """

    name: str
    seconds: float
    weights: int
    quality: float


def table(heading: str, columns: int) -> list[list[str]]:
    """The rows of the first table below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8")
    text = text[text.index(heading) :]
    lines = text[text.index("\n|---") + 1 :].split("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == columns for row in cells)
    return cells


def denoisers() -> list[Point]:
    """All that the page measures at sigma 50."""
    sizes = {record.name: record.parameters for record in list_models("denoise")}
    parts = {record.name: record.parameters for record in list_models("refine")}
    sizes |= {
        method.name: sum(parts[name] for name in method.networks)
        for method in METHODS
        if method.networks
    }
    times = {row[0]: float(row[1]) for row in table("### Time of denoising", 3)}
    return [
        Point(name, times[name] / VALUES, sizes.get(name, 0), float(psnr))
        for name, noise, psnr, *_ in table("### Denoising, cave", 6)
        if noise == "50"
    ]


def enlargers(scale: int) -> list[Point]:
    """All that the page measures at a scale."""
    sizes = {record.name: record.parameters for record in list_models("superres")}
    found = []
    for label, _, gain, _, _, seconds, _ in table(f"### Super-resolution, cave x{scale}", 7):
        name = label.split(" + ")[0]
        shown = f"{name}, 8 turns" if "averaged" in label else name
        found.append(Point(shown, float(seconds), sizes.get(name, 0), float(gain)))
    return found


def draw(left: Axes, right: Axes, points: Sequence[Point], quality: str) -> None:
    """Quality against seconds, and against weights."""
    best = max(points, key=lambda point: point.quality)
    for point in points:
        color = NETWORK if point.weights else METHOD
        places = max(point.seconds, QUICKEST), max(point.weights, NO_WEIGHTS)
        for axis, place in zip((left, right), places, strict=True):
            here = (place, point.quality)
            offset, align = _beside(point.name, above=point is best, room=axis is right)
            axis.plot(*here, "o", color=color)
            axis.annotate(point.name, here, offset, textcoords="offset points", size=8, ha=align)
    left.set_xscale("log")
    right.set_xscale("log")
    left.minorticks_off()
    right.minorticks_off()
    right.set_xticks([NO_WEIGHTS, 1e4, 1e5, 1e6], ["no weights", "10 000", "100 000", "1 000 000"])
    left.set_xlabel("seconds a megavalue", fontsize=9)
    right.set_xlabel("weights", fontsize=9)
    left.set_ylabel(quality, fontsize=9)
    for axis in (left, right):
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
        axis.margins(x=0.25, y=0.12)


def _beside(name: str, *, above: bool, room: bool) -> tuple[tuple[int, int], str]:
    """Where a name stands, in points from its dot: networks that enlarge are close together."""
    if name.startswith("coarsr"):
        return (0, 7 if above else -13), "left" if room and not above else "center"
    if name.endswith("turns"):
        return (-6, 2), "right"
    if name.startswith("eigensr"):
        return (-6, -9), "right"
    return (5, 3), "left"


def save(name: str) -> None:
    """Write the picture and say how large it is."""
    plt.tight_layout()
    plt.savefig(IMAGES / name, dpi=90)
    plt.close()
    print(f"{name}: {(IMAGES / name).stat().st_size // 1000} kB")


def main() -> None:
    """Draw the pictures."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    draw(left, right, denoisers(), "PSNR, dB")
    left.set_xticks([0.5, 1.0, 2.0], ["0.5", "1", "2"])
    figure.suptitle("Test scenes of CAVE, Gaussian noise of sigma 50, not told", fontsize=10)
    save("front.png")
    figure, rows = plt.subplots(2, 2, figsize=(9, 7.6), sharey="row")
    for scale, (left, right) in zip((2, 4), rows, strict=True):
        draw(left, right, enlargers(scale), f"gain over bicubic at x{scale}, dB")
        left.set_xticks([QUICKEST, 0.1, 1.0, 10.0], ["≤ 0.01", "0.1", "1", "10"])
        right.set_xlim(right=1e8)
    figure.suptitle("Test scenes of CAVE, shrunk by bicubic resampling", fontsize=10)
    save("front-superres.png")


if __name__ == "__main__":
    main()
