"""How good weights are on held-out pixels, and whether a gain is more than chance."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

BLOCK = 8
"""Side in pixels of the blocks whose errors are taken as independent of each other [ours]."""

SURE_OF_IT = 2.0
"""A gain counts if it is so many standard errors above zero [ours]."""


@dataclasses.dataclass(frozen=True, eq=False)
class Errors:
    """Squared errors of the held-out pixels of one cube.

    Attributes
    ----------
    total : float64 ndarray, (blocks,)
        Sum of the squared errors of the pixels of each block, white at 1, each the mean
        over the bands. Where they are estimated without a reference, single blocks may
        be negative.
    pixels : float64 ndarray, (blocks,)
        Valid pixels of each.
    least : float
        The mean squared error is taken to be no smaller.
    """

    total: Floats
    pixels: Floats
    least: float = 1e-12

    def raised(self, by: float, least: float) -> Errors:
        """The same with something added to the squared error of every pixel."""
        return Errors(self.total + by * self.pixels, self.pixels, least)

    @property
    def mean(self) -> float:
        """Mean squared error, above 0."""
        return max(float(self.total.sum() / self.pixels.sum()), self.least)


@dataclasses.dataclass(frozen=True, eq=False)
class Judgement:
    """What weights are worth.

    Attributes
    ----------
    cubes : tuple of Errors
        One for each cube with held-out pixels.
    """

    cubes: tuple[Errors, ...]

    @property
    def psnr(self) -> float:
        """Mean over the cubes of the PSNR of their held-out pixels in dB, peak 1."""
        return float(np.mean([-10.0 * math.log10(errors.mean) for errors in self.cubes]))

    def gain_over(self, start: Judgement) -> Gain:
        """Gain over other weights that were judged on the same pixels.

        Parameters
        ----------
        start : Judgement
        """
        gains, variances = [], []
        for ours, theirs in zip(self.cubes, start.cubes, strict=True):
            gains.append(10.0 * math.log10(theirs.mean / ours.mean))
            # Error of a mean of paired differences, carried over to dB.
            count = len(ours.total)
            per_block = (theirs.total - ours.total) / np.mean(ours.pixels)
            spread = float(np.std(per_block, ddof=1)) if count > 1 else math.inf
            mean = 0.5 * (ours.mean + theirs.mean)
            variances.append((10.0 / math.log(10.0) * spread / mean) ** 2 / count)
        error = math.sqrt(sum(variances)) / len(variances)
        return Gain(float(np.mean(gains)), error)


@dataclasses.dataclass(frozen=True)
class Gain:
    """A gain with its standard error.

    Attributes
    ----------
    db : float
    error_db : float
    """

    db: float
    error_db: float

    @property
    def is_real(self) -> bool:
        """Whether it is above zero by more than chance."""
        return self.db > SURE_OF_IT * self.error_db and self.db > 0.0


def errors_of(maps: Sequence[tuple[Floats, Mask]]) -> Errors:
    """Sum maps of squared errors over blocks.

    Parameters
    ----------
    maps : sequence of (float64 ndarray (y, x), bool ndarray (y, x))
        Squared errors, and the pixels that count.
    """
    totals, counts = [], []
    for error, valid in maps:
        for row in range(0, error.shape[0], BLOCK):
            for column in range(0, error.shape[1], BLOCK):
                block = slice(row, row + BLOCK), slice(column, column + BLOCK)
                count = int(valid[block].sum())
                if count:
                    totals.append(float(error[block][valid[block]].sum(dtype=np.float64)))
                    counts.append(float(count))
    return Errors(np.array(totals), np.array(counts))
