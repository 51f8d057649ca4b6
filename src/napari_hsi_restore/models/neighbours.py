"""Which bands a band is seen together with: the neighbouring band partition.

The partition is that of CoarSR (Li, Yuan, Jia, Wang, IEEE TIP 31, 2022): every target
band stands in three groups, alone, with its nearest pair of neighbours and with the
next pair. How it follows the wavelengths of a real sensor is this project's choice:

* bands are put in ascending order of wavelength;
* they are cut where the wavelengths show a gap (removed water bands) or start again
  (a second spectrometer whose range overlaps the first), and each piece is a cube of
  its own, so that no band ever has a neighbour across a cut;
* a piece of fewer than five bands has too few neighbours for the table. A slot that
  no unused band is left for repeats the other band of its pair; a pair without any
  repeats the nearer pair; a band that is alone is its own neighbour.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.intp]
Wavelengths = npt.NDArray[np.float64]

PLANES = 5
"""Bands that a network sees for each target: itself and two pairs."""

GAP_FACTOR = 2.5
"""A step of so many typical steps is a gap; one missing band (2) is not [ours]."""

_AROUND = 5
_FULL = 5


@dataclasses.dataclass(frozen=True, eq=False)
class BandSequence:
    """The bands of a cube in the order of a recurrent network, with their neighbours.

    Attributes
    ----------
    planes : intp ndarray, (bands, 5)
        Indices of bands in the cube, for every place of the sequence: the target,
        the left and right band of the nearest pair, the left and right band of the
        next pair.
    starts : bool ndarray, (bands,)
        Whether the place begins a piece, across whose edge nothing is carried.
    """

    planes: Indices
    starts: npt.NDArray[np.bool_]

    @property
    def order(self) -> Indices:
        """Band of the cube at every place of the sequence, (bands,)."""
        return self.planes[:, 0]


def band_sequence(bands: int, wavelengths_nm: npt.NDArray[Any] | None = None) -> BandSequence:
    """Order the bands of a cube and find the neighbours of each.

    Parameters
    ----------
    bands : int
        At least 1.
    wavelengths_nm : ndarray, (bands,), optional
        Band centres in any order, possibly repeated. Without them, or if one is not
        finite, the bands count as even and in order.

    Returns
    -------
    BandSequence
        For even, ascending bands the published table (`partition`).

    Raises
    ------
    ValueError
        For no band, or a wrong number of wavelengths.
    """
    if bands < 1:
        raise ValueError("a cube has at least one band")
    if wavelengths_nm is None or not np.all(np.isfinite(wavelengths_nm)):
        pieces = [np.arange(bands)]
    else:
        centres = np.asarray(wavelengths_nm, dtype=np.float64)
        if centres.shape != (bands,):
            raise ValueError(f"{centres.size} wavelengths for {bands} bands")
        pieces = [
            part for run in _ascending_runs(centres) for part in _without_gaps(run, centres[run])
        ]
    planes = np.concatenate([piece[partition(len(piece))] for piece in pieces])
    starts = np.zeros(bands, dtype=bool)
    starts[np.cumsum([0, *(len(piece) for piece in pieces[:-1])])] = True
    return BandSequence(planes, starts)


def partition(bands: int) -> Indices:
    """The neighbouring band partition of consecutive bands, (bands, 5).

    Columns as in `BandSequence.planes`. From five bands on it is the published table:

    ========  ===================  ===================
    target    nearest pair         next pair
    ========  ===================  ===================
    2..L-3    i - 1, i + 1         i - 2, i + 2
    0         1, 2                 3, 4
    1         0, 2                 3, 4
    L-2       L - 3, L - 1         L - 5, L - 4
    L-1       L - 2, L - 3         L - 4, L - 5
    ========  ===================  ===================
    """
    return np.array([_row(target, bands) for target in range(bands)], dtype=np.intp)


def _row(target: int, bands: int) -> tuple[int, ...]:
    """Target, nearest pair, next pair."""
    left, right = list(range(target - 1, -1, -1)), list(range(target + 1, bands))
    near = _pair(left, right, target, (target, target))
    far = _pair(left, right, target, near)
    return (target, *near, *far)


def _pair(
    left: list[int], right: list[int], target: int, repeat: tuple[int, int]
) -> tuple[int, int]:
    """Take a pair out of the unused bands of both sides, which are listed nearest first."""
    if left and right:
        return left.pop(0), right.pop(0)
    rest = left or right
    if not rest:
        return repeat
    nearer = rest.pop(0)
    further = rest.pop(0) if rest else nearer
    # The table turns this one pair round: that of the last band but one.
    turned = rest is left and repeat[1] > target
    return (further, nearer) if turned else (nearer, further)


def _ascending_runs(centres: Wavelengths) -> list[Indices]:
    """Bands in ascending order; one run a spectrometer where the order of the file shows them."""
    order = np.arange(len(centres))
    if len(centres) > 1 and np.median(np.diff(centres)) < 0:
        order = order[::-1]
    cuts = np.flatnonzero(np.diff(centres[order]) < 0) + 1
    runs = np.split(order, cuts)
    if all(len(run) >= _FULL for run in runs):
        return sorted(runs, key=lambda run: float(centres[run[0]]))
    return [np.argsort(centres, kind="stable")]


def _without_gaps(run: Indices, centres: Wavelengths) -> list[Indices]:
    """Cut ascending bands where a step is much larger than the steps around it."""
    steps = np.diff(centres)
    cuts = []
    for place, step in enumerate(steps):
        around = np.delete(
            steps[max(0, place - _AROUND) : place + _AROUND + 1], min(place, _AROUND)
        )
        positive = around[around > 0]
        if positive.size and step > GAP_FACTOR * float(np.median(positive)):
            cuts.append(place + 1)
    return np.split(run, cuts)
