import pytest
import torch
from torch import nn
from torch.nn import functional

from napari_hsi_restore.models.architectures.tail import joined


def a_tail(factors, width):
    torch.manual_seed(sum(factors))
    steps = [
        nn.Sequential(nn.Conv2d(width, factor**2 * width, 3, padding=1), nn.PixelShuffle(factor))
        for factor in factors
    ]
    return nn.ModuleList(steps).double(), nn.Conv2d(width, 1, 3, padding=1).double()


@pytest.mark.parametrize("factors", [(), (2,), (3,), (2, 2), (2, 2, 2), (3, 2)])
def test_one_convolution_gives_what_the_steps_give_one_by_one(factors):
    steps, last = a_tail(factors, 3)
    features = torch.randn(2, 3, 9, 8, dtype=torch.double)
    one_by_one = features
    for step in steps:
        one_by_one = step(one_by_one)
    one_by_one = last(one_by_one)

    kernel, bias = joined(steps, last)
    found = functional.conv2d(features, kernel, bias, padding=kernel.shape[-1] // 2)
    scale = round(len(bias) ** 0.5)
    found = functional.pixel_shuffle(found, scale)

    edge = 2 * scale
    inside = (..., slice(edge, -edge), slice(edge, -edge))
    torch.testing.assert_close(found[inside], one_by_one[inside])


def test_every_step_learns():
    steps, last = a_tail((2, 2), 3)
    kernel, bias = joined(steps, last)
    (kernel.square().sum() + bias.square().sum()).backward()
    for parameter in [*steps.parameters(), *last.parameters()]:
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0


def test_half_precision_around_it_changes_nothing():
    steps, last = a_tail((2,), 3)
    steps, last = steps.float(), last.float()
    with torch.autocast("cpu", torch.bfloat16):
        within = joined(steps, last)
    torch.testing.assert_close(within, joined(steps, last), atol=0, rtol=0)
