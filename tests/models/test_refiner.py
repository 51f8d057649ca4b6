import numpy as np
import pytest
import torch

from napari_hsi_restore.classical import correction
from napari_hsi_restore.classical.refined import NETWORKS
from napari_hsi_restore.models.architectures.refiner import LEADING, Refiner
from napari_hsi_restore.models.catalog import build
from napari_hsi_restore.models.spec import RefinerSpec
from napari_hsi_restore.noise.portion import finish
from napari_hsi_restore.zoo.loading import load

SPEC = RefinerSpec(widths=(4, 6, 8), blocks=(1, 2, 1))


def images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def some(network):
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    return network.eval()


@torch.inference_mode()
def test_untrained_it_changes_nothing():
    network = build(SPEC)
    found = network(
        *(images(2, count, 16, 24) for count in (5, 5, LEADING, LEADING)), torch.ones(2, 5)
    )
    assert found.shape == (2, 5, 16, 24)
    assert not found.any()


@torch.inference_mode()
def test_each_component_is_corrected_as_if_it_were_alone():
    network = some(build(SPEC))
    removed, estimate, *leading = (images(1, n, 16, 16) for n in (4, 4, LEADING, LEADING))
    scale = torch.tensor([[9.0, 3.0, 1.0, 2.0]])
    together = network(removed, estimate, *leading, scale)
    alone = network(removed[:, 2:3], estimate[:, 2:3], *leading, scale[:, 2:3])
    torch.testing.assert_close(together[:, 2:3], alone)
    steps = list(network.stages(removed, estimate, network.beside(*leading), scale))
    assert len(steps) == network.steps
    torch.testing.assert_close(steps[-1], together)


@pytest.mark.parametrize(
    ("widths", "blocks"),
    [((4, 6, 8), (1, 2, 1)), ((4, 6, 8), (2, 2, 3)), ((4, 6, 8, 10, 6), (1, 3, 2, 2, 1))],
)
@torch.inference_mode()
def test_a_larger_one_begins_with_what_a_smaller_one_does(widths, blocks):
    small = some(build(SPEC))
    large = build(RefinerSpec(widths=widths, blocks=blocks))
    large.load_state_dict(large.begun(small.state_dict()))
    inputs = [images(1, count, 32, 32) for count in (2, 2, LEADING, LEADING)]
    scale = torch.tensor([[3.0, 1.0]])
    expected = small(*inputs, scale)
    assert expected.any()
    torch.testing.assert_close(large(*inputs, scale), expected)


@pytest.mark.parametrize("shape", [(5, 203, 61), (2, 9, 8), (1, 1, 1)])
def test_parts_are_the_whole(shape, monkeypatch):
    network = some(build(SPEC))
    removed, estimate = images(*shape).numpy(), 5 * images(*shape).numpy()
    whole = finish(correction.correction(network, SPEC.halo, removed, estimate))
    assert whole.shape == shape
    assert whole.any()
    monkeypatch.setattr(correction, "PART_PIXELS", 61 * 16)
    parts = finish(correction.correction(network, SPEC.halo, removed, estimate))
    assert abs(parts - whole).max() < 1e-5


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_far_hardly_matters_to_the_bundled_ones(name, monkeypatch):
    network, record = load(name)
    shape = (3, 480, 40)
    smooth = torch.nn.functional.avg_pool2d(images(*shape), 9, 1, padding=4).numpy()
    removed, estimate = images(*shape).numpy(), 60 * smooth
    whole = finish(correction.correction(network, record.halo, removed, estimate))
    monkeypatch.setattr(correction, "PART_PIXELS", 40 * 64)
    parts = finish(correction.correction(network, record.halo, removed, estimate))
    assert whole.std() > 0.01
    assert 0 < (parts - whole).std() < 0.01 * whole.std()


def test_the_answer_is_the_same_to_a_mirrored_negative():
    network = some(build(SPEC))
    removed, estimate = images(3, 40, 56).numpy(), 5 * images(3, 40, 56).numpy()
    mirrored = (-images[:, :, ::-1] for images in (removed, estimate))
    found = finish(correction.correction(network, SPEC.halo, removed, estimate))
    again = finish(correction.correction(network, SPEC.halo, *mirrored))
    assert found.any()
    np.testing.assert_allclose(-again[:, :, ::-1], found, atol=1e-5)


def test_one_view_is_the_answer_of_the_network():
    network = some(build(SPEC))
    removed, estimate = images(3, 40, 56).numpy(), 5 * images(3, 40, 56).numpy()
    found = finish(correction.correction(network, SPEC.halo, removed, estimate, views=1))
    maps = [torch.from_numpy(each)[None] for each in (removed, estimate)]
    scale = torch.from_numpy(correction.scales(estimate))[None]
    expected = network(*maps, *maps, scale)[0].detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_halo_is_that_of_the_bundled_one():
    assert RefinerSpec(widths=(32, 48, 64, 96), blocks=(2, 3, 3, 4)).halo == 304
    assert {load(name)[1].halo for name in NETWORKS} == {304}
    with pytest.raises(ValueError, match="one of each for every level"):
        RefinerSpec(widths=(4, 6), blocks=(1,))
    assert isinstance(build(SPEC), Refiner)
