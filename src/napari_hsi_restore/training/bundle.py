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
from napari_hsi_restore.training import checkpoint
from napari_hsi_restore.training.cubes import find
from napari_hsi_restore.training.recipe import parse_recipe
from napari_hsi_restore.training.run_files import BEST, LAST
from napari_hsi_restore.training.tasks import task_of
from napari_hsi_restore.zoo.records import Earlier, ModelRecord, Provenance

CITATIONS = {
    "train/cave": "Yasuma, Mitsunaga, Iso, Nayar: Generalized Assorted Pixel Camera, 2008 (CAVE)",
    "train/airborne/abu": "Kang et al., IEEE TGRS 55(10), 2017 (ABU scenes, AVIRIS and ROSIS)",
    "train/airborne/samson": "Zhu, 2017 (Samson)",
    "train/airborne/moffett": "AVIRIS, NASA/JPL (Moffett Field)",
    "train/airborne/salton": "AVIRIS, NASA/JPL (Salton Sea)",
    "train/airborne/pavia": "ROSIS, DLR (Pavia)",
    "train/airborne/muufl": "Gader et al., 2013 (MUUFL Gulfport, CASI)",
    "train/satellite/enmap": "EnMAP data (c) DLR 2022",
    "scikit-image": "van der Walt et al., scikit-image, PeerJ 2:e453, 2014 (sample pictures)",
}


def bundle(run: Path, data: Path, folder: Path, hardware: str) -> ModelRecord:
    """Make a model of the best weights of a run.

    Parameters
    ----------
    run : Path
        Folder of the run.
    data : Path
        Folder that it was trained from; only names are taken.
    folder : Path
        Gets the weights and the record.
    hardware : str
        What it was trained on.

    Returns
    -------
    ModelRecord

    Raises
    ------
    UserError
        If the folder has no finished run.
    """
    state, _ = checkpoint.load(run / LAST)
    recipe = parse_recipe(state.recipe_json)
    try:
        weights = load((run / BEST).read_bytes())
    except OSError as error:
        raise UserError(f"{run / BEST}: the run has no best weights yet; train longer.") from error
    task = task_of(recipe)
    task.network().load_state_dict(weights)
    if recipe.task == "superres":
        # Half precision is far below the error of a network, and halves the wheel.
        weights = {name: tensor.half() for name, tensor in weights.items()}
    content = save(weights)
    before = None
    if recipe.start is not None:
        earlier, _ = checkpoint.load(Path(recipe.start) / LAST)
        settings = parse_recipe(earlier.recipe_json).model_dump(mode="json")
        before = Earlier(recipe=settings, steps=earlier.step, seconds=round(earlier.seconds, 1))
    files = [path.relative_to(data).as_posix() for path in find(data, recipe.train)]
    if recipe.task == "superres":
        files += [f"scikit-image/{name}" for name in recipe.pictures]
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
            before=before,
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{recipe.name}.safetensors").write_bytes(content)
    (folder / f"{recipe.name}.json").write_text(record.model_dump_json(indent=2) + "\n")
    return record


def main(
    run: Annotated[Path, typer.Argument(help="Folder of the run.")],
    data: Annotated[Path, typer.Option(help="Folder that the run was trained from.")],
    folder: Annotated[Path | None, typer.Option(help="Instead of the bundled models.")] = None,
    hardware: Annotated[str, typer.Option(help="What it was trained on.")] = platform.machine(),
) -> None:
    """Make a model of the best weights of a run."""
    bundled = Path(str(resources.files("napari_hsi_restore.zoo") / "weights"))
    try:
        record = bundle(run, data, folder or bundled, hardware)
    except UserError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"{record.name}: {record.parameters} parameters, sha256 {record.sha256}")


if __name__ == "__main__":
    typer.run(main)
