"""QRNN3D, a quasi-recurrent denoiser (Wei, Fu and Huang, IEEE TNNLS 32(1), 2021).

A layer convolves 3 x 3 x 3 neighbourhoods to candidates Z (tanh) and forget gates F
(sigmoid) and pools them along the bands,

``h_i = F_i * h_(i-1) + (1 - F_i) * Z_i``,

in the order of the bands or against it, the order alternating from layer to layer. The
first and the last layer pool both ways and add. Between them lie five layers down and
five up, the second and the fourth of which halve and double rows and columns and double
and halve the channels; the results of layers of the same size are added. The input is
added to the result.

This project's choices, the same as for its STAS networks so that the two can be
compared: the standard deviation of the noise is a second input channel and multiplies
the output, and the last layer starts at zero. There is no batch normalisation, and
enlarging is bilinear about the centres of pixels, because tiles must give what the whole
image gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from napari_hsi_restore.search_space.operations import SpatialConv

Direction = Literal["up", "down", "both"]
Resampling = Literal["same", "halve", "double"]

LAYERS: tuple[Resampling, ...] = ("same", "halve", "same", "halve", "same")
"""The layers down; those up are their mirror image."""

MULTIPLE = 4
"""Rows and columns of the grid that halving twice goes by."""

REACH = 28
"""Pixels beyond a tile that can change its inside.

Down: 1 for the first layer, then 1, 1, 2, 2 and 4 for layers at rising distances of the
pixels; up: 4, 2, 2, 1, 1, and 1 for the last layer, which is 22; interpolation adds up to
2 + 4.
"""


class QuasiRecurrent(nn.Module):
    """One layer: gated convolution, pooled along the bands.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    direction : {'up', 'down', 'both'}
        Order of the bands in which is pooled.
    resampling : {'same', 'halve', 'double'}
        What happens to rows and columns.
    bounded : bool
        Whether candidates pass through tanh.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        direction: Direction,
        resampling: Resampling = "same",
        bounded: bool = True,
    ) -> None:
        super().__init__()
        self.direction = direction
        self.resampling = resampling
        self.bounded = bounded
        parts = 3 if direction == "both" else 2
        stride = 2 if resampling == "halve" else 1
        self.conv = SpatialConv(3 * inputs, parts * outputs, 3, stride=stride)
        self.bias = nn.Parameter(torch.zeros(parts * outputs))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, bands, inputs, y, x) to (batch, bands, outputs, rows, columns)."""
        if self.resampling == "double":
            features = _doubled(features)
        gated = self.conv(_with_neighbours(features)) + self.bias[:, None, None]
        parts = gated.chunk(3 if self.direction == "both" else 2, dim=2)
        candidates = torch.tanh(parts[0]) if self.bounded else parts[0]
        if self.direction == "both":
            return _pooled(candidates, parts[1], "up") + _pooled(candidates, parts[2], "down")
        return _pooled(candidates, parts[1], self.direction)


class QRNN3D(nn.Module):
    """A QRNN3D network for any number of bands.

    Parameters
    ----------
    width : int
        Channels at full resolution; 16 as published.
    """

    stage_count = 2 * len(LAYERS) + 2
    """Tensors that `stages` yields."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = QuasiRecurrent(2, width, "both")
        down: list[QuasiRecurrent] = []
        up: list[QuasiRecurrent] = []
        channels = width
        for index, resampling in enumerate(LAYERS):
            outer = channels
            channels = 2 * channels if resampling == "halve" else channels
            ways: tuple[Direction, Direction] = ("up", "down") if index % 2 else ("down", "up")
            back: Resampling = "double" if resampling == "halve" else "same"
            down.append(QuasiRecurrent(outer, channels, ways[0], resampling))
            up.insert(0, QuasiRecurrent(channels, outer, ways[1], back))
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        self.last = QuasiRecurrent(width, 1, "both", bounded=False)
        nn.init.zeros_(self.last.conv.conv.weight)

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """The denoised components, (batch, bands, y, x), of what `stages` takes."""
        *_, restored = self.stages(noisy, sigma)
        return restored

    def stages(self, noisy: torch.Tensor, sigma: torch.Tensor) -> Iterator[torch.Tensor]:
        """Denoise in steps of a layer, so that a caller can stop in between.

        Parameters
        ----------
        noisy : tensor, (batch, bands, y, x)
            Any scale; about -3..3 in training.
        sigma : tensor, (batch, bands)
            Standard deviation of the noise in the same units.

        Yields
        ------
        tensor, (batch, bands, y, x)
            The input after every layer, and at last the result.
        """
        height, width = noisy.shape[2:]
        level = sigma[:, :, None, None].to(noisy.dtype)
        planes = _completed(torch.stack((noisy, level.expand_as(noisy)), dim=2))
        features = self.first(planes)
        yield noisy
        kept = []
        for layer in self.down:
            kept.append(features)
            features = layer(features)
            yield noisy
        for layer in self.up:
            features = layer(features) + kept.pop()
            yield noisy
        residual = self.last(features)[:, :, 0, :height, :width]
        yield noisy + level * residual


def _pooled(candidates: torch.Tensor, gates: torch.Tensor, direction: Direction) -> torch.Tensor:
    """Pool (batch, bands, channels, y, x) along the bands; nothing is known before the first."""
    forget = torch.sigmoid(gates)
    fresh = (1.0 - forget) * candidates
    bands = range(candidates.shape[1])
    state = None
    pooled: list[torch.Tensor] = []
    for band in bands if direction == "up" else reversed(bands):
        state = fresh[:, band] if state is None else forget[:, band] * state + fresh[:, band]
        pooled.append(state)
    return torch.stack(pooled if direction == "up" else pooled[::-1], dim=1)


def _with_neighbours(features: torch.Tensor) -> torch.Tensor:
    """(batch, bands, c, y, x) to (batch, bands, 3 c, y, x), zeros beyond the ends."""
    padded = functional.pad(features, (0, 0, 0, 0, 0, 0, 1, 1))
    return torch.cat((padded[:, :-2], features, padded[:, 2:]), dim=2)


def _doubled(features: torch.Tensor) -> torch.Tensor:
    """Rows and columns doubled by bilinear interpolation."""
    flat = functional.interpolate(
        features.flatten(0, 1), scale_factor=2.0, mode="bilinear", align_corners=False
    )
    return torch.unflatten(flat, 0, features.shape[:2])


def _completed(planes: torch.Tensor) -> torch.Tensor:
    """Rows and columns filled up to a multiple of four with zeros."""
    height, width = planes.shape[-2:]
    return functional.pad(planes, (0, -width % MULTIPLE, 0, -height % MULTIPLE))
