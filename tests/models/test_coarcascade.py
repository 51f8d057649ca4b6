import pytest
import torch

from napari_hsi_restore.models.architectures.coarsr import CoarSR
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.neighbours import partition
from napari_hsi_restore.models.resampling import bicubic
from napari_hsi_restore.models.spec import CoarSRSpec

SPEC = CoarSRSpec(scale=4, stages=2, width=3)


def random_network():
    torch.manual_seed(1)
    network = build(SPEC)
    for parameter in network.part.last.parameters():
        torch.nn.init.uniform_(parameter, -0.3, 0.3)
    return network.eval()


def planes_of(cube):
    return cube[:, torch.from_numpy(partition(cube.shape[1]))]


def no_starts(bands):
    return torch.zeros(bands, dtype=torch.bool)


@torch.inference_mode()
def test_stages_start_as_bicubic_applied_twice():
    cube = torch.rand(2, 6, 9, 7)
    enlarged = build(SPEC)(planes_of(cube), no_starts(6))
    torch.testing.assert_close(enlarged, bicubic(bicubic(cube, 2), 2))


@torch.inference_mode()
def test_all_stages_are_the_same_network():
    both, cube = random_network(), torch.rand(1, 7, 8, 8)
    one = CoarSR(2, 3).eval()
    one.load_state_dict(both.part.state_dict())
    assert sum(w.numel() for w in both.parameters()) == sum(w.numel() for w in one.parameters())
    twice = one(planes_of(one(planes_of(cube), no_starts(7))), no_starts(7))
    torch.testing.assert_close(both(planes_of(cube), no_starts(7)), twice)


@torch.inference_mode()
def test_the_inner_bands_have_their_own_neighbours():
    """Without the recurrence, which begins anew in a shorter run, they are as in the whole."""
    network, cube, starts = random_network(), torch.rand(1, 13, 8, 8), ~no_starts(13)
    whole = network(planes_of(cube), starts)
    inner = network(planes_of(cube)[:, 2:-2], starts[2:-2], inner=5)
    assert inner.shape[1] == 5
    torch.testing.assert_close(inner, whole[:, 4:-4])
    alone = network(planes_of(cube[:, 4:-4]), starts[4:-4], inner=5)
    assert not torch.allclose(alone, inner)


def test_the_declared_halo_covers_what_is_seen():
    network = random_network()
    # All weights and inputs positive: every rectifier is open, so nothing hides by chance.
    for parameter in network.parameters():
        parameter.data.abs_()
    side = 2 * SPEC.halo + 9
    cube = torch.rand(1, 1, 3, side, requires_grad=True)
    centre = network(planes_of(cube), no_starts(1))[0, 0, 4, 4 * (side // 2)]
    (gradient,) = torch.autograd.grad(centre, cube)
    reach = int((gradient[0, 0].abs().amax(dim=0).nonzero() - side // 2).abs().max())
    assert SPEC.halo - 2 <= reach <= SPEC.halo


def test_stages_that_cannot_be_alike_are_refused():
    with pytest.raises(ValueError, match="2 stages alike cannot enlarge by 8"):
        CoarSRSpec(scale=8, stages=2, width=3)
