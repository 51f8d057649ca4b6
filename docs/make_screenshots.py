"""Make the pictures of the README and of the guide: ``python -m docs.make_screenshots``.

They show the generated demo scene only.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from napari_hsi_restore.cli import main as program

IMAGES = Path(__file__).parent / "images"
PICTURES = {
    "inspect-dark.png": "inspect.png",
    "restore-dark.png": "restore.png",
    "compare-dark.png": "compare.png",
}


def main() -> int:
    """Run the demo and keep its pictures; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        status = program(["demo", "--out", folder])
        if status == 0:
            IMAGES.mkdir(exist_ok=True)
            for made, kept in PICTURES.items():
                shutil.copyfile(Path(folder) / made, IMAGES / kept)
        return status


if __name__ == "__main__":
    sys.exit(main())
