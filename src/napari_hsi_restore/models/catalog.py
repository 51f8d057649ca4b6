"""The networks that can be built, one row each."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, overload

from napari_hsi_restore.models.architectures.coarsr import CoarSR
from napari_hsi_restore.models.architectures.eigencascade import EigenCascade
from napari_hsi_restore.models.architectures.eigensr import EigenSR
from napari_hsi_restore.models.architectures.meansr import MeanSR
from napari_hsi_restore.models.architectures.qrnn3d import QRNN3D
from napari_hsi_restore.models.architectures.refiner import Refiner
from napari_hsi_restore.models.architectures.stas import Stas
from napari_hsi_restore.models.spec import (
    CoarSRSpec,
    EigenSRSpec,
    MeanSRSpec,
    ModelSpec,
    QRNN3DSpec,
    RefinerSpec,
    StasSpec,
)

Denoiser = Stas | QRNN3D
EigenNetwork = EigenSR | EigenCascade
Enlarger = CoarSR | EigenNetwork | MeanSR
Network = Denoiser | Enlarger | Refiner


def _stas(spec: StasSpec) -> Stas:
    return Stas(spec.genotype, spec.width)


def _qrnn3d(spec: QRNN3DSpec) -> QRNN3D:
    return QRNN3D(spec.width)


def _coarsr(spec: CoarSRSpec) -> CoarSR:
    return CoarSR(spec.scale, spec.width)


def _eigensr(spec: EigenSRSpec) -> EigenNetwork:
    if spec.stages > 1:
        return EigenCascade(spec.scale, spec.stages, spec.width, spec.blocks, spec.components)
    return EigenSR(spec.scale, spec.width, spec.blocks, spec.components)


def _meansr(spec: MeanSRSpec) -> MeanSR:
    return MeanSR(spec.scale, (build(member) for member in spec.members))


def _refiner(spec: RefinerSpec) -> Refiner:
    return Refiner(spec.widths, spec.blocks)


# A row takes only the spec of its own architecture, which no one type of function can say.
ARCHITECTURES: MappingProxyType[str, Callable[[Any], Network]] = MappingProxyType(
    {
        "stas": _stas,
        "qrnn3d": _qrnn3d,
        "coarsr": _coarsr,
        "eigensr": _eigensr,
        "mean": _meansr,
        "refiner": _refiner,
    }
)


@overload
def build(spec: StasSpec) -> Stas: ...
@overload
def build(spec: QRNN3DSpec) -> QRNN3D: ...
@overload
def build(spec: CoarSRSpec) -> CoarSR: ...
@overload
def build(spec: EigenSRSpec) -> EigenNetwork: ...
@overload
def build(spec: MeanSRSpec) -> MeanSR: ...
@overload
def build(spec: RefinerSpec) -> Refiner: ...
def build(spec: ModelSpec) -> Network:
    """The untrained network of a spec, on the CPU."""
    return ARCHITECTURES[spec.architecture](spec)
