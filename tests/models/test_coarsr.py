import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.models.architectures.coarsr import SCALES, CoarSR
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.neighbours import band_sequence
from napari_hsi_restore.models.resampling import bicubic
from napari_hsi_restore.models.spec import CoarSRSpec, EigenSRSpec
from napari_hsi_restore.restore.tiling import plan

HALO = CoarSRSpec(scale=2, width=4).halo


def random_network(scale, width=4):
    torch.manual_seed(scale)
    network = CoarSR(scale, width)
    for parameter in network.last.parameters():
        torch.nn.init.uniform_(parameter, 0.2, 0.4)
    return network.eval()


def planes_of(cube, sequence):
    return cube[:, torch.from_numpy(sequence.planes)]


def enlarge(network, cube):
    sequence = band_sequence(cube.shape[1])
    return network(planes_of(cube, sequence), torch.from_numpy(sequence.starts))


@pytest.mark.parametrize(("scale", "millions"), [(2, 2.24), (4, 2.39)])
def test_the_published_number_of_parameters(scale, millions):
    network = build(CoarSRSpec(scale=scale, width=64))
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == pytest.approx(millions * 1e6, rel=0.01)


@pytest.mark.parametrize(
    "spec",
    [
        *(CoarSRSpec(scale=scale, width=32) for scale in SCALES),
        EigenSRSpec(scale=3, width=32, blocks=2, components=4),
        EigenSRSpec(scale=4, stages=2, width=32, blocks=4, components=4),
    ],
    ids=lambda spec: f"{spec.architecture}_x{spec.scale}",
)
def test_the_work_is_foreseen(spec):
    bands = 7 if isinstance(spec, CoarSRSpec) else spec.components
    images = torch.rand(1, bands, 24, 20)
    network = build(spec)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if isinstance(spec, CoarSRSpec):
            enlarge(network, images)
        else:
            network(images)
    # An operation is a multiplication or an addition.
    assert counter.get_total_flops() == pytest.approx(2 * spec.macs(480, bands), rel=0.02)


@pytest.mark.parametrize("scale", [0.5, 0.25, 1 / 3, 2, 3, 4, 8])
def test_resampling_is_that_of_the_degradations(scale):
    images = np.random.default_rng(0).random((3, 24, 36), dtype=np.float32)
    ours = bicubic(torch.from_numpy(images), scale)
    np.testing.assert_allclose(ours, resize_bicubic(images, scale=scale), atol=1e-5)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("bands", [1, 3, 9])
@torch.inference_mode()
def test_it_starts_as_bicubic_for_any_number_of_bands(scale, bands):
    cube = torch.rand(2, bands, 12, 10)
    enlarged = enlarge(CoarSR(scale, 4), cube)
    torch.testing.assert_close(enlarged, bicubic(cube, scale))


@pytest.mark.parametrize("scale", SCALES)
def test_the_declared_halo_is_the_true_reach(scale):
    network = random_network(scale, width=2).double()
    # All weights and inputs positive: every rectifier is open, so nothing hides by chance.
    for parameter in network.parameters():
        parameter.data.abs_()
    side = 2 * HALO + 9
    planes = torch.rand(1, 1, 5, 3, side, dtype=torch.double, requires_grad=True)
    rows = []
    for sub in range(scale):
        enlarged = network(planes, torch.ones(1, dtype=torch.bool)).double()
        centre = enlarged[0, 0, scale, scale * (side // 2) + sub]
        (gradient,) = torch.autograd.grad(centre, planes)
        rows.append(gradient[0, 0].abs().amax(dim=(0, 1)).nonzero().flatten() - side // 2)
    assert int(torch.cat(rows).abs().max()) == HALO


@pytest.mark.parametrize("scale", SCALES)
@torch.inference_mode()
def test_a_tiled_result_equals_the_whole(scale):
    network = random_network(scale)
    cube = torch.rand(1, 2, 60, 50)
    whole = enlarge(network, cube)
    tiled = torch.full_like(whole, torch.nan)
    for tile in plan((slice(0, 60), slice(0, 50)), (60, 50), 30, HALO):
        part = enlarge(network, cube[:, :, tile.read_rows, tile.read_columns])
        out, cut = (
            (..., *(slice(scale * span.start, scale * span.stop) for span in spans))
            for spans in ((tile.rows, tile.columns), tile.inside)
        )
        tiled[out] = part[cut]
    torch.testing.assert_close(tiled, whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("scale", SCALES)
@torch.inference_mode()
def test_the_stages_are_counted(scale):
    network = CoarSR(scale, 2)
    stages = list(network.stages(torch.rand(1, 2, 5, 6, 6), torch.tensor([True, False]), None))
    assert len(stages) == network.stage_count
    assert [stage is None for stage in stages] == [True] * (len(stages) - 1) + [False]


@torch.inference_mode()
def test_bands_may_come_in_parts():
    network = random_network(2)
    sequence = band_sequence(9)
    planes = planes_of(torch.rand(1, 9, 14, 14), sequence)
    starts = torch.from_numpy(sequence.starts)
    whole = network(planes, starts)
    state, parts = None, []
    for part in (slice(0, 1), slice(1, 5), slice(5, 9)):
        *_, (enlarged, state) = network.stages(planes[:, part], starts[part], state)
        parts.append(enlarged)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)


@torch.inference_mode()
def test_a_band_knows_the_bands_before_it_but_not_across_a_gap():
    network = random_network(2)
    cube = torch.rand(1, 12, 10, 10)
    moved = cube.clone()
    moved[:, 0] += 1.0
    change = (enlarge(network, moved) - enlarge(network, cube)).abs().amax(dim=(0, 2, 3))
    assert (change[:6] > 1e-6).all()
    centres = np.array([400.0, 410, 420, 430, 440, 450, 900, 910, 920, 930, 940, 950])
    sequence = band_sequence(12, centres)
    starts = torch.from_numpy(sequence.starts)
    apart = [network(planes_of(c, sequence), starts) for c in (moved, cube)]
    change = (apart[0] - apart[1]).abs().amax(dim=(0, 2, 3))
    assert (change[:6] > 1e-6).all()
    assert (change[6:] == 0).all()


def test_the_state_carries_no_gradient_to_the_band_before():
    network = random_network(2)
    planes = torch.rand(1, 2, 5, 8, 8, requires_grad=True)
    enlarged = network(planes, torch.tensor([True, False]))
    (gradient,) = torch.autograd.grad(enlarged[:, 1].sum(), planes)
    assert gradient[:, 1].abs().max() > 0
    assert gradient[:, 0].abs().max() == 0


@torch.inference_mode()
def test_the_mixing_of_groups_is_the_three_dimensional_one():
    torch.manual_seed(0)
    block = random_network(2).aggregations[0].between
    groups = [torch.rand(2, 4, 7, 6) for _ in range(3)]
    stack = torch.stack(groups, dim=2)
    conv3d = torch.nn.functional.conv3d
    inside = conv3d(stack, block.within.weight[:, :, None], block.within.bias, padding=(0, 1, 1))
    over = conv3d(stack, block.over.weight[..., None, None], block.over.bias, padding=(1, 0, 0))
    inner = torch.relu(inside + over)
    back = conv3d(inner, block.back.weight[:, :, None], block.back.bias, padding=(0, 1, 1))
    torch.testing.assert_close(torch.stack(block(groups), dim=2), stack + back)


def test_a_scale_that_it_has_not_is_refused():
    with pytest.raises(ValueError, match="scale 5"):
        CoarSR(5)


@pytest.mark.parametrize("scale", [4, 8])
def test_a_larger_scale_begins_with_the_features_of_a_smaller_one(scale):
    small, large = random_network(2), CoarSR(scale, 4)
    # One pixel of the features for one of the answer, or the repeated ones would be mixed.
    small.last.weight.data *= torch.tensor([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    large.load_state_dict(large.begun(small.state_dict()))
    planes, starts = torch.rand(2, 3, 5, 9, 7), torch.tensor([True, False, False])
    detail = small(planes, starts) - bicubic(planes[:, :, 0], 2)
    found = large(planes, starts) - bicubic(planes[:, :, 0], scale)
    repeated = detail.repeat_interleave(scale // 2, -1).repeat_interleave(scale // 2, -2)
    torch.testing.assert_close(found, repeated, rtol=1e-4, atol=1e-5)
    assert_all_parts_learn(large)


@pytest.mark.parametrize("scale", SCALES)
def test_a_wider_network_begins_with_what_a_narrower_one_does(scale):
    small, large = random_network(scale), random_network(scale, 7)
    large.load_state_dict(large.begun(small.state_dict()))
    planes, starts = torch.rand(2, 3, 5, 9, 7), torch.tensor([True, False, False])
    torch.testing.assert_close(large(planes, starts), small(planes, starts), rtol=1e-4, atol=1e-5)
    assert_all_parts_learn(large)
    own = small.state_dict()
    torch.testing.assert_close(CoarSR(scale, 4).begun(own), own)


@torch.inference_mode()
def test_a_larger_scale_begins_with_a_narrower_network_too():
    planes, starts = torch.rand(1, 2, 5, 9, 7), torch.tensor([True, False])
    small, same, wide = random_network(2), CoarSR(8, 4), CoarSR(8, 7)
    for network in (same, wide):
        network.load_state_dict(network.begun(small.state_dict()))
    torch.testing.assert_close(wide(planes, starts), same(planes, starts), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("own", "other"),
    [((4, 4), (2, 5)), ((3, 4), (2, 4)), ((3, 6), (2, 4)), ((4, 4), (3, 4)), ((2, 4), (4, 4))],
    ids=["narrower", "three from two", "wider three from two", "four from three", "smaller"],
)
def test_no_network_begins_with_one_that_it_does_not_go_on_from(own, other):
    network = CoarSR(*own)
    with pytest.raises(RuntimeError):
        network.load_state_dict(network.begun(CoarSR(*other).state_dict()))


def assert_all_parts_learn(network):
    """What began as zero moves too, in every layer."""
    torch.manual_seed(5)
    before = {name: tensor.detach().clone() for name, tensor in network.named_parameters()}
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    planes, starts = torch.rand(4, 3, 5, 12, 12), torch.tensor([True, False, False])
    for _ in range(3):
        optimiser.zero_grad()
        enlarged = network(planes, starts)
        (enlarged - torch.rand_like(enlarged)).square().sum().backward()
        optimiser.step()
    for name, tensor in network.named_parameters():
        moved = tensor != before[name]
        assert moved.any(), name
        zero = before[name] == 0
        assert not zero.any() or moved[zero].any(), name
