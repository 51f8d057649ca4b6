"""Models that are made of others: their weights are put together when they are wanted.

Of such a model the package holds the record only. Its recipe names the members and the SHA-256 of
their weights: ``{"mean_of": {name: sha256, ...}}``
(`napari_hsi_restore.models.architectures.meansr`) or ``{"row_of": [[name, sha256], ...]}``, EigenSR
networks in a row (`napari_hsi_restore.models.architectures.eigencascade`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_hsi_restore.models.spec import EigenSRSpec, ModelSpec

if TYPE_CHECKING:
    import torch

    from napari_hsi_restore.zoo.records import ModelRecord

MEAN, ROW = "mean_of", "row_of"


def members_of(record: ModelRecord) -> list[tuple[str, str]]:
    """Names and SHA-256 of what a model is made of; none for one that has its own weights."""
    recipe: dict[str, Any] = record.provenance.recipe
    row = ((name, sha256) for name, sha256 in recipe.get(ROW, ()))
    return [*recipe.get(MEAN, {}).items(), *row]


def put_together(how: str, members: Sequence[tuple[ModelSpec, bytes]]) -> dict[str, torch.Tensor]:
    """The weights of a model that is made of others.

    Parameters
    ----------
    how : {'mean_of', 'row_of'}
    members : sequence of (ModelSpec, bytes)
        The specs of the others, in order, and their weights files.
    """
    from safetensors.torch import load

    states = [load(content) for _, content in members]
    weights: dict[str, torch.Tensor] = {}
    if how == MEAN:
        for index, state in enumerate(states):
            weights |= {f"members.{index}.{key}": tensor for key, tensor in state.items()}
        return weights
    before = 0
    for (member, _), state in zip(members, states, strict=True):
        assert isinstance(member, EigenSRSpec), "only they stand in a row"
        for key, tensor in state.items():
            number, name = 0, key
            if member.stages > 1:
                _, own, name = key.split(".", 2)
                number = int(own)
            weights[f"parts.{before + number}.{name}"] = tensor
        before += member.stages
    return weights
