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

from collections.abc import Iterator, Mapping

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """``x + conv(relu(conv(x)))`` of 3 x 3 convolutions.

    Parameters
    ----------
    width : int
        Features in and out.
    bias : bool
        Whether the convolutions have one.
    """

    def __init__(self, width: int, *, bias: bool = True) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(batch, width, y, x) to the same shape."""
        inner = functional.relu(self.first(features), inplace=True)
        # Into what is there already: new memory takes a core time.
        result: torch.Tensor = self.second(inner)
        result += features
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

    def begun(self, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Weights with which this network does what a smaller one does, to learn on.

        Blocks that the smaller one does not have begin as nothing. Features that it does not
        have are seen by none of its own at first (the idea of Net2Net, Chen, Goodfellow and
        Shlens, ICLR 2016).

        Parameters
        ----------
        weights : mapping of str to tensor
            Of a network with the same scale and components, and at most as many features and
            blocks.

        Returns
        -------
        dict of str to tensor
            A state of this network; `weights` themselves if they are of no such network.
        """
        own = self.state_dict()
        if not _is_smaller(weights, own):
            return dict(weights)
        found = {}
        for name, tensor in own.items():
            layer = name.split(".")[-2]
            # Only what is random leads from old features to new ones, and nothing leads back.
            grown = tensor.clone() if layer in {"head", "first"} else torch.zeros_like(tensor)
            old = weights.get(name)
            if old is not None:
                grown[: len(old)] = 0.0
                grown[tuple(slice(length) for length in old.shape)] = old
            found[name] = grown
        return found

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


def _is_smaller(weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> bool:
    """Whether weights are of a network like one's own, with at most its features and blocks."""
    ends = {name for name in own if not name.startswith("body.")}
    if not ends <= set(weights) <= set(own):
        return False
    components = weights["head.weight"].shape[1], len(weights["last.weight"])
    return components == (own["head.weight"].shape[1], len(own["last.weight"])) and all(
        mine >= theirs
        for name, tensor in weights.items()
        for mine, theirs in zip(own[name].shape, tensor.shape, strict=True)
    )
