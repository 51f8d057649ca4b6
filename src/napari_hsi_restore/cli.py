"""The verbs without a screen: ``napari-hsi-restore VERB ...``.

Exit status: 0 done, 1 a failure with one clear sentence on standard error, 2 wrong usage,
130 cancelled. What a verb answers goes to standard output, what it says meanwhile to standard
error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from napari_hsi_restore import blas_threads, cli_cubes, cli_learning, cli_models, cli_restore
from napari_hsi_restore.cli_options import QuietOption
from napari_hsi_restore.exit_status import (
    CANCELLED,
    cancelled,
    sentence,
    termination_cleans_up,
)

# Whatever takes long to import is imported by the verbs, where Ctrl-C is understood.

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


for verb in (
    cli_cubes.info,
    cli_cubes.noise,
    cli_cubes.convert,
    cli_cubes.degrade,
    cli_restore.denoise,
    cli_restore.superres,
    cli_cubes.compare,
):
    app.command()(verb)
app.add_typer(cli_models.app, name="models")
app.command()(cli_learning.finetune)
app.command()(cli_learning.search)


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
    if arguments is None:
        blas_threads.limit()
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
