"""The eight operations of the mixed residual block.

The poster names the kinds (O1..O4 spatial, O5..O6 spectral, O7..O8 joint) but
neither kernels nor dilations: those are this project's choice. Feature tensors
have shape (batch, bands, channels, y, x). A spatial convolution sees every band
alone and a spectral one every pixel alone, so that weights do not depend on the
number of bands.

Both are 2-D convolutions on views of one channels-last block of memory, which is
several times faster on a CPU than 3-D convolutions with kernels of extent 1.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import torch
from torch import nn

from napari_hsi_restore.search_space.genotype import OperationName


@dataclasses.dataclass(frozen=True)
class OperationSpec:
    """What one operation convolves.

    Attributes
    ----------
    name : str
    kind : {'spatial', 'spectral', 'joint'}
    spatial : int
        Side of the square spatial kernel in taps, 0 for none.
    dilation : int
        Distance of its taps in pixels.
    spectral : int
        Length of the spectral kernel in bands, 0 for none.
    """

    name: OperationName
    kind: Literal["spatial", "spectral", "joint"]
    spatial: int = 0
    dilation: int = 1
    spectral: int = 0

    @property
    def reach(self) -> int:
        """Pixels that the operation looks to each side."""
        return self.dilation * (self.spatial // 2)


OPERATIONS: dict[OperationName, OperationSpec] = {
    spec.name: spec
    for spec in (
        OperationSpec("o1", "spatial", spatial=3),
        OperationSpec("o2", "spatial", spatial=5),
        OperationSpec("o3", "spatial", spatial=3, dilation=2),
        OperationSpec("o4", "spatial", spatial=5, dilation=2),
        OperationSpec("o5", "spectral", spectral=3),
        OperationSpec("o6", "spectral", spectral=5),
        OperationSpec("o7", "joint", spatial=3, spectral=3),
        OperationSpec("o8", "joint", spatial=5, spectral=5),
    )
}


class SpatialConv(nn.Module):
    """2-D convolution of every band, weights shared over the bands, no bias.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel : int
        Side in taps, odd.
    dilation : int
        Distance of the taps in pixels.
    stride : int
        Distance of the pixels that it gives, in pixels that it takes.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, dilation: int = 1, stride: int = 1
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=padding, dilation=dilation, bias=False
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, bands, inputs, y, x) to (batch, bands, outputs, y / stride, x / stride)."""
        batch, bands = features.shape[:2]
        flat = features.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        result: torch.Tensor = self.conv(flat)
        return torch.unflatten(result, 0, (batch, bands))


class SpectralConv(nn.Module):
    """1-D convolution along the bands of every pixel, zero beyond the ends, no bias.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    kernel : int
        Length in bands, odd.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, (kernel, 1), padding=(kernel // 2, 0), bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, bands, inputs, y, x) to (batch, bands, outputs, y, x)."""
        height, width = features.shape[3:]
        # As (batch, channels, bands, pixels); a free view when channels lie last in memory.
        image = features.permute(0, 1, 3, 4, 2).contiguous().flatten(2, 3).permute(0, 3, 1, 2)
        result: torch.Tensor = self.conv(image)
        spread = torch.unflatten(result.permute(0, 2, 3, 1), 2, (height, width))
        return spread.permute(0, 1, 4, 2, 3)


class Operation(nn.Module):
    """One of the eight operations, at a constant number of channels.

    The convolutions of its spec, a rectifier, and a pointwise convolution that
    lets the residual take both signs; no biases [this project's choices].

    Parameters
    ----------
    spec : OperationSpec
    channels : int
    """

    def __init__(self, spec: OperationSpec, channels: int) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        if spec.spatial:
            stages.append(SpatialConv(channels, channels, spec.spatial, spec.dilation))
        if spec.spectral:
            stages.append(SpectralConv(channels, channels, spec.spectral))
        self.body = nn.Sequential(
            *stages, nn.ReLU(inplace=True), SpatialConv(channels, channels, 1)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, bands, channels, y, x) to the same shape."""
        result: torch.Tensor = self.body(features)
        return result


class MixedResidualBlock(nn.Module):
    """``x + sum_o w_o O_o(x)`` over some operations (STAS poster).

    In a network that was built from a genotype each block has one operation of
    weight 1; the supernet of a search has all eight.

    Parameters
    ----------
    names : tuple of str
        Operations, ``"o1"`` to ``"o8"``.
    channels : int
    """

    def __init__(self, names: tuple[OperationName, ...], channels: int) -> None:
        super().__init__()
        self.operations = nn.ModuleList(Operation(OPERATIONS[name], channels) for name in names)

    def forward(self, features: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
        """Add the weighted operations to their input.

        Parameters
        ----------
        features : tensor, (batch, bands, channels, y, x)
        weights : tensor, (operations,), optional
            The ``w_o``; all 1 if not given.
        """
        result = features
        for index, operation in enumerate(self.operations):
            term = operation(features)
            # In place where autograd allows it: fresh memory costs more than the sum.
            result = term.add_(result) if weights is None else result + weights[index] * term
        return result
