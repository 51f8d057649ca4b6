"""The verbs of the command line that make a new model: `finetune` and `search`."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_hsi_restore.cli_options import (
    AxisOption,
    DeviceOption,
    QuietOption,
    SeedOption,
    WavelengthsOption,
    gib,
    open_cube,
    remark,
)
from napari_hsi_restore.exit_status import cancelling_says, raise_if_interrupted

# Whatever takes long to import is imported where Ctrl-C is understood.
if TYPE_CHECKING:
    from napari_hsi_restore.cube import HyperCube
    from napari_hsi_restore.events import Progress
    from napari_hsi_restore.verbs_learning import Learning
    from napari_hsi_restore.zoo import ModelRecord

CubesArgument = Annotated[
    list[str],
    typer.Argument(metavar="CUBE...", help="Cubes of one sensor; FILE::KEY for a data set."),
]
NameOption = Annotated[str, typer.Option("--name", metavar="NEW", help="Name of the new model.")]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Go on with an interrupted run of this name.")
]
DevicesOption = Annotated[
    str,
    typer.Option(
        "--devices",
        metavar="N|auto",
        help="How many devices learn together; auto: all GPUs, unless --device names one.",
    ),
]
ReplaceOption = Annotated[
    bool, typer.Option("--overwrite", help="Replace your model of this name when it is ready.")
]


def finetune(
    cubes: CubesArgument,
    *,
    start: Annotated[
        str, typer.Option("--from", metavar="NAME", help="Model to begin with; see models.")
    ],
    name: NameOption,
    references: Annotated[
        list[str] | None,
        typer.Option(
            "--reference",
            metavar="CUBE",
            help="Clean cube of each CUBE; repeat it.",
        ),
    ] = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="The cubes are clean; they are given noise.")
    ] = False,
    noise_from: Annotated[
        str | None,
        typer.Option(
            "--noise-from", metavar="CUBE", help="Noisy cube whose noise the clean ones get."
        ),
    ] = None,
    minutes: Annotated[float, typer.Option("--minutes", help="Time for learning.")] = 10.0,
    resume: ResumeOption = False,
    device: DeviceOption = "auto",
    devices: DevicesOption = "auto",
    memory_limit: Annotated[
        float | None,
        typer.Option("--memory-limit", metavar="GIB", help="Memory for the cubes in GiB."),
    ] = None,
    seed: SeedOption = 0,
    bands_axis: AxisOption = None,
    wavelengths: WavelengthsOption = None,
    overwrite: ReplaceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fine-tune a model on cubes of your own sensor, with or without clean references."""
    from napari_hsi_restore import verbs_learning as verbs

    recipe = verbs.finetune_recipe(
        start=start,
        name=name,
        references=bool(references),
        clean=clean or noise_from is not None,
        minutes=minutes,
        seed=seed,
        device=device,
        devices=_count(devices),
        memory_limit_gib=gib(memory_limit),
    )

    def opened(names: list[str]) -> list[HyperCube]:
        return [open_cube(each, None, bands_axis, wavelengths, None, quiet=quiet) for each in names]

    task = verbs.FineTuning(
        recipe,
        opened(cubes),
        opened(references) if references else None,
        None if noise_from is None else opened([noise_from])[0],
    )
    _waited_for(verbs.Learning(task, resume=resume, overwrite=overwrite), quiet)


def search(
    cubes: CubesArgument,
    *,
    name: NameOption,
    minutes: Annotated[
        float, typer.Option("--minutes", help="Time for the search and the training.")
    ] = 30.0,
    cost_weight: Annotated[
        float,
        typer.Option("--cost-weight", min=0.0, help="0 for the best quality, 0.1 for a fast one."),
    ] = 0.0,
    cell: Annotated[
        Path | None,
        typer.Option(
            "--cell",
            metavar="FILE",
            help="A cell that was exported: nothing is searched, all the time trains its network.",
        ),
    ] = None,
    resume: ResumeOption = False,
    device: DeviceOption = "auto",
    devices: DevicesOption = "auto",
    seed: SeedOption = 0,
    bands_axis: AxisOption = None,
    wavelengths: WavelengthsOption = None,
    overwrite: ReplaceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Search a network for cubes like these and train it."""
    from napari_hsi_restore import verbs_learning as verbs

    recipe = verbs.search_recipe(
        name=name,
        minutes=minutes,
        cost_weight=cost_weight,
        cell=cell,
        seed=seed,
        device=device,
        devices=_count(devices),
    )
    opened = [open_cube(each, None, bands_axis, wavelengths, None, quiet=quiet) for each in cubes]
    task = verbs.Searching(recipe, opened)
    _waited_for(verbs.Learning(task, resume=resume, overwrite=overwrite), quiet)


def _count(text: str) -> int | Literal["auto"]:
    """A number of devices."""
    if text == "auto":
        return "auto"
    if not (text.isascii() and text.isdigit() and int(text)):
        raise typer.BadParameter(f"--devices is a number from 1, or auto, not {text!r}")
    return int(text)


def _waited_for(learning: Learning, quiet: bool) -> None:
    """Show how a run goes and say what came out; Ctrl-C keeps what was learned so far."""
    try:
        record = _shown(learning, quiet)
    except KeyboardInterrupt:
        cancelling_says(_left(learning))
        raise
    from napari_hsi_restore import answers

    typer.echo(answers.model_text(record))


def _shown(learning: Learning, quiet: bool) -> ModelRecord:
    from napari_hsi_restore import events
    from napari_hsi_restore.progress_line import ProgressLine

    figures: dict[str, float] = {}
    # Whatever ends it, the run is closed before anything is said of what it leaves.
    with (
        contextlib.closing(learning.events()) as going,
        ProgressLine(sys.stderr, quiet=quiet) as line,
    ):
        for event in going:
            raise_if_interrupted()
            if isinstance(event, events.Metric):
                figures[event.name] = event.value
            elif isinstance(event, events.Note):
                line.clear()
                remark(event.message, quiet)
            elif isinstance(event, events.Progress):
                said = _said(event, figures, learning.floor)
                line.show(events.Progress(event.fraction, said, event.eta_s))
            elif isinstance(event, events.Done):
                result: ModelRecord = event.result
                return result
    raise AssertionError("learning ended without a model")


def _said(progress: Progress, figures: dict[str, float], floor: str) -> str:
    """The message of a progress, and how good the weights were when they were last judged."""
    if not {"psnr", "psnr_start"} <= figures.keys():
        return progress.message
    now, before = figures["psnr"], figures["psnr_start"]
    return f"{progress.message}; held-out pixels {now:.2f} dB, {floor} {before:.2f} dB"


def _left(learning: Learning) -> str:
    """What a cancelled run leaves behind."""
    if not learning.is_begun:
        return "Cancelled; nothing was written."
    record = learning.kept()
    said = "nothing better than before was found yet"
    if record is not None:
        said = f"what was learned so far is the model '{record.name}'. {record.remark}"
    return f"Cancelled; {said}\nGive --resume to go on, or remove {learning.folder}."
