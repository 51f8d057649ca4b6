import pytest
import torch
from torch import nn

from napari_hsi_restore.models.architectures.qrnn3d import MULTIPLE, QRNN3D, REACH


def random_network(width: int = 4) -> QRNN3D:
    torch.manual_seed(0)
    network = QRNN3D(width)
    nn.init.normal_(network.last.conv.conv.weight, std=0.1)
    return network.eval()


def test_it_has_as_many_parameters_as_published():
    assert sum(weight.numel() for weight in QRNN3D(16).parameters()) == pytest.approx(
        0.86e6, rel=0.01
    )


@pytest.mark.parametrize("bands", [1, 2, 31])
@torch.inference_mode()
def test_one_network_takes_any_number_of_bands_and_pixels(bands):
    noisy, sigma = torch.randn(2, bands, 21, 18), torch.rand(2, bands)
    assert random_network()(noisy, sigma).shape == noisy.shape


@torch.inference_mode()
def test_it_starts_as_the_identity_and_leaves_noise_free_bands_alone():
    noisy = torch.randn(1, 3, 16, 16)
    assert torch.equal(QRNN3D(4)(noisy, torch.ones(1, 3)), noisy)
    restored = random_network()(noisy, torch.tensor([[1.0, 0.0, 1.0]]))
    assert torch.equal(restored[:, 1], noisy[:, 1])
    assert not torch.allclose(restored[:, 0], noisy[:, 0], atol=1e-3)


@torch.inference_mode()
def test_every_band_knows_of_the_first_and_of_the_last():
    network = random_network()
    noisy = torch.randn(1, 6, 16, 16)
    before = network(noisy, torch.ones(1, 6))
    for changed in (0, 5):
        other = noisy.clone()
        other[:, changed] += 1.0
        after = network(other, torch.ones(1, 6))
        assert (after != before).flatten(2).any(dim=2).all()


def test_the_declared_reach_is_the_true_one_wherever_the_pixel_lies_on_the_grid():
    network = random_network().double()
    # All weights and inputs positive, so that nothing hides by chance.
    for parameter in network.parameters():
        parameter.data.uniform_(0.05, 0.3)
    side = 2 * REACH + 12
    noisy = torch.rand(1, 1, 4, side, dtype=torch.double, requires_grad=True)
    reaches = []
    for column in range(REACH + 4, REACH + 4 + MULTIPLE):
        value = network(noisy, torch.ones(1, 1, dtype=torch.double))[0, 0, 1, column]
        (gradient,) = torch.autograd.grad(value, noisy)
        touched = gradient[0, 0].abs().sum(0).nonzero().flatten()
        reaches += [column - int(touched.min()), int(touched.max()) - column]
    assert max(reaches) == REACH
