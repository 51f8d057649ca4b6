"""Arguments and options that several verbs of the command line share, and opening a cube."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

# Whatever takes long to import is imported where Ctrl-C is understood.
if TYPE_CHECKING:
    from napari_hsi_restore.cube import HyperCube

CubeArgument = Annotated[
    str, typer.Argument(metavar="CUBE", help="A cube's file or folder; FILE::KEY for a data set.")
]
OutArgument = Annotated[
    Path, typer.Argument(metavar="OUT", help="File to write; its suffix chooses the format.")
]
KeyOption = Annotated[
    str | None, typer.Option("--key", help="Data set inside the file, as FILE::KEY does.")
]
AxisOption = Annotated[
    int | None, typer.Option("--bands-axis", help="Axis of the stored array that holds the bands.")
]
WavelengthsOption = Annotated[
    Path | None,
    typer.Option(
        "--wavelengths", metavar="FILE", help="Table of wavelengths in nm, or an ENVI header."
    ),
]
ShapeOption = Annotated[
    str | None,
    typer.Option("--shape", metavar="ROWSxCOLUMNS", help="Image size of a (band, pixel) matrix."),
]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace an existing OUT.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="No progress and no remarks.")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random numbers.")]
DeviceOption = Annotated[str, typer.Option("--device", metavar="auto|cpu|cuda[:N]")]
ModelOption = Annotated[
    str, typer.Option("--model", metavar="auto|NAME", help="See the verb models.")
]
MemoryOption = Annotated[
    float | None,
    typer.Option("--memory-limit", metavar="GIB", help="Memory for the tiles in GiB."),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Dask scheduler whose workers compute, such as tcp://10.0.0.1:8786.",
    ),
]
MarkBadOption = Annotated[
    str | None,
    typer.Option(
        "--mark-bad",
        metavar="BANDS",
        help="Bands that count as bad, from 0, such as 0-3,104, or none; in place of the marks "
        "of the file.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def open_cube(
    cube: str,
    key: str | None,
    bands_axis: int | None,
    wavelengths: Path | None,
    shape: str | None,
    *,
    quiet: bool,
) -> HyperCube:
    """Open a cube and say on standard error what had to be guessed."""
    from napari_hsi_restore.io import guesses, read

    found = read(
        cube, key=key, bands_axis=bands_axis, wavelengths=wavelengths, shape=_image_size(shape)
    )
    for guess in guesses(found.history):
        remark(f"{cube}: {guess}", quiet)
    return found


def _image_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise typer.BadParameter(f"--shape is ROWSxCOLUMNS such as 100x120, not {text!r}")
    return int(parts[0]), int(parts[1])


def gib(limit: float | None) -> float | None:
    """A memory limit that is a positive number of GiB, or none."""
    if limit is not None and not limit > 0:
        raise typer.BadParameter("--memory-limit is a positive number of GiB")
    return limit


def remark(text: str, quiet: bool) -> None:
    """Say something on standard error, unless quiet was asked for."""
    if not quiet:
        typer.echo(text, err=True)
