"""What a cell costs: counted, or measured on the device that searches.

The cost of a pair (edge, operation) is that of its operation; all are relative to the
dearest one, so that the cost of a cell, the mean over its four nodes, lies between 0
and 1 [ours].
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

import torch

from napari_hsi_restore.search.supernet import NAMES, PAIRS, Mixture, Route
from napari_hsi_restore.search_space.genotype import NODES, OperationName
from napari_hsi_restore.search_space.operations import OPERATIONS, Operation

CostKind = Literal["measured", "counted"]
Costs = Mapping[OperationName, float]

_COMPONENTS, _SIDE, _TRIALS = 8, 64, 7


def counted() -> dict[OperationName, float]:
    """Multiplications of every operation at a channel, relative to the dearest."""
    counts: dict[OperationName, float] = {}
    for name, spec in OPERATIONS.items():
        # A pointwise convolution follows each.
        counts[name] = spec.spatial**2 + spec.spectral + 1.0
    return _relative(counts)


def measured(width: int, device: torch.device) -> dict[OperationName, float]:
    """Seconds of every operation in a forward pass on a device, relative to the dearest.

    Parameters
    ----------
    width : int
        Channels between the cells; an operation sees a quarter of them.
    device : torch.device
    """
    features = torch.randn(1, _COMPONENTS, width // NODES, _SIDE, _SIDE, device=device)
    times = {}
    for name, spec in OPERATIONS.items():
        operation = Operation(spec, width // NODES).to(device)
        # The shortest of several: what else the machine does can only lengthen them.
        times[name] = min(_seconds(operation, features) for _ in range(_TRIALS))
    return _relative(times)


@torch.no_grad()
def _seconds(operation: Operation, features: torch.Tensor) -> float:
    begin = time.perf_counter()
    operation(features)
    if features.is_cuda:
        torch.cuda.synchronize(features.device)
    return time.perf_counter() - begin


def _relative(costs: Costs) -> dict[OperationName, float]:
    dearest = max(costs.values())
    return {name: cost / dearest for name, cost in costs.items()}


def by_pair(costs: Costs) -> list[torch.Tensor]:
    """The costs of the pairs of every node, (8,), (16,), (24,) and (32,)."""
    return [torch.tensor([costs[name] for _, name in pairs]) for pairs in PAIRS]


def expected_cost(weights: Mixture, costs: Mixture) -> torch.Tensor:
    """Mean over the nodes of the cost that the weights let expect, 0..1, ()."""
    sums = [(row * cost).sum() for row, cost in zip(weights, costs, strict=True)]
    return torch.stack(sums).mean()


def cost_of(path: Route, costs: Costs) -> float:
    """Mean over the nodes of the cost of one cell, 0..1."""
    chosen = [PAIRS[node][choice][1] for node, choice in enumerate(path)]
    return sum(costs[name] for name in chosen) / len(chosen)


def multiplications(path: Route, width: int) -> int:
    """Multiplications of a network for one pixel of one component.

    Parameters
    ----------
    path : Route
    width : int
        Channels between the cells.
    """
    quarter = width // NODES
    cell = 9 * width * quarter
    for node, choice in enumerate(path):
        spec = OPERATIONS[PAIRS[node][choice][1]]
        cell += (spec.spatial**2 + spec.spectral + 1) * quarter**2
    return 9 * 6 * width + 4 * (cell + 9 * width**2) + 9 * width * 3


def as_tensor(costs: Costs) -> torch.Tensor:
    """The costs in the order o1 to o8, (8,), to be kept in a checkpoint."""
    return torch.tensor([costs[name] for name in NAMES], dtype=torch.float64)


def from_tensor(costs: torch.Tensor) -> dict[OperationName, float]:
    """The inverse of `as_tensor`."""
    return dict(zip(NAMES, (float(cost) for cost in costs), strict=True))
