"""Make the pictures of the README and of the guide: ``python -m docs.make_screenshots``.

They show the generated demo scene only, in a real napari window on a virtual display, so that
they look the same whatever desktop they are made on.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from napari_hsi_restore.demo import STEPS

IMAGES = Path(__file__).parent / "images"
WIDTHS = range(1400, 700, -100)
COLORS = (256, 128)
LARGEST_BYTES = 300_000


def main() -> int:
    """Run the demo and keep its dark pictures; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "napari_hsi_restore", "demo", "--out", folder]
        status = subprocess.run(command, env=_without_display(), check=False).returncode
        if status == 0:
            IMAGES.mkdir(exist_ok=True)
            for step in STEPS:
                print(keep(Path(folder) / f"{step}-dark.png", IMAGES / f"{step}.png"))
        return status


def _without_display() -> dict[str, str]:
    displays = {"DISPLAY", "WAYLAND_DISPLAY"}
    return {name: value for name, value in os.environ.items() if name not in displays}


def keep(made: Path, target: Path) -> str:
    """Save a picture small enough for a page; return what was saved, in words."""
    with Image.open(made) as opened:
        picture = opened.convert("RGB")
    for width, colors in itertools.product(WIDTHS, COLORS):
        size = (width, round(picture.height * width / picture.width))
        smaller = picture.resize(size, Image.Resampling.LANCZOS)
        # Of Pillow's methods the one that keeps rare colours; dithering would add noise to
        # pictures whose point is that noise goes away.
        method, dither = Image.Quantize.FASTOCTREE, Image.Dither.NONE
        smaller.quantize(colors, method, dither=dither).save(target, optimize=True)
        if target.stat().st_size <= LARGEST_BYTES:
            break
    return f"{target.name}: {size[0]} x {size[1]}, {target.stat().st_size // 1000} kB"


if __name__ == "__main__":
    sys.exit(main())
