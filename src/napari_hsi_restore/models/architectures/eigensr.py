"""EigenSR, super-resolution of a few eigenimages at once [this project's own network].

The bands of a cube share nearly all of their detail. A principal component analysis
of its spectra collects it in a few components, and one residual network of ordinary
2-D convolutions sees them all together, so that the cost does not grow with the
bands. It gives detail only: the cube is enlarged by bicubic resampling and the detail
of the components is added to it, so nothing outside the components is lost.

The body is that of a residual network without normalisation (Lim et al., EDSR, CVPR
Workshops 2017), the tail one sub-pixel convolution (Shi et al., CVPR 2016). The last
convolution starts at zero, so that the untrained network is bicubic.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """``x + conv(relu(conv(x)))`` of 3 x 3 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, width, y, x) to the same shape."""
        inner = functional.relu(self.first(features), inplace=True)
        result: torch.Tensor = features + self.second(inner)
        return result


class EigenSR(nn.Module):
    """Detail of a fixed number of components at a higher resolution.

    Parameters
    ----------
    scale : int
        Pixels out for a pixel in, along each side.
    width : int
        Features.
    blocks : int
        Residual blocks.
    components : int
        Components; a cube with fewer gets empty ones.
    """

    def __init__(self, scale: int, width: int, blocks: int, components: int) -> None:
        super().__init__()
        self.scale, self.components = scale, components
        self.features = width
        self.head = nn.Conv2d(components, width, 3, padding=1)
        self.body = nn.ModuleList(Block(width) for _ in range(blocks))
        self.deep = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, components * scale * scale, 3, padding=1)
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    @property
    def steps(self) -> int:
        """How many values `stages` yields."""
        return len(self.body) + 1

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Find the detail of components.

        Parameters
        ----------
        images : tensor, (batch, components, y, x)
            Of about unit variance.

        Returns
        -------
        tensor, (batch, components, scale y, scale x)
            What has to be added to the bicubic enlargement, in the same units.
        """
        *_, detail = self.stages(images)
        return detail

    def stages(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        """`forward` in steps that a caller can stop between.

        Yields
        ------
        tensor
            The input, once a block; then the detail.
        """
        shallow = self.head(images.contiguous(memory_format=torch.channels_last))
        features = shallow
        for block in self.body:
            features = block(features)
            yield images
        features = shallow + self.deep(features)
        yield functional.pixel_shuffle(self.last(features), self.scale)

    def begun(self, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Weights to begin with: those of a smaller network, filled up to the size of this one.

        The filled-up network gives what the small one gave and can learn on from there:
        what is new is random, but nothing that was there before listens to it yet (Chen,
        Goodfellow and Shlens, "Net2Net", ICLR 2016, preserve the function as well, with
        copies in place of random features).

        Parameters
        ----------
        weights : dict of tensor
            A state of a network with no more features and no more blocks, for as many
            components and the same scale.

        Returns
        -------
        dict of tensor
            A state of this network; `weights` themselves if they are of another kind.
        """
        own = self.state_dict()
        if not _grows(weights, own):
            return weights
        filled = dict(weights)
        for name, start in own.items():
            if name in weights:
                filled[name] = _padded(start, weights[name])
            else:
                # A new block: the input goes past it.
                filled[name] = torch.zeros_like(start) if ".second." in name else start.clone()
        return filled


def _grows(weights: dict[str, torch.Tensor], own: dict[str, torch.Tensor]) -> bool:
    """Whether a state fits into a larger one, with the same inputs and outputs."""
    if not weights.keys() <= own.keys():
        return False
    shapes = [(own[name].shape, old.shape) for name, old in weights.items()]
    fits = all(
        len(new) == len(old) and all(a >= b for a, b in zip(new, old, strict=True))
        for new, old in shapes
    )
    return (
        fits
        and {"head.weight", "last.weight"} <= weights.keys()
        and weights["head.weight"].shape[1] == own["head.weight"].shape[1]
        and weights["last.weight"].shape[0] == own["last.weight"].shape[0]
    )


def _padded(start: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """`start` with `old` in its first corner, and zeros where new inputs meet old outputs."""
    filled = start.clone()
    filled[: old.shape[0]] = 0
    filled[tuple(slice(length) for length in old.shape)] = old
    return filled
