import torch

from napari_hsi_restore.models.architectures.eigensr import EigenSR
from napari_hsi_restore.models.spec import EigenSRSpec


@torch.inference_mode()
def test_it_starts_without_detail():
    assert not EigenSR(4, 8, 2, 5)(torch.rand(2, 5, 9, 7)).any()
    assert EigenSR(2, 8, 2, 5)(torch.rand(2, 5, 9, 7)).shape == (2, 5, 18, 14)


def test_the_declared_reach_is_the_true_one():
    network = EigenSR(2, 3, 3, 1).double()
    # All weights and inputs positive: every rectifier is open, so nothing hides by chance.
    torch.nn.init.ones_(network.last.weight)
    for parameter in network.parameters():
        parameter.data.abs_()
    declared = EigenSRSpec(scale=2, width=3, blocks=3, components=1).halo
    side = 2 * declared + 9
    images = torch.rand(1, 1, 3, side, dtype=torch.double, requires_grad=True)
    detail = network(images)[0, 0, 2, side - 1 : side + 1]
    (gradient,) = torch.autograd.grad(detail.sum(), images)
    seen = gradient[0, 0].abs().amax(dim=0).nonzero().flatten()
    assert int((seen - side // 2).abs().max()) == declared


def test_a_grown_network_gives_what_the_small_one_gave_and_can_learn_on():
    small, large = EigenSR(2, 6, 2, 3), EigenSR(2, 10, 5, 3)
    torch.nn.init.normal_(small.last.weight)
    large.load_state_dict(large.grown(small.state_dict()))
    images = torch.rand(2, 3, 9, 7)
    torch.testing.assert_close(large(images), small(images))
    large(images).square().sum().backward()
    # Old outputs begin to listen to new features, and the new blocks to do something.
    assert large.deep.weight.grad[:6, 6:].any()
    assert large.body[4].second.weight.grad.any()


def test_weights_of_another_kind_are_not_grown():
    large = EigenSR(2, 10, 5, 3)
    for other in (EigenSR(4, 6, 2, 3), EigenSR(2, 6, 2, 4), EigenSR(2, 12, 2, 3)):
        weights = other.state_dict()
        assert large.grown(weights) is weights
