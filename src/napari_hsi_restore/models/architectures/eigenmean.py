"""The mean of several EigenSR networks, whose errors are not the same [ours].

Networks of different shape, or trained differently, err differently where the detail is
uncertain; their mean errs less than any of them, as that of the eight turns does. The price is
the time of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import nn

from napari_hsi_restore.models.architectures.eigencascade import EigenCascade
from napari_hsi_restore.models.architectures.eigensr import EigenSR


class EigenMean(nn.Module):
    """Detail of a fixed number of components at a higher resolution, a mean of answers.

    Parameters
    ----------
    networks : sequence of EigenSR or EigenCascade
        For the same scale and number of components.
    """

    def __init__(self, networks: Sequence[EigenSR | EigenCascade]) -> None:
        super().__init__()
        self.scale, self.components = networks[0].scale, networks[0].components
        self.features = max(network.features for network in networks)
        self.networks = nn.ModuleList(networks)

    @property
    def steps(self) -> int:
        """How many values `stages` yields."""
        return sum(network.steps for network in self._each())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Find the detail of components; see `EigenSR.forward`."""
        *_, detail = self.stages(images)
        return detail

    def stages(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        """`forward` in steps that a caller can stop between; see `EigenSR.stages`."""
        total: torch.Tensor | None = None
        for network in self._each():
            if total is not None:
                yield images
            found = network.stages(images)
            for _ in range(network.steps - 1):
                yield next(found)
            detail = next(found).float()
            total = detail if total is None else total + detail
        assert total is not None
        yield total / len(self.networks)

    def _each(self) -> Iterator[EigenSR | EigenCascade]:
        for network in self.networks:
            assert isinstance(network, EigenSR | EigenCascade)
            yield network
