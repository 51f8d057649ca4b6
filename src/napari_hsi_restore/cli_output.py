"""How verbs wait for a long task, and write what came out."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_hsi_restore.cli_options import remark
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.exit_status import raise_if_interrupted

# Whatever takes long to import is imported where Ctrl-C is understood.
if TYPE_CHECKING:
    from napari_hsi_restore.cube import HyperCube
    from napari_hsi_restore.events import Event


def check_new(path: Path, overwrite: bool) -> None:
    """Refuse a file that exists, or whose folder does not."""
    if path.exists() and not overwrite:
        raise UserError(f"{path}: exists already; choose another name or give --overwrite.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"{path}: its folder does not exist; create it first.")


def result_of(events: Iterable[Event], quiet: bool) -> Any:
    """Run a long task, show its progress, and take its result."""
    from napari_hsi_restore.events import Done, Progress
    from napari_hsi_restore.progress_line import ProgressLine

    result = None
    with ProgressLine(sys.stderr, quiet=quiet) as line:
        for event in events:
            raise_if_interrupted()
            if isinstance(event, Progress):
                line.show(event)
            elif isinstance(event, Done):
                result = event.result
    assert result is not None, "a task ended without a result"
    return result


def cube_of(events: Iterable[Event], quiet: bool) -> HyperCube:
    """Run a restoration, show its progress, and take its result."""
    result: HyperCube = result_of(events, quiet)
    return result


def write_cube(cube: HyperCube, out: Path, overwrite: bool, quiet: bool) -> None:
    """Write a cube, and say what was written."""
    from napari_hsi_restore.io import catalog, write

    written = write(cube, out, overwrite=overwrite, confirm=raise_if_interrupted)
    bands, height, width = cube.shape
    spec = catalog.for_target(written)
    stored = spec.stored(cube.dtype)
    if stored != cube.dtype.newbyteorder("="):
        remark(f"{written}: {spec.name} has no {cube.dtype}, the values are {stored} now.", quiet)
    size = f"{bands} band{'' if bands == 1 else 's'}, {height} x {width} pixels"
    remark(f"Wrote {written}: {size}, {stored}", quiet)


def write_in_pieces(cube: HyperCube, out: Path, overwrite: bool, quiet: bool) -> None:
    """Write a cube that is computed meanwhile, with progress."""
    from napari_hsi_restore.events import Progress
    from napari_hsi_restore.io.blocks import watched
    from napari_hsi_restore.progress_line import ProgressLine

    begin = time.monotonic()
    with ProgressLine(sys.stderr, quiet=quiet) as line:

        def show(fraction: float) -> None:
            raise_if_interrupted()
            left = (time.monotonic() - begin) * (1.0 - fraction) / max(fraction, 1e-9)
            line.show(Progress(fraction, "restoring and writing in pieces", left))

        with watched(show):
            write_cube(cube, out, overwrite, quiet)
