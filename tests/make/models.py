"""Small networks with random weights, stored as a user's models."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import save

from napari_hsi_restore.models.architectures.stas import Stas
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.spec import ModelSpec
from napari_hsi_restore.zoo.records import ModelRecord, Provenance


def store_model(folder: Path, name: str, spec: ModelSpec, detail: float = 0.02) -> None:
    """Write an untrained network; one that enlarges has a random last convolution."""
    torch.manual_seed(0)
    network = build(spec)
    # A denoiser has no such convolution, and begins as the identity.
    if not isinstance(network, Stas):
        for each in getattr(network, "parts", [network]):
            for parameter in each.last.parameters():
                torch.nn.init.normal_(parameter, std=detail)
    weights = network.state_dict()
    content = save(weights)
    record = ModelRecord(
        name=name,
        purpose="A test.",
        spec=spec,
        parameters=sum(tensor.numel() for tensor in weights.values()),
        sha256=hashlib.sha256(content).hexdigest(),
        scores={},
        protocol="",
        provenance=Provenance(
            recipe={}, data=(), citations=(), steps=1, seconds=1, hardware="", versions={}, seed=0
        ),
    )
    (folder / f"{name}.safetensors").write_bytes(content)
    (folder / f"{name}.json").write_text(record.model_dump_json())
