"""Quality against time and size of the denoisers: ``python -m docs.make_front``.

Draws what the tables "Denoising, cave" and "Time of denoising" of benchmarks.md say for sigma 50,
and the sizes that the records of the models say. Needs matplotlib.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from napari_hsi_restore.classical import METHODS
from napari_hsi_restore.zoo import list_models

mpl.use("Agg")
import matplotlib.pyplot as plt

PAGE = Path(__file__).parent / "benchmarks.md"
TARGET = Path(__file__).parent / "images" / "front.png"
NETWORK, METHOD = "#4477aa", "#cc8800"
VALUES = 512 * 512 * 31 / 1e6


def table(heading: str, columns: int) -> list[list[str]]:
    """The rows of the first table below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8")
    text = text[text.index(heading) :]
    lines = text[text.index("\n|---") + 1 :].split("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert all(len(row) == columns for row in cells)
    return cells


def main() -> None:
    """Draw the picture."""
    sizes = {record.name: record.parameters for record in list_models("denoise")}
    parts = {record.name: record.parameters for record in list_models("refine")}
    sizes |= {
        method.name: sum(parts[name] for name in method.networks)
        for method in METHODS
        if method.networks
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
    quality = {row[0]: float(row[2]) for row in table("### Denoising, cave", 6) if row[1] == "50"}
    times = {row[0]: float(row[1]) for row in table("### Time of denoising", 3)}
    for name, psnr in quality.items():
        seconds = times[name]
        color = NETWORK if name in sizes else METHOD
        left.plot(seconds / VALUES, psnr, "o", color=color)
        left.annotate(name, (seconds / VALUES, psnr), (5, 3), textcoords="offset points", size=8)
        size = sizes.get(name, 0)
        right.plot(max(size, 1e3), psnr, "o", color=color)
        right.annotate(name, (max(size, 1e3), psnr), (5, 3), textcoords="offset points", size=8)
    left.set_xscale("log")
    right.set_xscale("log")
    left.set_xticks([0.5, 1.0, 2.0], ["0.5", "1", "2"])
    left.minorticks_off()
    right.set_xticks([1e3, 1e4, 1e5, 1e6], ["no weights", "10 000", "100 000", "1 000 000"])
    left.set_xlabel("seconds a megavalue", fontsize=9)
    right.set_xlabel("weights", fontsize=9)
    left.set_ylabel("PSNR, dB", fontsize=9)
    for axis in (left, right):
        axis.tick_params(labelsize=8)
        axis.grid(alpha=0.3)
        axis.margins(x=0.25, y=0.12)
    figure.suptitle("Test scenes of CAVE, Gaussian noise of sigma 50, not told", fontsize=10)
    figure.tight_layout()
    figure.savefig(TARGET, dpi=90)
    print(f"{TARGET.name}: {TARGET.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
