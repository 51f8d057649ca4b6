"""``python -m napari_hsi_restore.training.mean``: a model of several that enlarge.

It gives the mean of their answers (`napari_hsi_restore.models.architectures.meansr`); its weights
are theirs, side by side, and are put together when it is loaded. Scores are added to the record by
``python -m benchmarks.superres --record``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pydantic
import typer

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import MeanSRSpec
from napari_hsi_restore.training.composing import compose, report
from napari_hsi_restore.zoo.composed import MEAN
from napari_hsi_restore.zoo.records import ModelRecord, record


def mean_of(names: Sequence[str], name: str, folder: Path | None) -> ModelRecord:
    """Make a model that gives the mean of others.

    Parameters
    ----------
    names : sequence of str
        Of models for the same scale, two to four.
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
        If there is no such model, or they do not enlarge by the same scale.
    """
    members = [record(each) for each in names]
    scale = members[0].scale
    try:
        spec = MeanSRSpec.model_validate(
            {"scale": scale, "members": [member.spec.model_dump() for member in members]}
        )
    except pydantic.ValidationError as error:
        raise UserError(
            f"{', '.join(names)}: a mean is that of two to four networks that enlarge by the same "
            "scale, and none of them a mean itself; choose others."
        ) from error
    return compose(
        name,
        f"Enlarges by {scale}: the mean of {' and '.join(names)}.",
        spec,
        {MEAN: {member.name: member.sha256 for member in members}},
        members=members,
        folder=folder,
    )


app = typer.Typer(add_completion=False)


@app.command()
def main(
    names: Annotated[list[str], typer.Argument(help="Models for the same scale.")],
    name: Annotated[str, typer.Option(help="Of the new model.")],
    folder: Annotated[Path | None, typer.Option(help="Instead of the bundled models.")] = None,
) -> None:
    """Make a model that gives the mean of others."""
    report(lambda: mean_of(names, name, folder))


if __name__ == "__main__":
    app()
