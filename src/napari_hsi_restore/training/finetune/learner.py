"""What the fine-tuning loop needs to know of a kind of network."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from napari_hsi_restore.training.finetune.judging import Judgement
from napari_hsi_restore.training.tasks import Learner


@dataclasses.dataclass(frozen=True, eq=False)
class Patch:
    """A small held-out piece to look at, white at 1.

    Attributes
    ----------
    noisy, restored : float32 ndarray, (bands, y, x)
    reference : float32 ndarray, (bands, y, x), or None
    wavelengths_nm : float64 ndarray, (bands,), or None
    """

    noisy: npt.NDArray[np.float32]
    restored: npt.NDArray[np.float32]
    reference: npt.NDArray[np.float32] | None
    wavelengths_nm: npt.NDArray[np.float64] | None


class Tuning(Learner, Protocol):
    """A network with the cubes that it is fine-tuned on."""

    def gather(self) -> Iterator[float]:
        """Lay out what is learned from; yields the fraction that is done."""

    def prepare(self) -> Iterator[float]:
        """Lay out the held-out pixels, after `gather`; yields the fraction that is done."""

    def losses(self, network: Any, step: int) -> Iterator[torch.Tensor]:
        """The loss of a step in parts, whose sum it is; each fits in the memory alone."""

    def judge(self, network: Any) -> Generator[None, None, Judgement]:
        """Errors of a network on the held-out pixels; yields often."""

    def patch(self, network: Any) -> Generator[None, None, Patch]:
        """The liveliest held-out piece as a network restores it."""

    def shrink(self) -> int | None:
        """Halve the batch and return its size; None where it cannot become smaller."""
