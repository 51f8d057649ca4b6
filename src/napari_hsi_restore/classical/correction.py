"""What the refiner adds to an estimate, computed part by part."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from napari_hsi_restore.classical.refined import PART_PIXELS
from napari_hsi_restore.models.architectures.refiner import LEADING, Refiner
from napari_hsi_restore.noise.portion import portion

Image = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]
View = Callable[[torch.Tensor], torch.Tensor]
"""One way to look at images, (..., y, x); twice is the same again."""

_FAR = 96
"""Pixels beyond which hardly anything decides what the bundled weights answer."""


def scales(estimate: Image) -> Image:
    """Root mean square of each component, at least 1, float32 (components,)."""
    energy = np.square(estimate).mean(axis=(1, 2), dtype=np.float64)
    found: Image = np.sqrt(np.maximum(energy, 1.0)).astype(np.float32)
    return found


def correction(
    network: Refiner, halo: int, removed: Image, estimate: Image, *, views: int = 2
) -> Generator[float, None, Image]:
    """What the network adds to an estimate: its answers to one or two views of it, on average.

    Parameters
    ----------
    network : Refiner
    halo : int
        Pixels around a part that decide what comes out in it, a multiple of
        `Refiner.multiple`. No more than about 96 are taken: what is farther decides less than
        a hundredth of the correction by the bundled weights.
    removed, estimate : float32 ndarray, (components, y, x)
        In the axes of `napari_hsi_restore.classical.ngmeet.axes_of`, in units of the noise.
    views : int
        1, or 2 for the mean with the answer to the mirrored negative.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (components, y, x)
    """
    count, height, width = estimate.shape
    scale = scales(estimate)
    result = np.empty_like(estimate)
    halo = min(halo, -(-_FAR // network.multiple) * network.multiple)
    parts = list(_parts(height, width, network.multiple))
    total = len(parts) * count
    for number, rows in enumerate(parts):
        begin = max(0, rows.start - halo)
        around = slice(begin, min(height, rows.stop + halo))
        inside = slice(rows.start - begin, rows.stop - begin)
        seen = _Seen.of(network, removed[:, around], estimate[:, around], scale)
        for index in range(count):
            done = number * count + index
            steps = _one(seen, index, _VIEWS[:views])
            found = yield from portion(steps, done / total, (done + 1) / total)
            result[index, rows] = found[inside]
    return result


def _parts(height: int, width: int, multiple: int) -> Iterator[slice]:
    """Rows of the parts, each but the last one a multiple of what the network folds."""
    rows = max(multiple, PART_PIXELS // max(1, width) // multiple * multiple)
    for start in range(0, height, rows):
        yield slice(start, min(start + rows, height))


@dataclasses.dataclass(frozen=True, eq=False)
class _Seen:
    """What a network sees of a part of the image, whichever component is corrected."""

    network: Refiner
    removed: Image
    estimate: Image
    scale: Image
    beside: torch.Tensor

    @classmethod
    def of(cls, network: Refiner, removed: Image, estimate: Image, scale: Image) -> _Seen:
        leading = np.minimum(np.arange(LEADING), len(estimate) - 1)
        maps = (_tensor(network, images[leading]) for images in (removed, estimate))
        with torch.inference_mode():
            beside = network.beside(*maps)
        return cls(network, removed, estimate, scale, beside)

    def stages(self, index: int, view: View) -> Iterator[torch.Tensor]:
        """Those of the network for a component."""
        one = slice(index, index + 1)
        removed, estimate = (
            view(_tensor(self.network, images[one])) for images in (self.removed, self.estimate)
        )
        level = torch.from_numpy(self.scale[one])[None].to(removed.device)
        return self.network.stages(removed, estimate, view(self.beside), level)


def _one(seen: _Seen, index: int, views: Sequence[View]) -> Generator[float, None, Image]:
    """The correction of one component, (y, x); yields the fraction done, a few times a second."""
    height, width = seen.estimate.shape[1:]
    answers, count = [], seen.network.steps
    for number, view in enumerate(views):
        stages = seen.stages(index, view)
        for step in range(count):
            # Not around the whole: the mode would hold for the caller between two steps.
            with torch.inference_mode():
                found = next(stages)
            yield (number + (step + 1) / count) / len(views)
        answers.append(view(found)[0, 0, :height, :width].float().cpu().numpy())
    corrected: Image = np.mean(answers, axis=0)
    return corrected


def _tensor(network: Refiner, images: Image) -> torch.Tensor:
    """Images, (n, y, x), as the network takes them, (1, n, y, x)."""
    height, width = images.shape[1:]
    border = ((0, 0), (0, -height % network.multiple), (0, -width % network.multiple))
    found = torch.from_numpy(np.pad(images, border, mode="symmetric"))[None]
    return found.to(next(network.parameters()).device)


def _mirrored(images: torch.Tensor) -> torch.Tensor:
    """Left and right, bright and dark exchanged, (..., y, x); twice is the same again."""
    return -images.flip(-1)


_VIEWS: tuple[View, ...] = (torch.clone, _mirrored)
"""The answer is the mean over these views, or over the first of them."""
