"""The network that looks over what `ngmeet` removed, and gives a part of it back [ours].

Patches alone cannot tell a faint structure that appears once from noise; a network that has
seen many scenes can. It works on one eigenimage at a time, with the same weights for all, so
that it takes any number of bands, and sees the leading ones beside it: edges that drown in
the noise of a weak eigenimage are plain in a strong one. It starts where `ngmeet` ends: its
last convolution begins at zero, so the untrained network changes nothing.

The body is a small U-Net (Ronneberger, Fischer and Brox, MICCAI 2015) of residual blocks on
pixels folded two by two into channels (as in FFDNet, Zhang, Zuo and Zhang, IEEE TIP 27(9),
2018), which makes it four times as fast.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn
from torch.nn import functional

from napari_hsi_restore.models.architectures.eigensr import Block

LEADING = 3
"""Eigenimages that are seen beside the one that is corrected."""

_WINDOW = 7
_FOLD = 2
_MAPS = 3 + 2 * LEADING


def _blocks(width: int, count: int) -> nn.Sequential:
    blocks = [Block(width, bias=False) for _ in range(count)]
    for block in blocks:
        nn.init.zeros_(block.second.weight)
    return nn.Sequential(*blocks)


class Refiner(nn.Module):
    """What is missing in denoised eigenimages.

    Parameters
    ----------
    widths : sequence of int
        Features of each level of the U, from the finest, which has half the resolution of
        the image, to the coarsest.
    blocks : sequence of int
        Residual blocks of each level, on the way down and again on the way up; once at the
        coarsest.
    """

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        inner = list(zip(widths[:-1], blocks[:-1], strict=True))
        steps = list(itertools.pairwise(widths))
        folded = _FOLD * _FOLD
        self.multiple = _FOLD * 2 ** len(steps)
        self.head = nn.Conv2d(_MAPS * folded + 1, widths[0], 3, padding=1)
        self.enter = nn.ModuleList(_blocks(width, count) for width, count in inner)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2, bias=False) for a, b in steps)
        self.middle = _blocks(widths[-1], blocks[-1])
        self.up = nn.ModuleList(nn.Conv2d(b, a * 4, 1, bias=False) for a, b in steps)
        self.leave = nn.ModuleList(_blocks(width, count) for width, count in inner)
        self.tail = nn.Conv2d(widths[0], folded, 3, padding=1)
        for parameter in self.tail.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self,
        removed: torch.Tensor,
        estimate: torch.Tensor,
        leading_removed: torch.Tensor,
        leading_estimate: torch.Tensor,
        scale: torch.Tensor,
    ) -> torch.Tensor:
        """Find what has to be added to the estimate.

        Parameters
        ----------
        removed, estimate : tensor, (batch, components, y, x)
            Noisy minus denoised, and denoised, in units of the noise; sides are multiples
            of `multiple`.
        leading_removed, leading_estimate : tensor, (batch, LEADING, y, x)
            The same of the strongest components.
        scale : tensor, (batch, components)
            Root mean square of each denoised component, at least 1.

        Returns
        -------
        tensor, (batch, components, y, x)
        """
        beside = self.beside(leading_removed, leading_estimate)
        *_, found = self.stages(removed, estimate, beside, scale)
        return found

    def beside(self, leading_removed: torch.Tensor, leading_estimate: torch.Tensor) -> torch.Tensor:
        """What is seen of the strongest components, whichever component is corrected.

        Parameters
        ----------
        leading_removed, leading_estimate
            As for `forward`.

        Returns
        -------
        tensor, (batch, 2 * LEADING, y, x)
            Mirrored and negative for images that are mirrored and negative.
        """
        return torch.cat((_detail(leading_estimate), leading_removed), dim=1)

    def begun(self, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Weights with which this network does what a smaller one does, to learn on.

        Blocks that the smaller one does not have begin as nothing, and so do deeper levels.

        Parameters
        ----------
        weights : mapping of str to tensor
            Of a network with the same widths at its levels, and with at most as many blocks.

        Returns
        -------
        dict of str to tensor
            Every weight of this network, if `weights` has nothing that this one lacks.
        """
        levels = sum(name.startswith("down.") for name in weights)
        own = len(self.down)
        middle = "middle." if levels == own else f"enter.{levels}."
        found = self.state_dict()
        for level in range(levels, own):
            found[f"up.{level}.weight"] = torch.zeros_like(found[f"up.{level}.weight"])
        for name, tensor in weights.items():
            found[name.replace("middle.", middle, 1)] = tensor
        return found

    @property
    def steps(self) -> int:
        """How many values `stages` yields."""
        blocks = sum(len(part) for part in (*self.enter, *self.leave))
        return 1 + blocks + len(self.middle) + 1

    def stages(
        self,
        removed: torch.Tensor,
        estimate: torch.Tensor,
        beside: torch.Tensor,
        scale: torch.Tensor,
    ) -> Iterator[torch.Tensor]:
        """`forward` in steps that a caller can stop between.

        Parameters
        ----------
        removed, estimate, scale
            As for `forward`.
        beside : tensor, (batch, 2 * LEADING, y, x)
            What `beside` gives.

        Yields
        ------
        tensor
            Features, once at the entrance and once a block; then what has to be added to
            the estimate.
        """
        batch, components, height, width = removed.shape
        own = torch.stack((removed, _detail(estimate), estimate / scale[:, :, None, None]), dim=2)
        beside = beside[:, None].expand(-1, components, -1, -1, -1)
        maps = torch.cat((own, beside), dim=2).flatten(0, 1)
        folded = functional.pixel_unshuffle(maps, _FOLD)
        level = (torch.log(scale) / 3.0).reshape(-1, 1, 1, 1)
        level = level.expand(-1, 1, *folded.shape[2:]).to(folded.dtype)
        features = torch.cat((folded, level), dim=1).contiguous(memory_format=torch.channels_last)
        features = self.head(features)
        yield features
        kept = []
        for enter, down in zip(self.enter, self.down, strict=True):
            for block in _each(enter):
                features = block(features)
                yield features
            kept.append(features)
            features = down(features)
        for block in self.middle:
            features = block(features)
            yield features
        levels = list(zip(self.up, self.leave, kept, strict=True))
        for enlarge, leave, beneath in reversed(levels):
            features = functional.pixel_shuffle(enlarge(features), 2) + beneath
            for block in _each(leave):
                features = block(features)
                yield features
        result = functional.pixel_shuffle(self.tail(features), _FOLD)
        yield result.reshape(batch, components, height, width)


def _each(blocks: nn.Module) -> Iterator[nn.Module]:
    assert isinstance(blocks, nn.Sequential)
    yield from blocks


def _detail(images: torch.Tensor) -> torch.Tensor:
    """What stands out of the neighbourhood, large values compressed, (batch, any, y, x)."""
    border = _WINDOW // 2
    padded = functional.pad(images, (border,) * 4, mode="replicate")
    return torch.asinh(images - functional.avg_pool2d(padded, _WINDOW, 1))
