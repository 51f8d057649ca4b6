import pytest
import torch

from napari_hsi_restore.models.architectures.eigensr import EigenSR
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.resampling import bicubic
from napari_hsi_restore.models.spec import EigenSRSpec

SPEC_OF_STAGES = EigenSRSpec(scale=4, stages=2, width=6, blocks=2, components=3)


@torch.inference_mode()
def test_it_starts_without_detail():
    assert not EigenSR(4, 8, 2, 5)(torch.rand(2, 5, 9, 7)).any()
    assert EigenSR(2, 8, 2, 5)(torch.rand(2, 5, 9, 7)).shape == (2, 5, 18, 14)


@pytest.mark.parametrize(("scale", "stages"), [(2, 1), (4, 2)])
def test_the_declared_reach_is_the_true_one(scale, stages):
    spec = EigenSRSpec(scale=scale, stages=stages, width=3, blocks=3, components=1)
    network = build(spec)
    # All weights and inputs positive: every rectifier is open, so nothing hides by chance.
    for parameter in network.parameters():
        torch.nn.init.uniform_(parameter, 0.1, 0.2)
    declared = spec.halo
    side = 2 * declared + 9
    images = torch.rand(1, 1, side, side, requires_grad=True)
    middle = slice(side // 2 * scale, (side // 2 + 1) * scale)
    detail = network(images)[0, 0, middle, middle]
    (gradient,) = torch.autograd.grad(detail.sum(), images)
    seen = gradient[0, 0].abs().amax(dim=0).nonzero().flatten()
    assert int((seen - side // 2).abs().max()) == declared


def test_stages_begin_with_a_network_for_one_of_them():
    one, both = EigenSR(2, 6, 2, 3), build(SPEC_OF_STAGES)
    torch.nn.init.normal_(one.last.weight, std=0.1)
    both.load_state_dict(both.begun(one.state_dict()))
    images = torch.rand(2, 3, 9, 7)
    half = bicubic(images, 2) + one(images)
    expected = bicubic(half, 2) + one(half) - bicubic(images, 4)
    torch.testing.assert_close(both(images), expected, rtol=1e-4, atol=1e-5)
    for other in (
        EigenSR(4, 6, 2, 3),
        EigenSR(2, 6, 3, 3),
        EigenSR(2, 6, 2, 4),
        EigenSR(2, 5, 2, 3),
    ):
        weights = other.state_dict()
        assert both.begun(weights) is weights


@torch.inference_mode()
def test_stages_start_without_detail_but_their_own_resampling():
    network, images = build(SPEC_OF_STAGES), torch.rand(1, 3, 9, 7)
    expected = bicubic(bicubic(images, 2), 2) - bicubic(images, 4)
    torch.testing.assert_close(network(images), expected)
    assert len(list(network.stages(images))) == network.steps


def test_stages_that_cannot_be_alike_are_refused():
    with pytest.raises(ValueError, match="2 stages alike cannot enlarge by 3"):
        EigenSRSpec(scale=3, stages=2, width=6, blocks=2, components=3)
