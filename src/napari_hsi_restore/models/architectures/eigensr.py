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
