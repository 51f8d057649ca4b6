"""``python -m napari_hsi_restore.training``: train a network from a recipe file."""

from __future__ import annotations

import json
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated

import torch
import typer

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import to_json
from napari_hsi_restore.training.loop import train
from napari_hsi_restore.training.ranks.devices import parsed_count
from napari_hsi_restore.training.recipe import load_recipe


def main(  # noqa: PLR0917
    recipe: Annotated[
        str, typer.Argument(help="Recipe file, or the name of a committed recipe such as stas_c.")
    ],
    data: Annotated[Path, typer.Option(help="Folder that the recipe's patterns start from.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints and events.jsonl.")],
    minutes: Annotated[float | None, typer.Option(help="Stop after so many minutes.")] = None,
    resume: Annotated[bool, typer.Option(help="Go on with the run in OUT.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N")] = "auto",
    devices: Annotated[
        str, typer.Option(help="How many learn together; auto for all GPUs.")
    ] = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads.")] = None,
    steps: Annotated[int | None, typer.Option(help="Instead of the recipe's steps.")] = None,
    override: Annotated[
        str | None, typer.Option(help="JSON object of recipe settings to change.")
    ] = None,
) -> None:
    """Train a network from a recipe; prints one JSON event a line."""
    if threads is not None:
        torch.set_num_threads(threads)
    try:
        chosen = load_recipe(_recipe_path(recipe))
        changes = json.loads(override) if override else {}
        if steps is not None:
            changes["steps"] = steps
        chosen = type(chosen).model_validate({**chosen.model_dump(), **changes})
        out.mkdir(parents=True, exist_ok=True)
        with (out / "events.jsonl").open("a") as log:
            for event in train(
                chosen,
                data,
                out,
                minutes=minutes,
                resume=resume,
                device=device,
                devices=parsed_count(devices),
            ):
                line = to_json(event)
                print(line, flush=True)
                log.write(line + "\n")
                log.flush()
    except UserError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _recipe_path(recipe: str) -> Path:
    committed = resources.files("napari_hsi_restore.training") / "recipes" / f"{recipe}.json"
    return Path(str(committed)) if committed.is_file() else Path(recipe)


if __name__ == "__main__":
    typer.run(main)
