"""A sub-pixel tail without rectifiers, put together to one convolution.

Steps of convolution and pixel shuffle (Shi et al., CVPR 2016) with nothing between them but the
next step are linear, and a pixel shuffle only renames: what they give for a pixel and its
sub-pixels depends on a few pixels of the lowest resolution, by weights that can be computed once.
That takes a small part of the work, and no memory for features at the higher resolutions.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional


def joined(steps: nn.ModuleList, last: nn.Conv2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Steps of a tail and the convolution to one image after them, as one convolution.

    The result differs from theirs in the outermost two pixels only, where each of them sees zeros
    beyond the edge at its own resolution.

    Parameters
    ----------
    steps : ModuleList of Sequential
        Each a convolution of 3 x 3 pixels and a pixel shuffle.
    last : Conv2d
        Of 3 x 3 pixels, with one output.

    Returns
    -------
    kernel : tensor, (n, width, size, size)
        For the n sub-pixels of a pixel, row by row: what a pixel shuffle takes. `size` is 5, or 3
        without a step. Gradients go back to the weights of every step.
    bias : tensor, (n,)
    """
    # In half precision errors would add up from step to step.
    with torch.autocast(last.weight.device.type, enabled=False):
        kernel, bias = last.weight[None], last.bias
        assert bias is not None
        for step in reversed(steps):
            assert isinstance(step, nn.Sequential)
            conv, shuffle = step
            assert isinstance(conv, nn.Conv2d)
            assert isinstance(shuffle, nn.PixelShuffle)
            assert conv.bias is not None
            factor = shuffle.upscale_factor
            bias = bias.reshape(len(kernel), -1).repeat(factor, factor).flatten()
            kernel = _before_shuffle(kernel, factor)
            every = kernel.flatten(0, 1)
            bias = bias + every.sum(dim=(2, 3)) @ conv.bias
            # What a transposed convolution makes of a kernel is one for both, one after the other.
            both = functional.conv_transpose2d(every, conv.weight)
            kernel = torch.unflatten(both, 0, kernel.shape[:2])
    return kernel.flatten(0, 1), bias


def _before_shuffle(kernel: torch.Tensor, factor: int) -> torch.Tensor:
    """A convolution of what a pixel shuffle gives, as one of what it takes.

    Parameters
    ----------
    kernel : tensor, (rows, columns, channels, size, size)
        For each of the sub-pixels that it gives for a pixel.
    factor : int
        Of the shuffle.

    Returns
    -------
    tensor, (factor * rows, factor * columns, channels * factor * factor, 3, 3)
    """
    rows, columns, channels, size, _ = kernel.shape
    parts = []
    for down in range(factor):
        for right in range(factor):
            above, left = (factor + offset - size // 2 for offset in (down, right))
            below, after = (3 * factor - size - before for before in (above, left))
            parts.append(functional.pad(kernel, (left, after, above, below)))
    shape = (factor, factor, rows, columns, channels, 3, factor, 3, factor)
    ordered = torch.stack(parts).reshape(shape).permute(0, 2, 1, 3, 4, 6, 8, 5, 7)
    return ordered.reshape(factor * rows, factor * columns, channels * factor**2, 3, 3)
