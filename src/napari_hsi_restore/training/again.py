"""``python -m napari_hsi_restore.training.again``: a CoarSR model, applied again to its answer.

It enlarges by a higher scale without further training
(`napari_hsi_restore.models.architectures.coarcascade`). Scores are added to the record by
``python -m benchmarks.superres --record``.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Annotated

import typer
from safetensors.torch import load, save

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.spec import CoarSRSpec
from napari_hsi_restore.training.bundle import store
from napari_hsi_restore.zoo.records import ModelRecord, find


def again(model: str, stages: int, name: str, folder: Path | None) -> ModelRecord:
    """Make a model that applies another one several times.

    Parameters
    ----------
    model : str
        A CoarSR of one stage.
    stages : int
        How often it is applied, 2 or 3.
    name : str
        Of the new model.
    folder : Path or None
        Gets the weights and the record; None for that of the bundled models.

    Returns
    -------
    ModelRecord

    Raises
    ------
    UserError
        If there is no such model, or it enlarges by too much for so many stages.
    """
    one, path = find(model)
    try:
        if not isinstance(one.spec, CoarSRSpec) or one.spec.stages > 1:
            raise ValueError
        settings = {"stages": stages, "scale": one.scale**stages}
        spec = CoarSRSpec.model_validate(one.spec.model_dump() | settings)
    except ValueError as error:
        raise UserError(
            f"{model}: only a CoarSR of one stage can be applied again, and the scales together "
            "must be 4 or 8; choose another model or number of stages."
        ) from error
    network = build(spec)
    weights = {f"part.{key}": tensor for key, tensor in load(path.read_bytes()).items()}
    network.load_state_dict(weights)
    content = save(weights)
    provenance = one.provenance.model_copy(update={"recipe": {"again": {model: one.sha256}}})
    record = one.model_copy(
        update={
            "name": name,
            "purpose": f"Enlarges by {spec.scale}: {model}, applied {stages} times.",
            "spec": spec,
            "sha256": hashlib.sha256(content).hexdigest(),
            "scores": {},
            "protocol": "",
            "provenance": provenance,
        }
    )
    store(record, content, folder)
    return record


app = typer.Typer(add_completion=False)


@app.command()
def main(
    model: Annotated[str, typer.Argument(help="A CoarSR.")],
    name: Annotated[str, typer.Option(help="Of the new model.")],
    stages: Annotated[int, typer.Option(help="How often it is applied.", min=2, max=3)] = 2,
    folder: Annotated[Path | None, typer.Option(help="Instead of the bundled models.")] = None,
) -> None:
    """Make a model that applies another one several times."""
    try:
        record = again(model, stages, name, folder)
    except UserError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"{record.name}: {record.parameters} parameters, sha256 {record.sha256}")


if __name__ == "__main__":
    app()
