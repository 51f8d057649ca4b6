"""The verbs that look at cubes, convert, degrade and compare them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from napari_hsi_restore.cli_options import (
    AxisOption,
    CubeArgument,
    JsonOption,
    KeyOption,
    OutArgument,
    OverwriteOption,
    QuietOption,
    SeedOption,
    ShapeOption,
    WavelengthsOption,
    open_cube,
    remark,
)
from napari_hsi_restore.cli_output import check_new, result_of, write_cube

# Whatever takes long to import is imported where Ctrl-C is understood.


def info(
    cube: CubeArgument,
    *,
    json_: JsonOption = False,
    key: KeyOption = None,
    bands_axis: AxisOption = None,
    wavelengths: WavelengthsOption = None,
    shape: ShapeOption = None,
) -> None:
    """Say what a cube is: shape, type, units, wavelengths, bad bands, georeference, size."""
    from napari_hsi_restore import answers, verbs

    # In words the guesses stand in the history.
    opened = open_cube(cube, key, bands_axis, wavelengths, shape, quiet=not json_)
    answer = verbs.info(opened)
    if json_:
        typer.echo(json.dumps(answer, allow_nan=False))
    else:
        typer.echo(answers.info_text(answer, opened.history))


def noise(
    cube: CubeArgument,
    *,
    json_: JsonOption = False,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", metavar="FILE", help="Also write a table (.csv) or the report (.json)."
        ),
    ] = None,
    key: KeyOption = None,
    bands_axis: AxisOption = None,
    wavelengths: WavelengthsOption = None,
    shape: ShapeOption = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure the noise of each band, find stripes, dead lines and bad bands, and advise."""
    from napari_hsi_restore.io.lazy import in_memory
    from napari_hsi_restore.noise.report_files import check_suffix, save_report

    if save is not None:
        check_suffix(save)
        check_new(save, overwrite)
    source = open_cube(cube, key, bands_axis, wavelengths, shape, quiet=quiet)
    from napari_hsi_restore import answers
    from napari_hsi_restore.noise import analyse
    from napari_hsi_restore.noise.portion import told
    from napari_hsi_restore.restore.recommend import recommend

    report = result_of(told(analyse(in_memory(source)), "looking at the noise"), quiet)
    if save is not None:
        remark(f"Wrote {save_report(report, save, source.wavelengths_nm)}", quiet)
    advice = recommend(report)
    if json_:
        typer.echo(json.dumps(answers.noise_json(report, advice), allow_nan=False))
    else:
        typer.echo(answers.noise_text(report, advice, source.wavelengths_nm))


def convert(
    cube: CubeArgument,
    out: OutArgument,
    *,
    key: KeyOption = None,
    bands_axis: AxisOption = None,
    wavelengths: WavelengthsOption = None,
    shape: ShapeOption = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a cube in another format, with all that the format can keep."""
    from napari_hsi_restore.verbs import check_target

    check_target(out, overwrite=overwrite)
    source = open_cube(cube, key, bands_axis, wavelengths, shape, quiet=quiet)
    write_cube(source, out, overwrite, quiet)


def degrade(
    cube: CubeArgument,
    out: OutArgument,
    *,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME",
            help="gaussian-50, blind, non-iid, stripe, deadline, impulse, mixture, poisson-100.",
        ),
    ] = None,
    factor: Annotated[
        int | None, typer.Option("--downscale", metavar="2|4", help="Divide the image size.")
    ] = None,
    seed: SeedOption = 0,
    key: KeyOption = None,
    bands_axis: AxisOption = None,
    wavelengths: WavelengthsOption = None,
    shape: ShapeOption = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Add the noise of a published preset to a cube, or make it smaller."""
    from napari_hsi_restore.io.lazy import in_memory

    if (preset is None) == (factor is None):
        raise typer.BadParameter("give either --preset NAME or --downscale 2|4")
    from napari_hsi_restore import degradations
    from napari_hsi_restore.verbs import check_target

    check_target(out, overwrite=overwrite)
    source = open_cube(cube, key, bands_axis, wavelengths, shape, quiet=quiet)
    if preset is not None:
        result = degradations.degrade(in_memory(source), preset, seed)
    else:
        assert factor is not None
        result = degradations.downscale(in_memory(source), factor)
    write_cube(result, out, overwrite, quiet)


def compare(
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="The clean cube; FILE::KEY for a data set.")
    ],
    results: Annotated[list[str], typer.Argument(metavar="RESULT...", help="Cubes to judge.")],
    *,
    json_: JsonOption = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="OUT.html", help="Write table and curves as one page."),
    ] = None,
    key: KeyOption = None,
    bands_axis: AxisOption = None,
    wavelengths: WavelengthsOption = None,
    shape: ShapeOption = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure how far results are from a reference; the reading options are the reference's."""
    from napari_hsi_restore import answers
    from napari_hsi_restore.io.lazy import in_memory
    from napari_hsi_restore.metrics import compare_cubes
    from napari_hsi_restore.report import write_report

    if report is not None:
        _check_report(report, overwrite)
    truth = in_memory(open_cube(reference, key, bands_axis, wavelengths, shape, quiet=quiet))
    others = ((name, open_cube(name, None, None, None, None, quiet=quiet)) for name in results)
    scores = [(name, compare_cubes(truth, in_memory(other))) for name, other in others]
    rows = [answers.scores_json(name, score) for name, score in scores]
    if report is not None:
        write_report(report, reference, rows, truth.wavelengths_nm)
        remark(f"Wrote {report}", quiet)
    typer.echo(json.dumps(rows, allow_nan=False) if json_ else answers.scores_text(rows))


def _check_report(path: Path, overwrite: bool) -> None:
    if path.suffix.lower() not in {".html", ".htm"}:
        raise typer.BadParameter(f"--report is an .html file, not {path}")
    check_new(path, overwrite)
