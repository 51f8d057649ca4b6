import pydantic
import pytest

from napari_hsi_restore.search_space.genotype import PUBLISHED, STAS_C, STAS_P, Edge, Genotype
from napari_hsi_restore.search_space.operations import OPERATIONS


def test_the_published_cells_are_those_of_the_poster():
    assert [(e.source, e.operation) for e in STAS_C.nodes] == [
        (0, "o4"),
        (1, "o8"),
        (0, "o4"),
        (3, "o4"),
    ]
    kinds = [OPERATIONS[edge.operation].kind for edge in STAS_P.nodes]
    assert sorted(kinds) == ["joint", "joint", "joint", "spatial"]


def test_a_genotype_survives_json():
    for genotype in PUBLISHED:
        assert Genotype.model_validate_json(genotype.model_dump_json()) == genotype


def test_an_edge_cannot_point_backward():
    edge = Edge(source=1, operation="o1")
    with pytest.raises(pydantic.ValidationError, match="node 1 cannot take an edge from node 1"):
        Genotype(name="loop", nodes=(edge, edge, edge, edge))


def test_eight_operations_four_spatial_two_spectral_two_joint():
    kinds = [spec.kind for spec in OPERATIONS.values()]
    assert kinds == ["spatial"] * 4 + ["spectral"] * 2 + ["joint"] * 2
