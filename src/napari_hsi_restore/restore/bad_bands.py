"""Bands that are marked as bad: left out of a restoration, and filled from the others if asked.

No noise, basis or patch of the other bands is measured with them, so that what comes out of
the others does not depend on what stands in a bad band. They are passed through as they were
stored, or filled [ours]: a linear regression of the bad band on the few leading components of
the noisy good bands, with the variance of the noise taken off that of the components, is
evaluated on the restored good bands. Of what a bad band alone has seen nothing is left. A band
without two different valid values has nothing to regress; it becomes the straight line between
its nearest good neighbours.
"""

from __future__ import annotations

import dataclasses
import json
import weakref
from collections.abc import Generator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Event, Progress
from napari_hsi_restore.models.basis import eigenbasis
from napari_hsi_restore.noise.portion import portion
from napari_hsi_restore.restore.statistics import Measured, row_blocks

Float = npt.NDArray[np.float64]
Block = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

# Components of which less than this part is signal tell more of the noise than of a band [ours].
_LEAST_SIGNAL = 0.5
_MOST_COMPONENTS = 16
_FEWEST_PIXELS = 50
_ROWS_VALUES = 8_000_000

# One preview follows another with the same cube.
_learned: weakref.WeakKeyDictionary[Measured, Filling] = weakref.WeakKeyDictionary()


def bad_bands(cube: HyperCube) -> Indices:
    """Indices of the bands that are marked as bad; none where all are."""
    return np.flatnonzero(~cube.usable_bands())


@dataclasses.dataclass(frozen=True, eq=False)
class Filling:
    """How bad bands follow from the others, ``weights @ good + constant``.

    Attributes
    ----------
    bad : intp ndarray, (bad,)
    active : intp ndarray, (active,)
        Bands that are restored.
    weights : float32 ndarray, (bad, active)
    constant : float32 ndarray, (bad,)
        In stored units.
    """

    bad: Indices
    active: Indices
    weights: Block
    constant: Block

    def fill(self, cube: HyperCube, values: Block) -> None:
        """Replace the bad bands of restored values, in place.

        Parameters
        ----------
        cube : HyperCube
            What was restored, for its no-data value.
        values : float32 ndarray, (bands, y, x)
            Pixels that lack a restored band keep their bad bands, too.
        """
        rows = max(1, _ROWS_VALUES // (values.shape[0] * values.shape[2]))
        for start in range(0, values.shape[1], rows):
            part = values[:, start : start + rows]
            good = part[self.active]
            known = cube.valid(good).all(axis=0)
            guessed = np.tensordot(self.weights, np.where(known, good, np.float32(0)), axes=1)
            guessed += self.constant[:, None, None]
            part[self.bad] = np.where(known, guessed, part[self.bad])


def learn_filling(cube: HyperCube, known: Measured) -> Generator[float, None, Filling | None]:
    """Learn how the bad bands of a cube follow from the others.

    Parameters
    ----------
    cube : HyperCube
    known : Measured
        Of this cube; gets what is measured here.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    Filling or None
        None where no band is marked as bad.
    """
    bad = bad_bands(cube)
    if not bad.size:
        return None
    if known in _learned:
        return _learned[known]
    statistics = yield from portion(known.spectra(cube), 0.0, 0.5)
    _, sigma = known.noise(cube)
    active = np.flatnonzero(statistics.active)
    basis = eigenbasis(
        statistics.mean, statistics.covariance, sigma, statistics.pixels, _MOST_COMPONENTS
    )
    sums = _Sums(len(bad), basis.components)
    for rows in row_blocks(cube):
        stored = np.asarray(cube.data[:, rows, :])
        good = stored[active]
        complete = cube.valid(good).all(axis=0)
        spectra = good[:, complete].astype(np.float64) - statistics.mean[:, None]
        others = stored[bad][:, complete]
        sums.add(basis.forward @ spectra, others, cube.valid(others))
        yield 0.5 + 0.5 * rows.stop / cube.shape[1]
    weights = np.zeros((len(bad), len(active)))
    constant = np.zeros(len(bad))
    signal = 1.0 - np.square(basis.level)
    kept = np.flatnonzero(signal >= _LEAST_SIGNAL)
    for index, band in enumerate(bad):
        found = sums.regression(index, kept, np.square(basis.level))
        if found is None:
            weights[index], constant[index] = _between(cube, int(band), active)
            continue
        slope, level = found
        weights[index] = slope @ basis.forward[kept]
        constant[index] = level - weights[index] @ statistics.mean
    learned = Filling(bad, active, weights.astype(np.float32), constant.astype(np.float32))
    _learned[known] = learned
    return learned


def with_bad_bands(
    cube: HyperCube, result: HyperCube, wanted: Literal["keep", "restore"], known: Measured
) -> Generator[Event, None, HyperCube]:
    """A restored cube whose bad bands are as they are wanted, with a word in its history.

    Parameters
    ----------
    cube : HyperCube
        The whole one that was restored.
    result : HyperCube
        Of it or of a region; its values are changed in place.
    wanted : {'keep', 'restore'}
    known : Measured
        Of `cube`.

    Yields
    ------
    Progress
    """
    bad = bad_bands(cube)
    if not bad.size:
        return result
    if wanted == "restore":
        filling = None
        steps = learn_filling(cube, known)
        while filling is None:
            yield Progress(1.0, "filling the bad bands")
            try:
                next(steps)
            except StopIteration as end:
                filling = end.value
        filling.fill(result, np.asarray(result.data))
    return noted(result, bad, wanted)


def noted(result: HyperCube, bad: Indices, wanted: Literal["keep", "restore"]) -> HyperCube:
    """The cube with what became of its bad bands in the last line of its history."""
    if not bad.size:
        return result
    entry = json.loads(result.history[-1])
    done = "kept" if wanted == "keep" else "filled"
    entry["bad_bands"] = {"done": done, "bands": [int(band) for band in bad]}
    return result.replace(history=(*result.history[:-1], json.dumps(entry)))


def sentence_of(entry: dict[str, Any]) -> str | None:
    """What a line of history says of bad bands, for a person; None if nothing."""
    found = entry.get("bad_bands")
    if not isinstance(found, dict):
        return None
    became = {
        "kept": "are as they were stored",
        "filled": "hold what the other bands say of them",
        "resampled": "are enlarged by bicubic resampling alone",
    }[str(found["done"])]
    return f"{in_words(found['bands'])} had no part in it and {became}."


def in_words(bands: Sequence[int]) -> str:
    """Bands marked bad, such as ``"Bands 0, 4 to 7 (counted from 0), which are marked bad,"``."""
    noun, are = ("Band", "is") if len(bands) == 1 else ("Bands", "are")
    return f"{noun} {listed(bands, ' to ')} (counted from 0), which {are} marked bad,"


def listed(bands: Sequence[int], to: str) -> str:
    """Bands as runs: ``"0, 4 to 7"``."""
    runs: list[list[int]] = []
    for band in sorted(int(band) for band in bands):
        if runs and band == runs[-1][1] + 1:
            runs[-1][1] = band
        else:
            runs.append([band, band])
    return ", ".join(str(a) if a == b else f"{a}{to}{b}" for a, b in runs)


class _Sums:
    """Sums of products of bad bands and components, over the pixels where each is valid."""

    def __init__(self, bad: int, components: int) -> None:
        self.count = np.zeros(bad)
        self.value = np.zeros(bad)
        self.square = np.zeros(bad)
        self.first = np.zeros((bad, components))
        self.second = np.zeros((bad, components, components))
        self.mixed = np.zeros((bad, components))

    def add(
        self,
        components: Float,
        values: npt.NDArray[np.generic],
        valid: npt.NDArray[np.bool_],
    ) -> None:
        """Count some pixels: components (components, n), values and validity (bad, n)."""
        for index, (band, mask) in enumerate(zip(values, valid, strict=True)):
            seen, numbers = components[:, mask], band[mask].astype(np.float64)
            self.count[index] += numbers.size
            self.value[index] += numbers.sum()
            self.square[index] += np.square(numbers).sum()
            self.first[index] += seen.sum(axis=1)
            self.second[index] += seen @ seen.T
            self.mixed[index] += seen @ numbers

    def regression(self, index: int, kept: Indices, noise: Float) -> tuple[Float, float] | None:
        """Slopes and constant of a band; None where it has too few or always the same values."""
        count = self.count[index]
        if count < _FEWEST_PIXELS:
            return None
        mean, first = self.value[index] / count, self.first[index] / count
        variance = self.square[index] / count - mean**2
        if not variance > 1e-12 * max(mean**2, 1e-300):
            return None
        covariance = self.second[index] / count - np.outer(first, first)
        clean = covariance[np.ix_(kept, kept)] - np.diag(noise[kept])
        mixed = (self.mixed[index] / count - first * mean)[kept]
        slope = np.linalg.lstsq(clean, mixed, rcond=1e-6)[0]
        return slope, float(mean - slope @ first[kept])


def _between(cube: HyperCube, band: int, active: Indices) -> tuple[Float, float]:
    """Weights and constant of the straight line between the nearest restored bands."""
    centres = cube.wavelengths_nm
    places = np.arange(cube.n_bands, dtype=np.float64) if centres is None else centres
    distance = places[active] - places[band]
    below, above = np.flatnonzero(distance <= 0), np.flatnonzero(distance > 0)
    weights = np.zeros(len(active))
    if below.size and above.size:
        low = below[np.argmax(distance[below])]
        high = above[np.argmin(distance[above])]
        span = distance[high] - distance[low]
        weights[low], weights[high] = distance[high] / span, -distance[low] / span
    else:
        weights[np.argmin(np.abs(distance))] = 1.0
    gain = np.broadcast_to(np.asarray(cube.gain, dtype=np.float64), cube.n_bands)
    offset = np.broadcast_to(np.asarray(cube.offset, dtype=np.float64), cube.n_bands)
    # The line is one of physical values.
    constant = (weights @ offset[active] - offset[band]) / gain[band]
    return weights * gain[active] / gain[band], float(constant)
