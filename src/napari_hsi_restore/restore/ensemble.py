"""A network's mean answer to a block that is turned and mirrored.

A network that was trained on turned patches should give the same for a turned block, but
not quite does; the mean of its answers has a smaller error. Known as geometric
self-ensemble (Lim et al., EDSR, CVPR Workshops 2017).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from napari_hsi_restore.restore.enlargers import Block, Enlarged, Enlarger, mean_bytes
from napari_hsi_restore.restore.superres_recipe import TURNS


@dataclasses.dataclass(frozen=True, eq=False)
class EnsembleEnlarger:
    """The mean over all turns and mirrorings; see `napari_hsi_restore.restore.enlargers.Enlarger`.

    Attributes
    ----------
    inner : Enlarger
    bands, scale : int
        Of the block, and pixels out for a pixel in.
    """

    inner: Enlarger
    bands: int
    scale: int

    @property
    def halo(self) -> int:
        """See `Enlarger.halo`."""
        return self.inner.halo

    def bytes(self, pixels: float) -> float:
        """What one view takes, and the mean so far."""
        return self.inner.bytes(pixels) + mean_bytes(pixels, self.bands, self.scale)

    def enlarge(self, block: Block, available: float) -> Iterator[tuple[float, Enlarged | None]]:
        """See `Enlarger.enlarge`; the bands come with the last view."""
        bands, height, width = block.shape
        mean = np.zeros((bands, height * self.scale, width * self.scale), np.float32)
        rest = available - mean_bytes(height * width, bands, self.scale)
        for view in range(TURNS):
            for fraction, ready in self.inner.enlarge(turned(block, view), rest):
                if ready is not None:
                    mean[ready.bands] += turned_back(ready.values, view) / np.float32(TURNS)
                    if view == TURNS - 1:
                        yield (view + fraction) / TURNS, Enlarged(ready.bands, mean[ready.bands])
                        continue
                yield (view + fraction) / TURNS, None


def turned(block: Block, view: int) -> Block:
    """A block, (bands, y, x), as one of the views 0..7 has it; its sides may swap."""
    mirrored = block[:, :, ::-1] if view >= TURNS // 2 else block
    return np.ascontiguousarray(np.rot90(mirrored, view % 4, axes=(1, 2)))


def turned_back(block: Block, view: int) -> Block:
    """The inverse of `turned`."""
    straight = np.rot90(block, -(view % 4), axes=(1, 2))
    return straight[:, :, ::-1] if view >= TURNS // 2 else straight
