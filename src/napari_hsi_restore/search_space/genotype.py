"""Genotypes: which operation feeds which node of a STAS cell."""

from __future__ import annotations

from typing import Literal

import pydantic

NODES = 4
"""Intermediate nodes of a cell; node 0 is the cell's entry convolution."""

OperationName = Literal["o1", "o2", "o3", "o4", "o5", "o6", "o7", "o8"]


class Edge(pydantic.BaseModel, frozen=True, extra="forbid"):
    """One mixed residual block that survived the search.

    Attributes
    ----------
    source : int
        Node that the edge starts at, 0 for the entry convolution.
    operation : str
        ``"o1"`` to ``"o8"``.
    """

    source: int = pydantic.Field(ge=0, lt=NODES)
    operation: OperationName


class Genotype(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The wiring of one cell, shared by the four cells of a network.

    Attributes
    ----------
    name : str
    nodes : tuple of Edge
        The one strongest edge into node 1, 2, 3 and 4; an edge starts at an
        earlier node than the one it feeds.
    """

    name: str
    nodes: tuple[Edge, Edge, Edge, Edge]

    @pydantic.field_validator("nodes")
    @classmethod
    def _edges_point_forward(cls, nodes: tuple[Edge, ...]) -> tuple[Edge, ...]:
        for node, edge in enumerate(nodes, start=1):
            if edge.source >= node:
                raise ValueError(f"node {node} cannot take an edge from node {edge.source}")
        return nodes


def _cell(name: str, *edges: tuple[int, OperationName]) -> Genotype:
    first, second, third, fourth = (Edge(source=s, operation=o) for s, o in edges)
    return Genotype(name=name, nodes=(first, second, third, fourth))


# The two cells printed on the STAS poster (ECCV 2022): searched on CAVE and on Pavia.
STAS_C = _cell("stas_c", (0, "o4"), (1, "o8"), (0, "o4"), (3, "o4"))
STAS_P = _cell("stas_p", (0, "o8"), (1, "o8"), (2, "o8"), (0, "o1"))

PUBLISHED: tuple[Genotype, ...] = (STAS_C, STAS_P)
