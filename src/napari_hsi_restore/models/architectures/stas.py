"""The STAS denoising network, built from a genotype (poster, ECCV 2022).

``x0 = Conv1(input)``, four times ``x_k = x_(k-1) + Conv2(cell_k(x_(k-1)))``, and
``output = input + Conv3(x4)``; no down- or up-sampling; one genotype for the four
cells. A cell is an entry convolution to a quarter of the channels (node 0), four
nodes, their concatenation, and the cell's input added.

This project's choices, where the sources are silent: the noise standard deviation
is a second input channel and multiplies the output of Conv3, so that the network
predicts noise in units of its standard deviation and leaves a noise-free band as
it is; Conv1 and Conv3 are 3 x 3 x 3, the entry convolution and Conv2 3 x 3; Conv3
starts at zero, so that the network starts as the identity. At least one empty band,
and as many as make four together, follow the last one: a network that has learned from
many bands takes the end of one or two for something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import nn
from torch.nn import functional

from napari_hsi_restore.search_space.genotype import NODES, Genotype
from napari_hsi_restore.search_space.operations import (
    OPERATIONS,
    MixedResidualBlock,
    SpatialConv,
)

CELLS = 4
FEWEST_BANDS = 4


class Cell(nn.Module):
    """One cell: entry convolution, four nodes, concatenation, plus its input.

    Parameters
    ----------
    genotype : Genotype
    width : int
        Channels in and out, a multiple of 4.
    """

    def __init__(self, genotype: Genotype, width: int) -> None:
        super().__init__()
        quarter = width // NODES
        self.sources = tuple(edge.source for edge in genotype.nodes)
        self.entry = SpatialConv(width, quarter, 3)
        self.blocks = nn.ModuleList(
            MixedResidualBlock((edge.operation,), quarter) for edge in genotype.nodes
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, bands, width, y, x) to the same shape."""
        nodes = [self.entry(features)]
        for source, block in zip(self.sources, self.blocks, strict=True):
            nodes.append(block(nodes[source]))
        return torch.cat(nodes[1:], dim=2).add_(features)


class Skeleton(nn.Module):
    """Everything of a STAS network but what its cells are.

    Parameters
    ----------
    width : int
        Channels between the cells, a multiple of 4.
    cell : callable
        Makes one cell: a module from (batch, bands, width, y, x) to the same shape.
    """

    def __init__(self, width: int, cell: Callable[[], nn.Module]) -> None:
        super().__init__()
        if width % NODES:
            raise ValueError(f"the width must be a multiple of {NODES}, not {width}")
        self.conv1 = SpatialConv(3 * 2, width, 3)
        self.cells = nn.ModuleList(cell() for _ in range(CELLS))
        self.conv2 = nn.ModuleList(SpatialConv(width, width, 3) for _ in range(CELLS))
        self.conv3 = SpatialConv(width, 3, 3)
        nn.init.zeros_(self.conv3.conv.weight)

    def through(
        self,
        noisy: torch.Tensor,
        sigma: torch.Tensor,
        cells: Iterable[Callable[[torch.Tensor], torch.Tensor]],
    ) -> Iterator[torch.Tensor]:
        """Denoise in steps of a few convolutions, so that a caller can stop in between.

        Parameters
        ----------
        noisy : tensor, (batch, bands, y, x)
            Any scale; about -3..3 in training.
        sigma : tensor, (batch, bands)
            Standard deviation of the noise in the same units.
        cells : iterable of callable
            What the cells do.

        Yields
        ------
        tensor, (batch, bands, y, x)
            The input twice for every cell, and at last the result.
        """
        bands = noisy.shape[1]
        empty = max(1, FEWEST_BANDS - bands)
        level = sigma[:, :, None, None].to(noisy.dtype)
        levels = functional.pad(level, (0, 0, 0, 0, 0, empty), value=1.0)
        filled = functional.pad(noisy, (0, 0, 0, 0, 0, empty))
        planes = torch.stack((filled, levels.expand_as(filled)), dim=2)
        # A 3 x 3 x 3 convolution: the neighbouring bands as further channels ...
        # In place where autograd allows it: the system takes long to find fresh memory.
        features = functional.relu_(self.conv1(_with_neighbours(planes)))
        for cell, conv2 in zip(cells, self.conv2, strict=True):
            inner = functional.relu_(cell(features))
            yield noisy
            features = conv2(inner).add_(features)
            yield noisy
        # ... and its transpose: three planes a band, each added to the band it belongs to.
        back, same, ahead = self.conv3(features).unbind(2)
        residual = same + _shift(ahead, 1) + _shift(back, -1)
        yield noisy + level * residual[:, :bands]


class Stas(Skeleton):
    """A STAS network for any number of bands.

    Parameters
    ----------
    genotype : Genotype
        Wiring of the cells.
    width : int
        Channels between the cells, a multiple of 4.
    """

    stage_count = 2 * CELLS + 1
    """Tensors that `stages` yields."""

    def __init__(self, genotype: Genotype, width: int) -> None:
        super().__init__(width, lambda: Cell(genotype, width))
        self.genotype = genotype

    def forward(self, noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        """The denoised components, (batch, bands, y, x), of what `through` takes."""
        *_, restored = self.stages(noisy, sigma)
        return restored

    def stages(self, noisy: torch.Tensor, sigma: torch.Tensor) -> Iterator[torch.Tensor]:
        """`forward` in steps: see `through`."""
        return self.through(noisy, sigma, self.cells)


def _with_neighbours(planes: torch.Tensor) -> torch.Tensor:
    """(batch, bands, c, y, x) to (batch, bands, 3 c, y, x): band - 1, band, band + 1."""
    return torch.cat((_shift(planes, 1), planes, _shift(planes, -1)), dim=2)


def _shift(tensor: torch.Tensor, bands: int) -> torch.Tensor:
    """Move the content along the band axis (1) by +1 or -1 band; zeros come in."""
    if bands > 0:
        return torch.cat((torch.zeros_like(tensor[:, :1]), tensor[:, :-1]), dim=1)
    return torch.cat((tensor[:, 1:], torch.zeros_like(tensor[:, :1])), dim=1)


def reach(genotype: Genotype) -> int:
    """Pixels beyond a tile that can change its inside: the halo for exact tiling."""
    longest = [0] * (NODES + 1)
    for node, edge in enumerate(genotype.nodes, start=1):
        longest[node] = longest[edge.source] + OPERATIONS[edge.operation].reach
    cell = 1 + max(longest)
    return 1 + CELLS * (cell + 1) + 1
