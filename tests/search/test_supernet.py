"""The supernet: its paths are the networks of their genotypes, its mixture their limit."""

import numpy as np
import pytest
import torch
from torch import nn

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import EDGES
from napari_hsi_restore.models.architectures.stas import Stas
from napari_hsi_restore.search import cost
from napari_hsi_restore.search.alphas import Alphas
from napari_hsi_restore.search.discretise import (
    cell_state,
    genotype_of,
    path_of,
    strongest,
)
from napari_hsi_restore.search.portions import halve
from napari_hsi_restore.search.supernet import NAMES, PAIRS, Supernet, inherited
from napari_hsi_restore.search_space.genotype import PUBLISHED, STAS_C
from napari_hsi_restore.search_space.operations import OPERATIONS
from napari_hsi_restore.search_space.sharing import read_genotype, write_genotype

WIDTH = 8


@pytest.fixture(params=[True, False], ids=["shared", "own"])
def supernet(request):
    torch.manual_seed(0)
    network = Supernet(WIDTH, shared=request.param)
    nn.init.normal_(network.conv3.conv.weight, std=0.1)
    return network


@pytest.fixture
def noisy():
    torch.manual_seed(1)
    return torch.randn(2, 3, 12, 10), torch.rand(2, 3)


def random_paths(count):
    rng = np.random.default_rng(0)
    return [tuple(int(rng.integers(len(pairs))) for pairs in PAIRS) for _ in range(count)]


@pytest.mark.parametrize("path", [*map(path_of, PUBLISHED), *random_paths(3)])
@torch.no_grad()
def test_a_path_is_the_network_of_its_genotype(supernet, noisy, path):
    network = Stas(genotype_of(path, "found"), WIDTH)
    network.load_state_dict(inherited(supernet, path))
    torch.testing.assert_close(supernet(*noisy, path), network(*noisy))


@torch.no_grad()
def test_a_decided_mixture_is_its_path(supernet, noisy):
    path = path_of(STAS_C)
    one_hot = [torch.eye(len(row))[choice] for row, choice in zip(PAIRS, path, strict=True)]
    expected = supernet(*noisy, path)
    torch.testing.assert_close(supernet(*noisy, one_hot), expected, atol=1e-5, rtol=1e-5)
    undecided = [torch.full((len(row),), 1 / len(row)) for row in PAIRS]
    assert not torch.allclose(supernet(*noisy, undecided), expected, atol=1e-3)


def test_the_mixture_tells_every_architecture_parameter(supernet, noisy):
    alphas = Alphas()
    supernet(*noisy, alphas.weights()).square().sum().backward()
    # One edge leads to node 1: it has nothing to choose from.
    told = [parameter for parameter in alphas.parameters() if parameter.numel() > 1]
    assert len(told) == 11
    for parameter in told:
        assert int((parameter.grad != 0).sum()) == parameter.numel()


def test_what_is_learned_of_an_operation_counts_on_every_edge():
    alphas = Alphas()
    torch.nn.init.constant_(alphas.operations[3][:, 5], 1.0)
    row = alphas.weights()[3].reshape(4, 8)
    assert (row.argmax(dim=1) == 5).all()
    assert float(row.detach().sum()) == pytest.approx(1.0)


def test_genotypes_and_paths_are_one_to_one():
    for path in random_paths(20):
        assert path_of(genotype_of(path, "x")) == path
    assert genotype_of(path_of(STAS_C), "stas_c") == STAS_C


def test_each_node_keeps_its_one_strongest_pair():
    weights = [torch.full((len(pairs),), 0.1) for pairs in PAIRS]
    for row, best in zip(weights, (3, 15, 0, 31), strict=True):
        row[best] = 0.2
    edges = genotype_of(strongest(weights), "x").nodes
    assert [(edge.source, edge.operation) for edge in edges] == [
        (0, "o4"),
        (1, "o8"),
        (0, "o1"),
        (3, "o8"),
    ]


def test_the_state_of_a_cell_has_a_row_an_edge_that_sums_to_one_a_node():
    torch.manual_seed(0)
    undecided = cell_state(Alphas().weights(), 0)
    assert undecided.entropy == pytest.approx(1.0)
    alphas = [torch.randn(len(pairs)) for pairs in PAIRS]
    state = cell_state([torch.softmax(row, 0) for row in alphas], 7)
    assert state.step == 7
    assert [len(row) for row in state.weights] == [len(NAMES)] * len(EDGES)
    for node in range(1, 5):
        rows = [row for row, edge in zip(state.weights, EDGES, strict=True) if edge[1] == node]
        assert sum(map(sum, rows)) == pytest.approx(1.0)
    # Node 4, from node 2, operation o3.
    expected = float(torch.softmax(alphas[3], 0)[PAIRS[3].index((2, "o3"))])
    assert state.weights[EDGES.index((2, 4))][2] == pytest.approx(expected)
    decided = cell_state([torch.eye(len(pairs))[0] for pairs in PAIRS], 0)
    assert decided.entropy == pytest.approx(0.0)


def test_counted_costs_are_the_weights_of_the_operations():
    costs = cost.counted()
    assert max(costs.values()) == costs["o8"] == 1.0
    assert costs["o5"] < costs["o1"] < costs["o2"] == costs["o4"] < 1.0
    path = path_of(STAS_C)
    assert cost.cost_of(path, costs) == pytest.approx((3 * costs["o4"] + 1) / 4)
    parameters = sum(weight.numel() for weight in Stas(STAS_C, WIDTH).parameters())
    assert cost.multiplications(path, WIDTH) == parameters


def test_measured_costs_are_relative_to_the_dearest():
    costs = cost.measured(WIDTH, torch.device("cpu"))
    assert set(costs) == set(OPERATIONS)
    assert max(costs.values()) == 1.0
    assert min(costs.values()) > 0.0
    assert cost.from_tensor(cost.as_tensor(costs)) == pytest.approx(costs)


def test_halves_share_no_pixel_and_alternate():
    cube = np.arange(2 * 40 * 30, dtype=np.float32).reshape(2, 40, 30)
    halves = halve([cube, cube.transpose(0, 2, 1), cube[:, :10, :10]])
    assert len(halves.theta) == len(halves.alpha) == 2
    for theta, alpha in zip(halves.theta, halves.alpha, strict=True):
        assert theta.size + alpha.size == cube.size
        assert not set(theta.ravel()) & set(alpha.ravel())
    assert halves.theta[0][0, 0, 0] == cube[0, 0, 0]
    assert halves.alpha[1][0, 0, 0] == cube[0, 0, 0]
    with pytest.raises(UserError, match="too few pixels to search with"):
        halve([cube[:, :20, :30][:, :, :20]])


def test_a_genotype_is_shared_as_a_file_of_its_own(tmp_path):
    path = tmp_path / "cell.json"
    write_genotype(path, STAS_C)
    assert read_genotype(path) == STAS_C
    with pytest.raises(UserError, match="exists already"):
        write_genotype(path, STAS_C)
    for text, message in (
        ("{}", "no genotype of this program"),
        ("no json", "no genotype of this program"),
        (path.read_text().replace('"version": 1', '"version": 9'), "version 9"),
        (path.read_text().replace('"o8"', '"o9"'), "no genotype of this program"),
        (path.read_text().replace('"source": 3', '"source": 4'), "no genotype of this program"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=message):
            read_genotype(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_genotype(tmp_path / "absent.json")
