"""CoarSR in stages, each of which enlarges what the one before gave [ours].

A network that enlarges by 2 and is applied twice enlarges by 4, with features at every
resolution but the last, where one for 4 has only its tail; trained on together, the second
learns from the errors of the first. As in `napari_hsi_restore.models.architectures.eigencascade`,
the idea is that of the Laplacian pyramid network (Lai et al., CVPR 2017).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn

from napari_hsi_restore.models.architectures.coarsr import CoarSR
from napari_hsi_restore.models.neighbours import partition


class CoarCascade(nn.Module):
    """CoarSR networks in a row, for any number of bands.

    Parameters
    ----------
    scale : int
        Pixels out for a pixel in, along each side: a whole number to the power of `stages`.
    stages : int
        Each enlarges by that number.
    width : int
        Features of each stage.
    """

    def __init__(self, scale: int, stages: int, width: int) -> None:
        super().__init__()
        self.scale, self.width = scale, width
        step = round(scale ** (1 / stages))
        self.parts = nn.ModuleList(CoarSR(step, width) for _ in range(stages))

    def forward(
        self, planes: torch.Tensor, starts: torch.Tensor, inner: int | None = None
    ) -> torch.Tensor:
        """Enlarge bands.

        Parameters
        ----------
        planes, starts
            As for `CoarSR.forward`, of bands at even distances in ascending order.
        inner : int, optional
            Bands in the middle of the run that are wanted; the others are then neighbours in
            the further stages, in each of which the run becomes shorter by two bands at each
            end until so many are left. By default all are wanted, and the run counts as a whole
            cube.

        Returns
        -------
        float32 tensor, (batch, bands, scale y, scale x)
        """
        *first, last = self.each()
        for part in first:
            enlarged = part(planes, starts)
            bands = enlarged.shape[1]
            table = partition(bands)
            if inner is not None and bands > inner:
                table, starts = table[2:-2], starts[2:-2]
            planes = enlarged[:, torch.from_numpy(table).to(enlarged.device)]
        result: torch.Tensor = last(planes, starts)
        return result

    def begun(self, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Weights to begin with, of such a network or of one for a single stage.

        Parameters
        ----------
        weights : mapping of str to tensor
            A state of such a network, or one of a `CoarSR`, which all stages then begin with.

        Returns
        -------
        dict of str to tensor
            A state of this network, if `weights` are of one of these.
        """
        if any(name.startswith("parts.") for name in weights):
            return dict(weights)
        return {
            f"parts.{number}.{name}": tensor
            for number in range(len(self.parts))
            for name, tensor in weights.items()
        }

    def each(self) -> Iterator[CoarSR]:
        """The stages, in order."""
        for part in self.parts:
            assert isinstance(part, CoarSR)
            yield part
