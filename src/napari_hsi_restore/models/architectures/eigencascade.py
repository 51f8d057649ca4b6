"""EigenSR in stages, each of which enlarges what the one before gave [ours].

The later stages work at a higher resolution and correct what the earlier ones got wrong. The
idea is that of the Laplacian pyramid network (Lai et al., CVPR 2017), whose stages share their
features; here each stage is a whole `EigenSR` that sees the enlarged eigenimages, so that it can
begin with the weights of a network that was trained for its step alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from napari_hsi_restore.models.architectures.eigensr import EigenSR
from napari_hsi_restore.models.resampling import bicubic


class EigenCascade(nn.Module):
    """Detail of a fixed number of components at a higher resolution, found in stages.

    Parameters
    ----------
    scale : int
        Pixels out for a pixel in, along each side: a whole number to the power of `stages`.
    stages : int
        Each enlarges by that number.
    width, blocks, components : int
        Of each stage; see `EigenSR`.
    """

    def __init__(self, scale: int, stages: int, width: int, blocks: int, components: int) -> None:
        super().__init__()
        self.scale, self.components = scale, components
        self.step = round(scale ** (1 / stages))
        self.features = width * (scale // self.step) ** 2
        self.parts = nn.ModuleList(
            EigenSR(self.step, width, blocks, components) for _ in range(stages)
        )

    @property
    def steps(self) -> int:
        """How many values `stages` yields."""
        return sum(part.steps for part in self._each())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Find the detail of components; see `EigenSR.forward`."""
        *_, detail = self.stages(images)
        return detail

    def stages(self, images: torch.Tensor) -> Iterator[torch.Tensor]:
        """`forward` in steps that a caller can stop between; see `EigenSR.stages`."""
        enlarged = images
        for number, part in enumerate(self._each()):
            found = part.stages(enlarged)
            for _ in range(part.steps - 1):
                yield next(found)
            enlarged = bicubic(enlarged, self.step) + next(found).float()
            if number < len(self.parts) - 1:
                yield images
        yield enlarged - bicubic(images, self.scale)

    def begun(self, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Weights to begin with, of a smaller network or of one for a single stage.

        Parameters
        ----------
        weights : mapping of str to tensor
            A state of such a network, or one of an `EigenSR`, which all stages then begin
            with; each may be smaller, see `EigenSR.begun`.

        Returns
        -------
        dict of str to tensor
            A state of this network, if `weights` are of one of these.
        """
        found: dict[str, torch.Tensor] = {}
        for number, part in enumerate(self._each()):
            own = f"parts.{number}."
            of_part = {
                name.removeprefix(own): tensor
                for name, tensor in weights.items()
                if name.startswith(own)
            }
            grown = part.begun(of_part or weights)
            found |= {own + name: tensor for name, tensor in grown.items()}
        return found

    def _each(self) -> Iterator[EigenSR]:
        for part in self.parts:
            assert isinstance(part, EigenSR)
            yield part
