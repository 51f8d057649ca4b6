"""The verbs without a screen: ``napari-hsi-restore VERB ...``.

Exit status: 0 done, 1 a failure with one clear sentence on standard error, 2 wrong usage,
130 cancelled. What a verb answers goes to standard output, what it says meanwhile to standard
error.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_hsi_restore import cli_learning, cli_models
from napari_hsi_restore.cli_options import (
    AxisOption,
    CubeArgument,
    DeviceOption,
    JsonOption,
    KeyOption,
    MarkBadOption,
    MemoryOption,
    ModelOption,
    OutArgument,
    OverwriteOption,
    QuietOption,
    SeedOption,
    ShapeOption,
    WavelengthsOption,
    gib,
    open_cube,
    remark,
)
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.exit_status import (
    CANCELLED,
    cancelled,
    raise_if_interrupted,
    sentence,
    termination_cleans_up,
)

# Whatever takes long to import is imported by `main`, where Ctrl-C is understood.
if TYPE_CHECKING:
    from napari_hsi_restore.cube import HyperCube
    from napari_hsi_restore.events import Event

PROGRAM = "napari-hsi-restore"

app = typer.Typer(
    name=PROGRAM,
    help="Restore hyperspectral cubes: inspect, denoise, enlarge, compare.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from napari_hsi_restore import __version__

        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and exit.",
            callback=_print_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    # Its docstring would replace the help text of the program.
    del version


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for screenshots and table.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Open napari on the demo scene; without a display on a virtual one, with screenshots."""
    from napari_hsi_restore.demo import run

    run(out, quiet=quiet)


@app.command()
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


@app.command()
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
        _check_new(save, overwrite)
    source = open_cube(cube, key, bands_axis, wavelengths, shape, quiet=quiet)
    from napari_hsi_restore import answers
    from napari_hsi_restore.noise import analyse
    from napari_hsi_restore.noise.portion import told
    from napari_hsi_restore.restore.recommend import recommend

    report = _result(told(analyse(in_memory(source)), "looking at the noise"), quiet)
    if save is not None:
        remark(f"Wrote {save_report(report, save, source.wavelengths_nm)}", quiet)
    advice = recommend(report)
    if json_:
        typer.echo(json.dumps(answers.noise_json(report, advice), allow_nan=False))
    else:
        typer.echo(answers.noise_text(report, advice, source.wavelengths_nm))


@app.command()
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
    _write(source, out, overwrite, quiet)


@app.command()
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
    _write(result, out, overwrite, quiet)


@app.command()
def denoise(
    cube: CubeArgument,
    out: OutArgument,
    *,
    model: ModelOption = "auto",
    noise: Annotated[
        str,
        typer.Option(
            "--noise",
            metavar="auto|SIGMA",
            help="Estimated per band, or one standard deviation where white is 255.",
        ),
    ] = "auto",
    strength: Annotated[
        float, typer.Option("--strength", min=0.0, max=5.0, help="0 changes nothing.")
    ] = 1.0,
    mask: Annotated[
        Path | None,
        typer.Option(
            "--mask",
            metavar="FILE",
            help="Picture or .npy of the cube's height and width; pixels that are not 0 count as "
            "missing and are filled.",
        ),
    ] = None,
    bad_bands: Annotated[
        str,
        typer.Option(
            "--bad-bands",
            metavar="keep|restore",
            help="Bands marked as bad have no part in restoring the others: keep them as they "
            "are, or restore them from the others.",
        ),
    ] = "keep",
    mark_bad: MarkBadOption = None,
    device: DeviceOption = "auto",
    memory_limit: MemoryOption = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="Dask scheduler whose workers compute, such as tcp://10.0.0.1:8786.",
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option("--seed", min=0, help="Accepted for scripts: denoising draws no numbers."),
    ] = 0,
    key: KeyOption = None,
    bands_axis: AxisOption = None,
    wavelengths: WavelengthsOption = None,
    shape: ShapeOption = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Remove the noise of a cube, with a network or without training."""
    from napari_hsi_restore.io.lazy import in_memory
    from napari_hsi_restore.restore.recipe import DenoiseRecipe
    from napari_hsi_restore.verbs import check_target, hidden_pixels, with_bad_bands

    if bad_bands not in {"keep", "restore"}:
        raise typer.BadParameter(f"--bad-bands is keep or restore, not {bad_bands!r}")
    recipe = DenoiseRecipe(
        model=model,
        noise="auto" if noise == "auto" else _sigma(noise),
        strength=strength,
        device=device,
        memory_limit_gib=gib(memory_limit),
        bad_bands="restore" if bad_bands == "restore" else "keep",
    )
    check_target(out, overwrite=overwrite)
    source = open_cube(cube, key, bands_axis, wavelengths, shape, quiet=quiet)
    source = with_bad_bands(source, mark_bad)
    hidden = hidden_pixels(mask, source)
    # torch takes a second to load: not before the arguments and the file are known to be good.
    from napari_hsi_restore import restore
    from napari_hsi_restore.restore import streaming

    if scheduler is None and not streaming.must_stream(source, recipe):
        result = _waited_for(restore.restore(in_memory(source), recipe, hidden=hidden), quiet)
        _write(result, out, overwrite, quiet)
    else:
        streaming.check_mask(hidden)
        with streaming.cluster(scheduler):
            steps = streaming.denoise_in_pieces(source, recipe, elsewhere=scheduler is not None)
            result = _waited_for(steps, quiet)
            _write_in_pieces(result, out, overwrite, quiet)
    for said in restore.outcome(result):
        remark(said, quiet)


@app.command()
def superres(
    cube: CubeArgument,
    out: OutArgument,
    *,
    scale: Annotated[
        int,
        typer.Option("--scale", metavar="2|4", help="Pixels out for a pixel in, along each side."),
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="auto|NAME",
            help="See the verb models; also bicubic and back-projection. auto checks the model "
            "on the cube.",
        ),
    ] = "auto",
    fine: Annotated[
        str | None,
        typer.Option("--fine", metavar="NAME", help="Correction: none, published, consistent, ..."),
    ] = None,
    ensemble: Annotated[
        bool,
        typer.Option(help="Average the model's answers to eight turns: slower, more accurate."),
    ] = False,
    mark_bad: MarkBadOption = None,
    device: DeviceOption = "auto",
    memory_limit: MemoryOption = None,
    seed: Annotated[
        int,
        typer.Option("--seed", min=0, help="Accepted for scripts: enlarging draws no numbers."),
    ] = 0,
    key: KeyOption = None,
    bands_axis: AxisOption = None,
    wavelengths: WavelengthsOption = None,
    shape: ShapeOption = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Give a cube more pixels with a bundled network, in the same units."""
    from napari_hsi_restore.io.lazy import in_memory
    from napari_hsi_restore.restore.superres_recipe import (
        CORRECTIONS,
        DEFAULT_CORRECTION,
        SCALES,
        SuperresRecipe,
    )
    from napari_hsi_restore.verbs import check_space, check_target, with_bad_bands

    factor = next((known for known in SCALES if known == scale), None)
    if factor is None:
        raise typer.BadParameter(f"--scale is one of {_listed(SCALES)}, not {scale}")
    fine = fine or DEFAULT_CORRECTION
    if fine not in CORRECTIONS:
        raise typer.BadParameter(f"--fine is one of {_listed(CORRECTIONS)}, not {fine!r}")
    recipe = SuperresRecipe(
        scale=factor,
        model=model,
        fine=CORRECTIONS[fine],
        ensemble=ensemble,
        device=device,
        memory_limit_gib=gib(memory_limit),
    )
    check_target(out, overwrite=overwrite)
    source = open_cube(cube, key, bands_axis, wavelengths, shape, quiet=quiet)
    source = with_bad_bands(source, mark_bad)
    from napari_hsi_restore import restore
    from napari_hsi_restore.restore.superres_size import check_planes, must_map, stored_bytes

    if must_map(source, recipe):
        check_planes(source, recipe)
        check_space(out, source, factor, stored_bytes(source, recipe))
        # Beside the target: folders for temporary files may lie in memory.
        beside = out.expanduser().absolute().parent
        with tempfile.TemporaryDirectory(prefix=".enlarging-", dir=beside) as folder:
            steps = restore.superres(source, recipe, folder=Path(folder))
            result = _waited_for(steps, quiet)
            _write(result, out, overwrite, quiet)
    else:
        check_space(out, source, factor)
        result = _waited_for(restore.superres(in_memory(source), recipe), quiet)
        _write(result, out, overwrite, quiet)
    for said in restore.outcome(result):
        remark(said, quiet)


@app.command()
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


app.add_typer(cli_models.app, name="models")
app.command()(cli_learning.finetune)
app.command()(cli_learning.search)


def _listed(choices: Iterable[object]) -> str:
    return ", ".join(map(str, choices))


def _sigma(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise typer.BadParameter(f"--noise is auto or a standard deviation >= 0, not {text!r}")
    return value


def _check_report(path: Path, overwrite: bool) -> None:
    if path.suffix.lower() not in {".html", ".htm"}:
        raise typer.BadParameter(f"--report is an .html file, not {path}")
    _check_new(path, overwrite)


def _check_new(path: Path, overwrite: bool) -> None:
    """Refuse a file that exists, or whose folder does not."""
    if path.exists() and not overwrite:
        raise UserError(f"{path}: exists already; choose another name or give --overwrite.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"{path}: its folder does not exist; create it first.")


def _waited_for(events: Iterable[Event], quiet: bool) -> HyperCube:
    """Run a restoration, show its progress, and take its result."""
    result: HyperCube = _result(events, quiet)
    return result


def _result(events: Iterable[Event], quiet: bool) -> Any:
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


def _write(cube: HyperCube, out: Path, overwrite: bool, quiet: bool) -> None:
    from napari_hsi_restore.io import catalog, write

    written = write(cube, out, overwrite=overwrite, confirm=raise_if_interrupted)
    bands, height, width = cube.shape
    spec = catalog.for_target(written)
    stored = spec.stored(cube.dtype)
    if stored != cube.dtype.newbyteorder("="):
        remark(f"{written}: {spec.name} has no {cube.dtype}, the values are {stored} now.", quiet)
    size = f"{bands} band{'' if bands == 1 else 's'}, {height} x {width} pixels"
    remark(f"Wrote {written}: {size}, {stored}", quiet)


def _write_in_pieces(cube: HyperCube, out: Path, overwrite: bool, quiet: bool) -> None:
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
            _write(cube, out, overwrite, quiet)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Parameters
    ----------
    arguments : sequence of str or None
        None for those of the process.

    Returns
    -------
    int
        Exit status: 0, 1, 2 or 130.
    """
    try:
        with termination_cleans_up():
            app(args=None if arguments is None else list(arguments), prog_name=PROGRAM)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        return cancelled() if status == CANCELLED else status
    except KeyboardInterrupt:
        return cancelled()
    except Exception as error:
        if os.environ.get("NAPARI_HSI_RESTORE_TRACEBACK"):
            raise
        print(sentence(error), file=sys.stderr)
        return 1
    return 0
