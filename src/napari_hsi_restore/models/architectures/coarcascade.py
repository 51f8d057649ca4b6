"""CoarSR applied again to what it gave [ours].

A network that enlarges by 2, applied twice, enlarges by 4: antialiased shrinking by 4 is nearly
that by 2, done twice, so that each step meets what the network has learned, and the features of
the second are those of a larger image.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from napari_hsi_restore.models.architectures.coarsr import CoarSR
from napari_hsi_restore.models.neighbours import partition


class CoarCascade(nn.Module):
    """One CoarSR network in stages, for any number of bands.

    Parameters
    ----------
    part : CoarSR
        Every stage is this network.
    stages : int
        How often it is applied.
    """

    def __init__(self, part: CoarSR, stages: int) -> None:
        super().__init__()
        self.part, self.stages = part, stages
        self.scale = part.scale**stages

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
        enlarged: torch.Tensor = self.part(planes, starts)
        for _ in range(self.stages - 1):
            bands = enlarged.shape[1]
            table = partition(bands)
            if inner is not None and bands > inner:
                table, starts = table[2:-2], starts[2:-2]
            planes = enlarged[:, torch.from_numpy(table).to(enlarged.device)]
            enlarged = self.part(planes, starts)
        return enlarged

    def begun(self, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Weights to begin with, of such a network or of its part alone.

        Parameters
        ----------
        weights : mapping of str to tensor

        Returns
        -------
        dict of str to tensor
            A state of this network, if `weights` are of one of these.
        """
        return {f"part.{name.removeprefix('part.')}": each for name, each in weights.items()}
