import pytest
import torch
from torch import nn

from napari_hsi_restore.models.architectures.stas import Stas, reach
from napari_hsi_restore.search_space.genotype import PUBLISHED, STAS_C, Edge, Genotype
from napari_hsi_restore.search_space.operations import (
    OPERATIONS,
    MixedResidualBlock,
    Operation,
    SpatialConv,
)


def random_network(genotype: Genotype, width: int = 8) -> Stas:
    torch.manual_seed(0)
    network = Stas(genotype, width)
    nn.init.normal_(network.conv3.conv.weight, std=0.1)
    return network.eval()


@pytest.mark.parametrize("bands", [1, 2, 31, 40])
@torch.inference_mode()
def test_one_network_takes_any_number_of_bands(bands):
    network = random_network(STAS_C)
    noisy, sigma = torch.randn(2, bands, 20, 17), torch.rand(2, bands)
    assert network(noisy, sigma).shape == noisy.shape


@torch.inference_mode()
def test_it_starts_as_the_identity_and_leaves_noise_free_bands_alone():
    noisy = torch.randn(1, 3, 16, 16)
    assert torch.equal(Stas(STAS_C, 8)(noisy, torch.ones(1, 3)), noisy)
    restored = random_network(STAS_C)(noisy, torch.tensor([[1.0, 0.0, 1.0]]))
    assert torch.equal(restored[:, 1], noisy[:, 1])
    assert not torch.allclose(restored[:, 0], noisy[:, 0], atol=1e-3)


@pytest.mark.parametrize(
    "genotype",
    [
        *PUBLISHED,
        Genotype(name="short", nodes=(Edge(source=0, operation="o5"),) * 4),
        Genotype(
            name="long",
            nodes=tuple(Edge(source=node, operation="o3") for node in range(4)),  # type: ignore[arg-type]
        ),
    ],
    ids=lambda genotype: genotype.name,
)
def test_the_declared_reach_is_the_true_one(genotype):
    network = random_network(genotype, width=4).double()
    # All weights and inputs positive: every rectifier is open, so nothing hides by chance.
    for parameter in network.parameters():
        parameter.data.abs_()
    declared = reach(genotype)
    side = 2 * declared + 9
    noisy = torch.rand(1, 1, 3, side, dtype=torch.double, requires_grad=True)
    centre = network(noisy, torch.ones(1, 1, dtype=torch.double))[0, 0, 1, side // 2]
    (gradient,) = torch.autograd.grad(centre, noisy)
    seen = gradient[0, 0].abs().amax(dim=0).nonzero().flatten()
    assert int((seen - side // 2).abs().max()) == declared


@torch.inference_mode()
def test_operations_mix_what_their_kind_says():
    torch.manual_seed(1)
    features = torch.randn(1, 5, 4, 9, 9)
    for spec in OPERATIONS.values():
        operation = Operation(spec, 4)
        moved = features.clone()
        moved[0, 2, :, 4, 4] += 1.0
        change = (operation(moved) - operation(features)).abs().amax(dim=2)[0]
        bands = change.amax(dim=(1, 2)) > 1e-7
        pixels = change.amax(dim=0) > 1e-7
        assert (bands.sum() == 1) == (spec.kind == "spatial"), spec.name
        assert (pixels.sum() == 1) == (spec.kind == "spectral"), spec.name


@torch.inference_mode()
def test_the_first_convolution_is_three_dimensional():
    network = random_network(STAS_C)
    planes = torch.randn(1, 6, 2, 8, 8)
    from napari_hsi_restore.models.architectures.stas import _with_neighbours

    ours = network.conv1(_with_neighbours(planes))
    kernel = network.conv1.conv.weight.unflatten(1, (3, 2)).transpose(1, 2)
    reference = nn.functional.conv3d(planes.transpose(1, 2), kernel, padding=1)
    torch.testing.assert_close(ours.transpose(1, 2), reference, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_mixed_block_adds_its_weighted_operations():
    torch.manual_seed(2)
    names = tuple(OPERATIONS)
    block = MixedResidualBlock(names, 4)
    features, weights = torch.randn(1, 3, 4, 7, 7), torch.rand(8)
    expected = features + sum(
        w * operation(features) for w, operation in zip(weights, block.operations, strict=True)
    )
    torch.testing.assert_close(block(features, weights), expected)


@torch.inference_mode()
def test_a_spatial_convolution_keeps_bands_apart():
    conv = SpatialConv(2, 3, 3)
    features = torch.randn(2, 4, 2, 6, 6)
    torch.testing.assert_close(conv(features)[1, 3], conv.conv(features[1, 3][None])[0])


def test_a_width_that_cannot_be_quartered_is_refused():
    with pytest.raises(ValueError, match="multiple of 4"):
        Stas(STAS_C, 10)
