"""The verb `models`: the list, and what can be done with the models of the user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from napari_hsi_restore.cli_options import JsonOption

# Whatever takes long to import is imported where Ctrl-C is understood.

app = typer.Typer(
    help="List the models with their scores, and the methods; or remove, "
    "rename, export or import your own.",
    invoke_without_command=True,
    add_completion=False,
)

OwnArgument = Annotated[str, typer.Argument(metavar="NAME", help="One of your own models.")]


@app.callback()
def models(context: typer.Context, json_: JsonOption = False) -> None:
    """List the models, or do something with one of your own."""
    if context.invoked_subcommand is not None:
        return
    from napari_hsi_restore import answers, zoo
    from napari_hsi_restore.restore.choices import methods

    for path in zoo.records.damaged():
        typer.echo(f"{path}: the record is damaged; remove the model or make it again.", err=True)
    records = (*zoo.list_models(), *zoo.list_models("refine"))
    if json_:
        rows = [answers.model_json(record) for record in records]
        rows += [answers.method_json(method) for method in methods()]
        typer.echo(json.dumps(rows, allow_nan=False))
    else:
        texts = [answers.model_text(record) for record in records]
        texts += [answers.method_text(method) for method in methods()]
        typer.echo("\n\n".join(texts))


@app.command()
def remove(name: OwnArgument) -> None:
    """Delete one of your own models."""
    from napari_hsi_restore.zoo import library

    library.remove(name)
    typer.echo(f"Removed {name}")


@app.command()
def rename(
    name: OwnArgument, new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.")]
) -> None:
    """Give one of your own models another name."""
    from napari_hsi_restore.zoo import library

    library.rename(name, new)
    typer.echo(f"{name} is called {new} now")


@app.command()
def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Any model.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="File to write: .safetensors")],
    cell: Annotated[
        bool, typer.Option("--cell", help="Only its cell, as .json: see search --cell.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing OUT.")
    ] = False,
) -> None:
    """Write a model with its record as one file, or its cell alone."""
    from napari_hsi_restore.zoo import library

    write = library.export_cell if cell else library.export
    typer.echo(f"Wrote {write(name, out, overwrite=overwrite)}")


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'models export' wrote.")],
    name: Annotated[
        str | None, typer.Option("--name", metavar="NEW", help="Instead of its own name.")
    ] = None,
) -> None:
    """Take a model from a file; it is checked and never unpickled."""
    from napari_hsi_restore.zoo import library

    typer.echo(f"The model {library.import_model(file, name).name} is in the list now")
