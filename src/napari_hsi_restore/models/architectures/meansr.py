"""Several networks that enlarge, side by side: the mean of their answers is the result [ours].

Networks of different kinds are wrong in different places, so that their mean mostly has a smaller
error than each of them, as Hansen and Salamon say of networks that were trained apart (IEEE TPAMI
12(10), 1990). How a cube goes through each is its own affair
(`napari_hsi_restore.restore.enlargers`).
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn


class MeanSR(nn.Module):
    """Networks that enlarge by the same scale.

    Parameters
    ----------
    scale : int
        Pixels out for a pixel in, along each side.
    members : iterable of Module
        `CoarSR` or EigenSR networks.
    """

    def __init__(self, scale: int, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.scale = scale
        self.members = nn.ModuleList(members)
