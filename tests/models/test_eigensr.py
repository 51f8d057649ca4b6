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


def _random(network):
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.mark.parametrize(("width", "blocks"), [(6, 2), (6, 4), (9, 2), (9, 4)])
def test_a_network_begins_with_what_a_smaller_one_does_and_learns_in_all_its_parts(width, blocks):
    torch.manual_seed(6)  # By chance a rectifier may be closed everywhere, and learns nothing.
    small, large = _random(EigenSR(2, 6, 2, 3)), EigenSR(2, width, blocks, 3)
    large.load_state_dict(large.begun(small.state_dict()))
    images = torch.rand(2, 3, 9, 7)
    torch.testing.assert_close(large(images), small(images), rtol=1e-4, atol=1e-5)
    large(images).square().sum().backward()
    optimiser = torch.optim.SGD(large.parameters(), 1e-3)
    before = {name: tensor.detach().clone() for name, tensor in large.named_parameters()}
    for _ in range(3):
        optimiser.step()
        optimiser.zero_grad()
        large(images).square().sum().backward()
    for name, tensor in large.named_parameters():
        # Every old and new input and output of a layer moves.
        moved = (tensor - before[name]).abs().reshape(len(tensor), -1)
        assert moved.amax(dim=1).all(), name
        if tensor.dim() == 4:
            assert (tensor - before[name]).abs().amax(dim=(0, 2, 3)).all(), name


def test_stages_begin_with_a_network_for_one_of_them_or_with_smaller_stages():
    one, both = _random(EigenSR(2, 6, 2, 3)), build(SPEC_OF_STAGES)
    both.load_state_dict(both.begun(one.state_dict()))
    images = torch.rand(2, 3, 9, 7)
    half = bicubic(images, 2) + one(images)
    expected = bicubic(half, 2) + one(half) - bicubic(images, 4)
    torch.testing.assert_close(both(images), expected, rtol=1e-4, atol=1e-5)
    _random(both)
    larger = build(SPEC_OF_STAGES.model_copy(update={"width": 8, "blocks": 3}))
    larger.load_state_dict(larger.begun(both.state_dict()))
    torch.testing.assert_close(larger(images), both(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "other",
    [EigenSR(4, 6, 2, 3), EigenSR(2, 6, 3, 3), EigenSR(2, 6, 2, 4), EigenSR(2, 7, 2, 3)],
    ids=["scale", "blocks", "components", "width"],
)
@pytest.mark.parametrize("own", [EigenSR(2, 6, 2, 3), build(SPEC_OF_STAGES)], ids=["one", "stages"])
def test_no_network_begins_with_one_that_is_larger_or_of_another_kind(own, other):
    with pytest.raises(RuntimeError):
        own.load_state_dict(own.begun(other.state_dict()))


@torch.inference_mode()
def test_stages_start_without_detail_but_their_own_resampling():
    network, images = build(SPEC_OF_STAGES), torch.rand(1, 3, 9, 7)
    expected = bicubic(bicubic(images, 2), 2) - bicubic(images, 4)
    torch.testing.assert_close(network(images), expected)
    assert len(list(network.stages(images))) == network.steps


def test_stages_that_cannot_be_alike_are_refused():
    with pytest.raises(ValueError, match="2 stages alike cannot enlarge by 3"):
        EigenSRSpec(scale=3, stages=2, width=6, blocks=2, components=3)
