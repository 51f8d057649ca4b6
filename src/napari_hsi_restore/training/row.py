"""``python -m napari_hsi_restore.training.row``: a model of several in a row.

Each enlarges what the one before gave, so that together they enlarge by a higher scale than each
of them, without further training: one CoarSR, named several times
(`napari_hsi_restore.models.architectures.coarcascade`), or EigenSR networks of one shape
(`napari_hsi_restore.models.architectures.eigencascade`). Scores are added to the record by
``python -m benchmarks.superres --record``.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from safetensors.torch import load

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.spec import CoarSRSpec, EigenSRSpec, SuperresSpec
from napari_hsi_restore.training.bundle import store
from napari_hsi_restore.training.checkpoint import Tensors
from napari_hsi_restore.training.composed import composed
from napari_hsi_restore.zoo.records import ModelRecord, find


def row(names: Sequence[str], name: str, folder: Path | None) -> ModelRecord:
    """Make a model of several in a row.

    Parameters
    ----------
    names : sequence of str
        Of models, in the order in which they are applied.
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
        If there is no such model, or they cannot stand in a row.
    """
    found = [find(each) for each in names]
    members = [record for record, _ in found]
    try:
        spec = _spec(members)
    except ValueError as error:
        raise UserError(
            f"{', '.join(names)}: in a row stand one CoarSR, named two or three times, or EigenSR "
            "models of the same shape, which enlarge by 4 or 8 together; choose others."
        ) from error
    states = [load(path.read_bytes()) for _, path in found]
    if isinstance(spec, CoarSRSpec):
        weights = {f"part.{key}": each for key, each in states[0].items()}
    else:
        weights = _renumbered(members, states)
    build(spec).load_state_dict(weights)
    times = Counter(names)
    said = ", then ".join(each if n == 1 else f"{each} {n} times" for each, n in times.items())
    record, content = composed(
        name,
        f"Enlarges by {spec.scale}: {said}.",
        spec,
        weights,
        {"row_of": [[record.name, record.sha256] for record in members]},
        members=members,
    )
    store(record, content, folder)
    return record


def _spec(members: Sequence[ModelRecord]) -> SuperresSpec:
    """Of the row; a `ValueError` if there is none."""
    first, *others = (record.spec for record in members)
    scale = math.prod(record.scale for record in members)
    if not others or not isinstance(first, CoarSRSpec | EigenSRSpec):
        raise ValueError
    if isinstance(first, CoarSRSpec):
        if first.stages > 1 or len({record.name for record in members}) > 1:
            raise ValueError
        stages = len(members)
    else:
        stages = 0
        for spec in (first, *others):
            if not isinstance(spec, EigenSRSpec) or _shape(spec) != _shape(first):
                raise ValueError
            stages += spec.stages
    return type(first).model_validate(first.model_dump() | {"scale": scale, "stages": stages})


def _shape(spec: EigenSRSpec) -> tuple[int, ...]:
    return spec.step, spec.width, spec.blocks, spec.components


def _renumbered(members: Sequence[ModelRecord], states: Sequence[Tensors]) -> Tensors:
    """The weights of EigenSR networks as those of the stages of one."""
    weights: Tensors = {}
    before = 0
    for record, state in zip(members, states, strict=True):
        spec = record.spec
        assert isinstance(spec, EigenSRSpec)
        for key, tensor in state.items():
            number, name = 0, key
            if spec.stages > 1:
                _, own, name = key.split(".", 2)
                number = int(own)
            # A copy: the format does not store a tensor twice that is the same in memory.
            weights[f"parts.{before + number}.{name}"] = tensor.clone()
        before += spec.stages
    return weights


app = typer.Typer(add_completion=False)


@app.command()
def main(
    names: Annotated[list[str], typer.Argument(help="Models, in the order they are applied.")],
    name: Annotated[str, typer.Option(help="Of the new model.")],
    folder: Annotated[Path | None, typer.Option(help="Instead of the bundled models.")] = None,
) -> None:
    """Make a model of several in a row."""
    try:
        record = row(names, name, folder)
    except UserError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"{record.name}: {record.parameters} parameters, sha256 {record.sha256}")


if __name__ == "__main__":
    app()
