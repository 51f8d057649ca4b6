"""The supernet: every cell that a genotype can describe, in one set of weights.

A STAS network whose four cells have all ten edges, each a mixed residual block of all
eight operations (poster, ECCV 2022). Every node chooses one (edge, operation) pair at
last, so the weights of all pairs into one node sum to 1 [ours; it makes the
discretised cell the limit of the mixed one]:
``node_j = sum_(i, o) w_(i, o) (node_i + O_o(node_i))``.

The edges into one node may share their kernels [ours]: then an operation is trained
whenever its node chooses it, from wherever, which is up to four times as often.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn

from napari_hsi_restore.events import EDGES
from napari_hsi_restore.models.architectures.stas import Skeleton
from napari_hsi_restore.search_space.genotype import NODES, OperationName
from napari_hsi_restore.search_space.operations import OPERATIONS, MixedResidualBlock, SpatialConv

NAMES: tuple[OperationName, ...] = tuple(OPERATIONS)

Pair = tuple[int, OperationName]

PAIRS: tuple[tuple[Pair, ...], ...] = tuple(
    tuple((source, name) for source in range(node) for name in NAMES)
    for node in range(1, NODES + 1)
)
"""What node 1, 2, 3 and 4 may choose: 8, 16, 24 and 32 pairs (source, operation)."""

Route = tuple[int, ...]
"""A path through the supernet: the choice of every node, as its place in `PAIRS`."""

Mixture = Sequence[torch.Tensor]
"""The weights of the pairs of every node: (8,), (16,), (24,) and (32,), each summing to 1."""


class SuperCell(nn.Module):
    """A cell with every edge and every operation.

    Parameters
    ----------
    width : int
        Channels in and out, a multiple of 4.
    shared : bool
        Whether the edges into one node share their kernels.
    """

    def __init__(self, width: int, *, shared: bool) -> None:
        super().__init__()
        quarter = width // NODES
        self.shared = shared
        self.entry = SpatialConv(width, quarter, 3)
        count = NODES if shared else len(EDGES)
        self.blocks = nn.ModuleList(MixedResidualBlock(NAMES, quarter) for _ in range(count))

    def forward(self, features: torch.Tensor, choice: Route | Mixture) -> torch.Tensor:
        """(batch, bands, width, y, x) to the same shape.

        Parameters
        ----------
        features : tensor
        choice : Route or Mixture
            One pair for every node, of which alone is computed; or the weights of all.
        """
        nodes = [self.entry(features)]
        for node in range(1, NODES + 1):
            chosen = choice[node - 1]
            if isinstance(chosen, torch.Tensor):
                nodes.append(self._mixed(nodes, chosen))
            else:
                nodes.append(self._single(nodes, *PAIRS[node - 1][chosen]))
        return torch.cat(nodes[1:], dim=2).add_(features)

    def _block(self, source: int, node: int) -> MixedResidualBlock:
        block = self.blocks[block_of(source, node, shared=self.shared)]
        assert isinstance(block, MixedResidualBlock)
        return block

    def _single(self, nodes: list[torch.Tensor], source: int, name: OperationName) -> torch.Tensor:
        block = self._block(source, len(nodes))
        term: torch.Tensor = block.operations[NAMES.index(name)](nodes[source])
        return term.add_(nodes[source])

    def _mixed(self, nodes: list[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
        # MRB(x) = x + sum_o w_o O_o(x) on every edge, with weights that sum to 1 on the
        # edge, and an edge weight before it: together the weights of the pairs.
        by_edge = weights.reshape(len(nodes), len(NAMES))
        share = by_edge.sum(dim=1)
        total = torch.zeros_like(nodes[0])
        for source, features in enumerate(nodes):
            block = self._block(source, len(nodes))
            within = by_edge[source] / share[source].clamp_min(1e-12)
            total = total + share[source] * block(features, within)
        return total


class Supernet(Skeleton):
    """A STAS network that holds all others of its width.

    Parameters
    ----------
    width : int
        Channels between the cells, a multiple of 4.
    shared : bool
        Whether the edges into one node share their kernels.
    """

    def __init__(self, width: int, *, shared: bool) -> None:
        super().__init__(width, lambda: SuperCell(width, shared=shared))
        self.shared = shared

    def forward(
        self, noisy: torch.Tensor, sigma: torch.Tensor, choice: Route | Mixture
    ) -> torch.Tensor:
        """Denoise with one path, or with the mixture of all.

        Parameters
        ----------
        noisy : tensor, (batch, bands, y, x)
        sigma : tensor, (batch, bands)
        choice : Route or Mixture

        Returns
        -------
        tensor, (batch, bands, y, x)
        """
        cells = [partial(cell, choice=choice) for cell in self.cells]
        *_, restored = self.through(noisy, sigma, cells)
        return restored


def block_of(source: int, node: int, *, shared: bool) -> int:
    """Which mixed residual block of a cell is on an edge."""
    return node - 1 if shared else EDGES.index((source, node))


def inherited(supernet: Supernet, path: Route) -> dict[str, torch.Tensor]:
    """The weights of one path, named as in the network of its genotype.

    Parameters
    ----------
    supernet : Supernet
    path : Route

    Returns
    -------
    dict of tensor
        State of a `napari_hsi_restore.models.architectures.stas.Stas` of the same width.
    """
    places = {}
    for node, choice in enumerate(path, start=1):
        source, name = PAIRS[node - 1][choice]
        block = block_of(source, node, shared=supernet.shared)
        places[f"blocks.{block}.operations.{NAMES.index(name)}."] = (
            f"blocks.{node - 1}.operations.0."
        )
    found: dict[str, torch.Tensor] = {}
    for key, tensor in supernet.state_dict().items():
        cell, within, tail = key.partition(".blocks.")
        if not within:
            found[key] = tensor
            continue
        for old, new in places.items():
            rest = f"blocks.{tail}"
            if rest.startswith(old):
                found[f"{cell}.{new}{rest.removeprefix(old)}"] = tensor
    return found
