"""What pixels with like spectra have in common outside the subspace [ours].

A subspace of few components is what makes a cube denoisable, but a scene goes beyond it: the
deviation of one material may be a hundredth of the noise and yet, over a scene, a tenth of the
error that is left. No patch shows it; the mean of all pixels with like denoised spectra does.

Which are alike is decided by random ferns (Ozuysal, Calonder, Lepetit and Fua, IEEE TPAMI 32(3),
2010): each is a binary tree that splits the pixels again and again at the median of a random
projection of their spectra. The means of its nodes are a wavelet transform on the tree, that of
Haar: a mean of all pixels, and at every node the difference of its halves, whose noise is known.
The differences of one level are shrunk as Wiener would with the covariance that they show, and the
answer is the mean of several ferns.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Generator

import numpy as np
import numpy.typing as npt
from scipy import sparse

from napari_hsi_restore.classical import side_by_side
from napari_hsi_restore.classical.collaborative import Filtering
from napari_hsi_restore.classical.ngmeet import axes_of, row_blocks, turned
from napari_hsi_restore.noise.portion import portion

Image = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]
Leaves = npt.NDArray[np.uint16]

FERNS = 32
"""Ferns whose answers are averaged."""

_MORE_FEATURES = 2
"""Axes beyond those that stand out of the noise, by which pixels are told apart."""

_PIXELS_OF_LEAF = 256
_FEWEST_LEVELS, _MOST_LEVELS = 3, 10
_SAMPLE = 2**15
_KNOWN_WELL = 2
"""Nodes for every component, at least, from which a covariance is taken."""


@dataclasses.dataclass(frozen=True, eq=False)
class Fern:
    """One way to tell pixels apart.

    Attributes
    ----------
    directions : float32 ndarray, (features, levels)
        What the features are projected on, one direction a level.
    thresholds : tuple of float32 ndarray, (2 ** level,)
        Where the nodes of each level are split.
    """

    directions: Image
    thresholds: tuple[npt.NDArray[np.float32], ...]

    def leaves(self, features: Image) -> Leaves:
        """The leaf that each pixel falls into, (pixels,).

        Parameters
        ----------
        features : float32 ndarray, (pixels, features)
        """
        projected = features @ self.directions
        node = np.zeros(len(features), dtype=np.uint16)
        for level, thresholds in enumerate(self.thresholds):
            node = 2 * node + (projected[:, level] >= thresholds[node])
        return node


def grown(sample: Image, levels: int, rng: np.random.Generator) -> Fern:
    """A random fern whose nodes split a sample in halves.

    Parameters
    ----------
    sample : float32 ndarray, (pixels, features)
        At least 2 ** `levels` pixels.
    levels : int
    rng : numpy Generator
    """
    directions = rng.standard_normal((sample.shape[1], levels)).astype(np.float32)
    projected = sample @ directions
    # As many in every leaf, so that a level is one array, a node a row.
    order = rng.permutation(len(sample) >> levels << levels)
    thresholds = []
    for level in range(levels):
        order = order.reshape(2**level, -1)
        values, half = projected[order, level], order.shape[1] // 2
        split = np.argpartition(values, half, axis=1)
        order = np.take_along_axis(order, split, axis=1)
        thresholds.append(values[np.arange(2**level), split[:, half]])
    return Fern(directions, tuple(thresholds))


def shrunk(sums: Float, counts: Float, variance: float) -> Float:
    """The means of the leaves of a fern, without their noise.

    Parameters
    ----------
    sums : float64 ndarray, (leaves, components)
        Of pixels with white noise.
    counts : float64 ndarray, (leaves,)
        Pixels of each.
    variance : float
        Of the noise of a pixel.

    Returns
    -------
    float64 ndarray, (leaves, components)
    """
    details = []
    while len(counts) > 1:
        pairs = np.maximum(counts.reshape(-1, 2), 0.5)
        means = sums.reshape(len(pairs), 2, -1) / pairs[..., None]
        share = pairs / pairs.sum(axis=1, keepdims=True)
        details.append((means[:, 0] - means[:, 1], (1 / pairs).sum(axis=1), share))
        sums = sums.reshape(len(pairs), 2, -1).sum(axis=1)
        counts = counts.reshape(-1, 2).sum(axis=1)
    found = _without_noise(sums / counts[:, None], variance / counts)
    for differences, noise, share in reversed(details):
        kept = _without_noise(differences, variance * noise)
        halves = (found + kept * share[:, 1:], found - kept * share[:, :1])
        found = np.stack(halves, axis=1).reshape(-1, sums.shape[1])
    return found


def _without_noise(differences: Float, noise: Float) -> Float:
    """Differences, (nodes, components), shrunk; their noise has a variance for each node."""
    nodes, components = differences.shape
    if nodes < _KNOWN_WELL * components:
        # Too few to know their covariance: the rule of James and Stein, node by node.
        energy = np.maximum(np.square(differences).sum(axis=1), 1e-30)
        by_node: Float = np.maximum(0.0, 1.0 - components * noise / energy)[:, None]
        return differences * by_node
    # Nodes with many pixels tell most.
    weights = 1.0 / noise / (1.0 / noise).sum()
    energy, axes = np.linalg.eigh(differences.T @ (weights[:, None] * differences))
    signal = np.maximum(energy - float(weights @ noise), 0.0)
    inside = differences @ axes
    scale = _scale(np.square(inside[:, signal > 0]).sum(axis=1), signal[signal > 0], noise)
    expected = scale[:, None] * signal
    kept: Float = (inside * (expected / (expected + noise[:, None]))) @ axes.T
    return kept


def _scale(energy: Float, signal: Float, noise: Float) -> Float:
    """How much more signal each node has than the mean of its level, as far as that is told."""
    mean = float(signal.sum())
    if mean == 0.0:
        return np.zeros_like(energy)
    own = np.maximum(energy - len(signal) * noise, 0.0) / mean
    reliable = mean**2 / (mean**2 + 2 * len(signal) * np.square(noise))
    return reliable * own + (1.0 - reliable)


def regained(components: Image, estimate: Image, strong: int) -> Filtering:
    """An estimate with what its pixels share outside of its subspace.

    Parameters
    ----------
    components : float32 ndarray, (components, y, x)
        Noisy, as `napari_hsi_restore.classical.ngmeet.ngmeet` takes them.
    estimate : float32 ndarray, (some, y, x)
        Of the first ones, in the subspace of
        `napari_hsi_restore.classical.ngmeet.axes_of`.
    strong : int
        How many components stand out of the noise.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (components, y, x)
    """
    result = np.zeros_like(components)
    result[: len(estimate)] = estimate
    inside = axes_of(estimate, strong)
    outside = _beside(inside, len(components))
    pixels = components[0].size
    levels = min(_MOST_LEVELS, int(np.log2(max(1, pixels // _PIXELS_OF_LEAF))))
    if strong == 0 or outside.shape[1] == 0 or levels < _FEWEST_LEVELS:
        return result
    yield 0.0
    features = _Features(estimate, inside[:, : strong + _MORE_FEATURES])
    rng = np.random.default_rng(0)
    sample = features.sample(rng)
    ferns = [grown(sample, levels, rng) for _ in range(FERNS)]
    leaves, found = yield from portion(_gathered(ferns, features, components, outside), 0.1, 0.6)
    tables = [(each @ outside.T / FERNS).astype(np.float32) for each in found]
    for rows, members in leaves:
        part = result[:, rows]
        shared = sum(table[some] for table, some in zip(tables, members, strict=True))
        part += np.asarray(shared).T.reshape(part.shape)
        yield 0.6 + 0.4 * rows.stop / len(result[0])
    return result


def _gathered(
    ferns: list[Fern], features: _Features, components: Image, outside: Float
) -> Generator[float, None, tuple[list[tuple[slice, list[Leaves]]], list[Float]]]:
    """The leaves of the pixels of every block of rows, and what the leaves of each fern share."""
    blocks, count = list(row_blocks(components)), 2 ** len(ferns[0].thresholds)
    sums = np.zeros((len(ferns), count, outside.shape[1]))
    counts, squares = np.zeros((len(ferns), count)), np.zeros(outside.shape[1])
    leaves = []
    for number, rows in enumerate(blocks):
        seen = features.of(rows)
        rest = np.ascontiguousarray(_flat(turned(outside.T, components[:, rows])).T)
        squares += np.square(rest).sum(axis=0, dtype=np.float64)
        members = list(side_by_side.in_order(functools.partial(Fern.leaves, features=seen), ferns))
        for index, some in enumerate(members):
            counts[index] += np.bincount(some, minlength=count)
            sums[index] += _membership(some, count).T @ rest
        leaves.append((rows, members))
        yield (number + 1) / len(blocks)
    # Hardly anything but noise is there, and some more of it perhaps than was known.
    variance = max(1.0, float(np.median(squares)) / components[0].size)
    return leaves, [shrunk(*each, variance) for each in zip(sums, counts, strict=True)]


@dataclasses.dataclass(frozen=True, eq=False)
class _Features:
    """What pixels are told apart by: denoised components, large values compressed."""

    estimate: Image
    axes: Float

    def of(self, rows: slice) -> Image:
        """(pixels, features)."""
        flat = _flat(turned(self.axes.T, self.estimate[:, rows]))
        return np.ascontiguousarray((np.sign(flat) * np.sqrt(np.abs(flat))).T)

    def sample(self, rng: np.random.Generator) -> Image:
        """Those of random pixels."""
        parts = []
        share = min(1.0, _SAMPLE / self.estimate[0].size)
        for rows in row_blocks(self.estimate):
            seen = self.of(rows)
            some = rng.permutation(len(seen))[: max(1, round(share * len(seen)))]
            parts.append(seen[some])
        return np.concatenate(parts)


def _beside(axes: Float, components: int) -> Float:
    """Orthonormal axes of what is outside of a subspace, (components, others)."""
    padded = np.zeros((components, axes.shape[1]))
    padded[: len(axes)] = axes
    outside: Float = np.linalg.svd(padded)[0][:, axes.shape[1] :]
    return outside


def _membership(leaves: Leaves, count: int) -> sparse.csr_array:
    """One row a pixel, 1 in the column of its leaf."""
    pixels = len(leaves)
    ones = np.ones(pixels, dtype=np.float32)
    return sparse.csr_array((ones, leaves, np.arange(pixels + 1)), shape=(pixels, count))


def _flat(image: Image) -> Image:
    return image.reshape(len(image), -1)
