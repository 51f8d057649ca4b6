"""The verbs that restore a cube: `denoise` and `superres`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from napari_hsi_restore.cli_options import (
    AxisOption,
    CubeArgument,
    DeviceOption,
    KeyOption,
    MarkBadOption,
    MemoryOption,
    ModelOption,
    OutArgument,
    OverwriteOption,
    QuietOption,
    SchedulerOption,
    ShapeOption,
    WavelengthsOption,
    gib,
    open_cube,
    remark,
)
from napari_hsi_restore.cli_output import cube_of, write_cube, write_in_pieces

# Whatever takes long to import is imported where Ctrl-C is understood.


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
    scheduler: SchedulerOption = None,
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
    """Remove the noise of a cube, with a network or a method."""
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
    from napari_hsi_restore.restore.cluster import cluster

    if scheduler is None and not streaming.must_stream(source, recipe):
        result = cube_of(restore.restore(in_memory(source), recipe, hidden=hidden), quiet)
        write_cube(result, out, overwrite, quiet)
    else:
        streaming.check_mask(hidden)
        with cluster(scheduler):
            steps = streaming.denoise_in_pieces(source, recipe, elsewhere=scheduler is not None)
            result = cube_of(steps, quiet)
            write_in_pieces(result, out, overwrite, quiet)
    for said in restore.outcome(result):
        remark(said, quiet)


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
        bool | None,
        typer.Option(
            help="Average the model's answers to eight turns: slower, more accurate. If nothing "
            "is said, where that is quick and gains something."
        ),
    ] = None,
    mark_bad: MarkBadOption = None,
    device: DeviceOption = "auto",
    memory_limit: MemoryOption = None,
    scheduler: SchedulerOption = None,
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
    fine = fine or (DEFAULT_CORRECTION if scheduler is None else "none")
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
    from napari_hsi_restore.restore.cluster import cluster
    from napari_hsi_restore.restore.superres_size import check_planes, must_map, stored_bytes
    from napari_hsi_restore.restore.superres_streaming import superres_in_pieces

    if scheduler is not None:
        check_space(out, source, factor)
        with cluster(scheduler):
            result = cube_of(superres_in_pieces(source, recipe, elsewhere=True), quiet)
            write_in_pieces(result, out, overwrite, quiet)
    elif must_map(source, recipe):
        check_planes(source, recipe)
        check_space(out, source, factor, stored_bytes(source, recipe))
        # Beside the target: folders for temporary files may lie in memory.
        beside = out.expanduser().absolute().parent
        with tempfile.TemporaryDirectory(prefix=".enlarging-", dir=beside) as folder:
            steps = restore.superres(source, recipe, folder=Path(folder))
            result = cube_of(steps, quiet)
            write_cube(result, out, overwrite, quiet)
    else:
        check_space(out, source, factor)
        result = cube_of(restore.superres(in_memory(source), recipe), quiet)
        write_cube(result, out, overwrite, quiet)
    for said in restore.outcome(result):
        remark(said, quiet)


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
