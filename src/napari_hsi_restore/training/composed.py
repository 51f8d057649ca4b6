"""The record of a model that was put together from others without further training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pydantic import JsonValue
from safetensors.torch import save

from napari_hsi_restore.models.spec import ModelSpec
from napari_hsi_restore.training.checkpoint import Tensors
from napari_hsi_restore.zoo.records import ModelRecord, Provenance


def composed(
    name: str,
    purpose: str,
    spec: ModelSpec,
    weights: Tensors,
    recipe: dict[str, JsonValue],
    *,
    members: Sequence[ModelRecord],
) -> tuple[ModelRecord, bytes]:
    """The record of such a model, without scores, and its weights file.

    Parameters
    ----------
    name, purpose : str
    spec : ModelSpec
    weights : dict of str to tensor
    recipe : dict
        What was put together, and how.
    members : sequence of ModelRecord
        Of the models, in order; one may stand there several times.
    """
    content = save(weights)
    each = list({record.name: record for record in members}.values())
    made = [record.provenance for record in each]
    record = ModelRecord(
        name=name,
        purpose=purpose,
        spec=spec,
        parameters=sum(tensor.numel() for tensor in weights.values()),
        sha256=hashlib.sha256(content).hexdigest(),
        scores={},
        protocol="",
        provenance=Provenance(
            recipe=recipe,
            data=tuple(dict.fromkeys(file for one in made for file in one.data)),
            citations=tuple(dict.fromkeys(text for one in made for text in one.citations)),
            steps=sum(record.steps for record in each),
            seconds=round(sum(record.seconds for record in each), 1),
            hardware="; ".join(dict.fromkeys(one.hardware for one in made)),
            versions=made[0].versions,
            seed=made[0].seed,
        ),
    )
    return record, content
