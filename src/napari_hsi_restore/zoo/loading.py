"""Loading weights; they are checked against their record and never unpickled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_hsi_restore.zoo.records import ModelRecord, find
from napari_hsi_restore.zoo.weights_file import content_of

if TYPE_CHECKING:
    from napari_hsi_restore.models.catalog import Network


def load(name: str, device: str = "cpu") -> tuple[Network, ModelRecord]:
    """A trained network, ready to run.

    Parameters
    ----------
    name : str
        Of a bundled or a user's model.
    device : str
        torch device, such as ``"cpu"`` or ``"cuda:0"``.

    Returns
    -------
    Network, ModelRecord

    Raises
    ------
    UserError
        If there is no such model, or its weights are missing or not those of its
        record.
    """
    import torch
    from safetensors.torch import load as parse

    from napari_hsi_restore.models.catalog import build

    entry, path = find(name)
    content = content_of(entry, path)
    network = build(entry.spec)
    network.load_state_dict({key: value.float() for key, value in parse(content).items()})
    network.requires_grad_(False)
    return network.eval().to(torch.device(device)), entry
