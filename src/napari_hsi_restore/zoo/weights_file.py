"""The weights file of a model: read, or put together, and checked against its record."""

from __future__ import annotations

import hashlib
from pathlib import Path

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.zoo.composed import MEAN, ROW, members_of, put_together
from napari_hsi_restore.zoo.records import ModelRecord, find


def content_of(record: ModelRecord, path: Path) -> bytes:
    """The weights file of a model.

    Parameters
    ----------
    record : ModelRecord
    path : Path
        Where the file lies, unless it is put together from those of other models.

    Returns
    -------
    bytes

    Raises
    ------
    UserError
        If it is missing, or not what the record describes.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        if not members_of(record):
            raise UserError(
                f"{path}: the weights of model '{record.name}' cannot be read; install the package "
                "or make the model again."
            ) from error
        content = made(record)
    if hashlib.sha256(content).hexdigest() != record.sha256:
        raise UserError(
            f"{path}: these are not the weights that the record of model '{record.name}' "
            "describes; install the package or make the model again."
        )
    return content


def made(record: ModelRecord) -> bytes:
    """The weights file of a model that is made of others, put together from theirs."""
    from safetensors.torch import save

    found = []
    for name, _ in members_of(record):
        member, path = find(name)
        found.append((member.spec, content_of(member, path)))
    how = MEAN if MEAN in record.provenance.recipe else ROW
    # Copies: the format does not store a tensor twice that is the same in memory.
    weights = put_together(how, found)
    return save({key: tensor.clone() for key, tensor in weights.items()})
