"""From architecture weights to a genotype, and back to what can be drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_hsi_restore.events import CellState
from napari_hsi_restore.search.supernet import NAMES, PAIRS, Mixture, Route
from napari_hsi_restore.search_space.genotype import Edge, Genotype


def strongest(weights: Mixture) -> Route:
    """The one strongest (edge, operation) pair of every node: the published rule."""
    return tuple(int(row.argmax()) for row in weights)


def genotype_of(path: Route, name: str) -> Genotype:
    """The genotype of a path."""
    edges = []
    for pairs, choice in zip(PAIRS, path, strict=True):
        source, operation = pairs[choice]
        edges.append(Edge(source=source, operation=operation))
    first, second, third, fourth = edges
    return Genotype(name=name, nodes=(first, second, third, fourth))


def path_of(genotype: Genotype) -> Route:
    """The path of a genotype."""
    return tuple(
        pairs.index((edge.source, edge.operation))
        for pairs, edge in zip(PAIRS, genotype.nodes, strict=True)
    )


def cell_state(weights: Mixture, step: int) -> CellState:
    """The weights as rows of operations, one an edge, with their entropy.

    Parameters
    ----------
    weights : Mixture
        Sum to 1 for every node.
    step : int
        Optimiser step.
    """
    rows: list[tuple[float, ...]] = []
    entropies = []
    for row in weights:
        values: list[float] = row.tolist()
        entropies.append(_entropy(values))
        rows += [tuple(values[i : i + len(NAMES)]) for i in range(0, len(values), len(NAMES))]
    return CellState(step, tuple(rows), sum(entropies) / len(entropies))


def _entropy(values: Sequence[float]) -> float:
    """Shannon entropy divided by that of equal values, 0..1."""
    return -sum(value * math.log(value) for value in values if value > 0) / math.log(len(values))
