"""The architecture parameters: what every node thinks of its pairs (edge, operation)."""

from __future__ import annotations

import torch
from torch import nn

from napari_hsi_restore.search.supernet import NAMES, PAIRS
from napari_hsi_restore.search_space.genotype import NODES


class Alphas(nn.Module):
    """Logits of the pairs of every node.

    The logit of a pair is the sum of one for the node that its edge starts at, one for
    its operation, and one of its own [ours]: what is learned of an operation on one edge
    counts on the others into the same node, until the pairs differ.
    """

    def __init__(self) -> None:
        super().__init__()
        nodes = range(1, NODES + 1)
        self.sources = nn.ParameterList(torch.zeros(node, 1) for node in nodes)
        self.operations = nn.ParameterList(torch.zeros(1, len(NAMES)) for _ in nodes)
        self.pairs = nn.ParameterList(torch.zeros(len(pairs)) for pairs in PAIRS)

    def logits(self) -> list[torch.Tensor]:
        """(8,), (16,), (24,) and (32,), in the order of `PAIRS`."""
        parts = zip(self.sources, self.operations, self.pairs, strict=True)
        return [(source + name).flatten() + pair for source, name, pair in parts]

    def weights(self) -> list[torch.Tensor]:
        """The softmax of the logits of every node."""
        return [torch.softmax(row, dim=0) for row in self.logits()]
