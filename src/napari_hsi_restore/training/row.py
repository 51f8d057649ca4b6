"""``python -m napari_hsi_restore.training.row``: a model of several EigenSR models in a row.

Each enlarges what the one before gave, so that together they enlarge by a higher scale than each
of them, without further training (`napari_hsi_restore.models.architectures.eigencascade`). Scores
are added to the record by ``python -m benchmarks.superres --record``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import EigenSRSpec
from napari_hsi_restore.training.composing import compose, report
from napari_hsi_restore.zoo.composed import ROW
from napari_hsi_restore.zoo.records import ModelRecord, record


def row(names: Sequence[str], name: str, folder: Path | None) -> ModelRecord:
    """Make a model of several in a row.

    Parameters
    ----------
    names : sequence of str
        Of models, in the order in which they are applied.
    name : str
        Of the new model.
    folder : Path or None
        Gets the record; None for that of the bundled models.

    Returns
    -------
    ModelRecord

    Raises
    ------
    UserError
        If there is no such model, or they cannot stand in a row.
    """
    members = [record(each) for each in names]
    try:
        spec = _spec(members)
    except ValueError as error:
        raise UserError(
            f"{', '.join(names)}: in a row stand EigenSR models of the same shape that "
            "enlarge by 4 or 8 together; choose others."
        ) from error
    return compose(
        name,
        f"Enlarges by {spec.scale}: {', then '.join(names)}.",
        spec,
        {ROW: [[member.name, member.sha256] for member in members]},
        members=members,
        folder=folder,
    )


def _spec(members: Sequence[ModelRecord]) -> EigenSRSpec:
    """Of the row; a `ValueError` if there is none."""
    specs = [member.spec for member in members if isinstance(member.spec, EigenSRSpec)]
    if not len(members) == len(specs) > 1 or len({_shape(spec) for spec in specs}) > 1:
        raise ValueError
    scale = math.prod(spec.scale for spec in specs)
    stages = sum(spec.stages for spec in specs)
    return EigenSRSpec.model_validate(specs[0].model_dump() | {"scale": scale, "stages": stages})


def _shape(spec: EigenSRSpec) -> tuple[int, ...]:
    return spec.step, spec.width, spec.blocks, spec.components


app = typer.Typer(add_completion=False)


@app.command()
def main(
    names: Annotated[list[str], typer.Argument(help="Models, in the order they are applied.")],
    name: Annotated[str, typer.Option(help="Of the new model.")],
    folder: Annotated[Path | None, typer.Option(help="Instead of the bundled models.")] = None,
) -> None:
    """Make a model of several in a row."""
    report(lambda: row(names, name, folder))


if __name__ == "__main__":
    app()
