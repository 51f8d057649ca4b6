"""The networks that can be built, one row each."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from napari_hsi_restore.models.architectures.stas import Stas
from napari_hsi_restore.models.spec import ModelSpec


def _stas(spec: ModelSpec) -> Stas:
    return Stas(spec.genotype, spec.width)


ARCHITECTURES: MappingProxyType[str, Callable[[ModelSpec], Stas]] = MappingProxyType(
    {"stas": _stas}
)


def build(spec: ModelSpec) -> Stas:
    """The untrained network of a spec, on the CPU."""
    return ARCHITECTURES[spec.architecture](spec)
