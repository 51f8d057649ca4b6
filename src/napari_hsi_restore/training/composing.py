"""Models that are put together from others without further training."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import typer
from pydantic import JsonValue

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.spec import ModelSpec
from napari_hsi_restore.training.bundle import store
from napari_hsi_restore.zoo.records import ModelRecord, Provenance
from napari_hsi_restore.zoo.weights_file import made


def compose(
    name: str,
    purpose: str,
    spec: ModelSpec,
    recipe: dict[str, JsonValue],
    *,
    members: Sequence[ModelRecord],
    folder: Path | None,
) -> ModelRecord:
    """Write the record of such a model, without scores.

    Parameters
    ----------
    name, purpose : str
    spec : ModelSpec
    recipe : dict
        What it is made of; see `napari_hsi_restore.zoo.composed`.
    members : sequence of ModelRecord
        Of the models, in order; one may stand there several times.
    folder : Path or None
        Gets the record; None for that of the bundled models.
    """
    each = list({record.name: record for record in members}.values())
    provenances = [record.provenance for record in each]
    provenance = Provenance(
        recipe=recipe,
        data=tuple(dict.fromkeys(file for one in provenances for file in one.data)),
        citations=tuple(dict.fromkeys(text for one in provenances for text in one.citations)),
        steps=sum(record.steps for record in each),
        seconds=round(sum(record.seconds for record in each), 1),
        hardware="; ".join(dict.fromkeys(one.hardware for one in provenances)),
        versions=provenances[0].versions,
        seed=provenances[0].seed,
    )
    record = ModelRecord(
        name=name,
        purpose=purpose,
        spec=spec,
        parameters=sum(weight.numel() for weight in build(spec).parameters()),
        sha256="",
        scores={},
        protocol="",
        provenance=provenance,
    )
    record = record.model_copy(update={"sha256": hashlib.sha256(made(record)).hexdigest()})
    store(record, None, folder)
    return record


def report(make: Callable[[], ModelRecord]) -> None:
    """What a command does: make a model and say so, or why not, with exit status 1."""
    try:
        record = make()
    except UserError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"{record.name}: {record.parameters} parameters, sha256 {record.sha256}")
