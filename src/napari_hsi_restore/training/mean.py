"""``python -m napari_hsi_restore.training.mean``: a model of several that enlarge.

It gives the mean of their answers (`napari_hsi_restore.models.architectures.meansr`); its weights
are theirs, side by side. Scores are added to the record by ``python -m benchmarks.superres
--record``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pydantic
import typer
from safetensors.torch import load

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import MeanSRSpec
from napari_hsi_restore.training.bundle import store
from napari_hsi_restore.training.composed import composed
from napari_hsi_restore.zoo.records import ModelRecord, find


def mean_of(names: Sequence[str], name: str, folder: Path | None) -> ModelRecord:
    """Make a model that gives the mean of others.

    Parameters
    ----------
    names : sequence of str
        Of models for the same scale, two to four.
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
        If there is no such model, or they do not enlarge by the same scale.
    """
    found = [find(each) for each in names]
    members = [record for record, _ in found]
    scale = members[0].scale
    try:
        spec = MeanSRSpec.model_validate(
            {"scale": scale, "members": [record.spec.model_dump() for record in members]}
        )
    except pydantic.ValidationError as error:
        raise UserError(
            f"{', '.join(names)}: a mean is that of two to four networks that enlarge by the same "
            "scale, and none of them a mean itself; choose others."
        ) from error
    weights = {
        f"members.{index}.{key}": tensor
        for index, (_, path) in enumerate(found)
        for key, tensor in load(path.read_bytes()).items()
    }
    record, content = composed(
        name,
        f"Enlarges by {scale}: the mean of {' and '.join(names)}.",
        spec,
        weights,
        {"mean_of": {record.name: record.sha256 for record in members}},
        members=members,
    )
    store(record, content, folder)
    return record


app = typer.Typer(add_completion=False)


@app.command()
def main(
    names: Annotated[list[str], typer.Argument(help="Models for the same scale.")],
    name: Annotated[str, typer.Option(help="Of the new model.")],
    folder: Annotated[Path | None, typer.Option(help="Instead of the bundled models.")] = None,
) -> None:
    """Make a model that gives the mean of others."""
    try:
        record = mean_of(names, name, folder)
    except UserError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"{record.name}: {record.parameters} parameters, sha256 {record.sha256}")


if __name__ == "__main__":
    app()
