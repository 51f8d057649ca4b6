"""``python -m napari_hsi_restore.training.bundle``: a finished run becomes a model.

Writes ``NAME.safetensors`` and its record ``NAME.json``. Scores are added to the
record by the benchmarks (``python -m benchmarks.denoise --record`` or
``python -m benchmarks.superres --record``).
"""

from __future__ import annotations

import hashlib
import platform
import sys
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from safetensors.torch import load, save

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.training import checkpoint
from napari_hsi_restore.training.cubes import find
from napari_hsi_restore.training.recipe import parse_recipe
from napari_hsi_restore.training.run_files import BEST, LAST
from napari_hsi_restore.training.tasks import task_of
from napari_hsi_restore.zoo.records import Earlier, ModelRecord, Provenance

PHOTOGRAPHS = "photographs/"
"""What the names of photographs begin with that were made ready with a command."""

PICTURES = "scikit-image"
"""What the names of photographs begin with in the list of what a model was trained on."""

CITATIONS = {
    "train/cave": "Yasuma, Mitsunaga, Iso, Nayar: Generalized Assorted Pixel Camera, 2008 (CAVE)",
    "train/airborne/abu": "Kang et al., IEEE TGRS 55(10), 2017 (ABU scenes, AVIRIS and ROSIS)",
    "train/airborne/samson": "Zhu, 2017 (Samson)",
    "train/airborne/moffett": "AVIRIS, NASA/JPL (Moffett Field)",
    "train/airborne/salton": "AVIRIS, NASA/JPL (Salton Sea)",
    "train/airborne/pavia": "ROSIS, DLR (Pavia)",
    "train/airborne/muufl": "Gader et al., 2013 (MUUFL Gulfport, CASI)",
    "train/satellite/enmap": "EnMAP data (c) DLR 2022",
    PHOTOGRAPHS: "photographs of the wallpaper packages of Ubuntu and Debian, by their authors",
    PICTURES: "van der Walt et al., scikit-image, PeerJ 2:e453, 2014 (sample pictures)",
}


def bundle(
    run: Path, data: Path, folder: Path | None, hardware: str, *, last: bool = False
) -> ModelRecord:
    """Make a model of the best weights of a run.

    Parameters
    ----------
    run : Path
        Folder of the run.
    data : Path
        Folder that it was trained from; only names are taken.
    folder : Path or None
        Gets the weights and the record; None for that of the bundled models.
    hardware : str
        What it was trained on.
    last : bool
        Take the averaged weights of the last step instead of those with the best check.

    Returns
    -------
    ModelRecord

    Raises
    ------
    UserError
        If the folder has no finished run.
    """
    state, tensors = checkpoint.load(run / LAST)
    recipe = parse_recipe(state.recipe_json)
    weights = checkpoint.averaged(tensors) if last else _best(run)
    task = task_of(recipe)
    build(task.spec()).load_state_dict(weights)
    if recipe.task != "denoise":
        # Half precision is far below the error of a network, and halves the wheel.
        weights = {name: tensor.half() for name, tensor in weights.items()}
    content = save(weights)
    files = _material(run, data)
    record = ModelRecord(
        name=recipe.name,
        purpose=recipe.purpose,
        spec=task.spec(),
        parameters=sum(tensor.numel() for tensor in weights.values()),
        sha256=hashlib.sha256(content).hexdigest(),
        scores={},
        protocol="",
        provenance=Provenance(
            recipe=recipe.model_dump(mode="json"),
            data=tuple(files),
            citations=tuple(
                text
                for prefix, text in CITATIONS.items()
                if any(file.startswith(prefix) for file in files)
            ),
            steps=state.step,
            seconds=round(state.seconds, 1),
            hardware=hardware,
            versions={name: version(name) for name in ("napari-hsi-restore", "torch", "numpy")},
            seed=recipe.seed,
            before=None if recipe.start is None else _earlier(Path(recipe.start)),
        ),
    )
    store(record, content, folder)
    return record


def store(record: ModelRecord, content: bytes | None, folder: Path | None) -> None:
    """Write the weights of a model and its record.

    Parameters
    ----------
    record : ModelRecord
    content : bytes or None
        Of the weights file; None for a model that is made of others and has none.
    folder : Path or None
        None for that of the bundled models.
    """
    folder = folder or Path(str(resources.files("napari_hsi_restore.zoo") / "weights"))
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / f"{record.name}.safetensors"
    if content is None:
        weights.unlink(missing_ok=True)
    else:
        weights.write_bytes(content)
    (folder / f"{record.name}.json").write_text(record.model_dump_json(indent=2) + "\n")


def _best(run: Path) -> checkpoint.Tensors:
    """The averaged weights with the best check."""
    try:
        return load((run / BEST).read_bytes())
    except OSError as error:
        raise UserError(f"{run / BEST}: the run has no best weights yet; train longer.") from error


def _material(run: Path, data: Path) -> list[str]:
    """Names of what a run and those before it were trained on, each once."""
    recipe = parse_recipe(checkpoint.load(run / LAST)[0].recipe_json)
    patterns = [*recipe.train, *(recipe.photographs if recipe.task == "superres" else ())]
    names = [path.relative_to(data).as_posix() for path in find(data, patterns)]
    if recipe.task != "denoise":
        names += [f"{PICTURES}/{name}" for name in recipe.pictures]
    before = [] if recipe.start is None else _material(Path(recipe.start), data)
    return list(dict.fromkeys([*names, *before]))


def _earlier(run: Path) -> Earlier:
    """What a record says of a run, and of those that it began with."""
    state, _ = checkpoint.load(run / LAST)
    recipe = parse_recipe(state.recipe_json)
    return Earlier(
        recipe=recipe.model_dump(mode="json"),
        steps=state.step,
        seconds=round(state.seconds, 1),
        before=None if recipe.start is None else _earlier(Path(recipe.start)),
    )


def main(
    run: Annotated[Path, typer.Argument(help="Folder of the run.")],
    data: Annotated[Path, typer.Option(help="Folder that the run was trained from.")],
    folder: Annotated[Path | None, typer.Option(help="Instead of the bundled models.")] = None,
    hardware: Annotated[str, typer.Option(help="What it was trained on.")] = platform.machine(),
    last: Annotated[
        bool,
        typer.Option("--last", help="Take the weights of the last step, not of the best check."),
    ] = False,
) -> None:
    """Make a model of a run."""
    try:
        record = bundle(run, data, folder, hardware, last=last)
    except UserError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"{record.name}: {record.parameters} parameters, sha256 {record.sha256}")


if __name__ == "__main__":
    typer.run(main)
