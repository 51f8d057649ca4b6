"""Small networks with random weights, stored as a user's models."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from napari_hsi_restore.models.architectures.stas import Stas, reach
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.spec import ModelSpec, StasSpec
from napari_hsi_restore.search_space.genotype import Edge, Genotype
from napari_hsi_restore.training.library import RUNS_VARIABLE
from napari_hsi_restore.zoo.records import FOLDER_VARIABLE, ModelRecord, Provenance

_CELL = Genotype(name="small", nodes=tuple(Edge(source=0, operation="o1") for _ in range(4)))
TINY = StasSpec(genotype=_CELL, width=4, domain="eigenimages", halo=reach(_CELL))


def own_library(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the user's models and runs lie in a folder, with the denoiser ``tiny`` among them."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder / "models"))
    monkeypatch.setenv(RUNS_VARIABLE, str(folder / "runs"))
    (folder / "models").mkdir()
    store_model(folder / "models", "tiny", TINY)
    return folder


def store_model(folder: Path, name: str, spec: ModelSpec, detail: float = 0.02) -> None:
    """Write an untrained network; one that enlarges has a random last convolution."""
    torch.manual_seed(0)
    network = build(spec)
    # A denoiser has no such convolution, and begins as the identity.
    if not isinstance(network, Stas):
        for key, parameter in network.named_parameters():
            if "last" in key.split("."):
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
