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
