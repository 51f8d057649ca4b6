"""The spectral subspace of a whitened cube, and the way into it and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
from scipy import ndimage

from napari_hsi_restore.noise.measured import Block, Float, Mask, Measured, Moments

# More components make the filters slow and hardly better: the rest passes linearly.
_MOST_STRONG = 30
_SOLVED_AT_ONCE = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Subspace:
    """Orthonormal axes in the space of whitened spectra.

    A whitened spectrum is ``(spectrum - mean) / sigma``: its noise is 1 in every direction.

    Attributes
    ----------
    mean, sigma : float64 ndarray, (bands,)
        In stored units.
    axes : float64 ndarray, (bands, components)
        Orthonormal, the strongest first.
    variances : float64 ndarray, (components,)
        Of the whitened, noisy spectra along the axes.
    strong : int
        How many axes stand out of the noise.
    tail : float64 ndarray, (bands, bands), or None
        Linear estimate of what lies outside the axes and yet stands out of the noise,
        in stored units.
    """

    mean: Float
    sigma: Float
    axes: Float
    variances: Float
    strong: int
    tail: Float | None

    def project(self, values: Block, valid: Mask) -> Block:
        """Components of some spectra.

        Where bands are missing, the components are the most probable ones given the
        others (Gaussian prior with `variances`, unit noise). Zhuang and
        Bioucas-Dias (FastHyIn) solve for the same components without the prior.

        Parameters
        ----------
        values : float32 ndarray, (bands, pixels)
            Stored units, 0 where not valid.
        valid : bool ndarray, (bands, pixels)

        Returns
        -------
        float32 ndarray, (components, pixels)
            0 where no band is valid.
        """
        white = (values - self.mean.astype(np.float32)[:, None]) / self.sigma.astype(np.float32)[
            :, None
        ]
        axes = self.axes.astype(np.float32)
        if valid.all():
            return axes.T @ white
        white *= valid
        result = axes.T @ white
        partial = np.flatnonzero(~valid.all(axis=0))
        pairs = np.einsum("bi,bj->bij", self.axes, self.axes).reshape(len(axes), -1)
        signal = np.maximum(self.variances - 1.0, 1e-2)
        for start in range(0, len(partial), _SOLVED_AT_ONCE):
            some = partial[start : start + _SOLVED_AT_ONCE]
            gram = (valid[:, some].T.astype(np.float64) @ pairs).reshape(-1, *2 * (axes.shape[1],))
            gram += np.diag(1.0 / signal)
            solved = np.linalg.solve(gram, result[:, some].T.astype(np.float64)[..., None])
            result[:, some] = solved[..., 0].T
        return result

    def spectra(self, components: Block, values: Block | None = None) -> Block:
        """Spectra in stored units.

        Parameters
        ----------
        components : float32 ndarray, (components, pixels)
        values : float32 ndarray, (bands, pixels), optional
            The noisy spectra, from which the tail is taken.

        Returns
        -------
        float32 ndarray, (bands, pixels)
        """
        result = (self.axes * self.sigma[:, None]).astype(np.float32) @ components
        mean = self.mean.astype(np.float32)[:, None]
        if self.tail is not None and values is not None:
            result += self.tail.astype(np.float32) @ (values - mean)
        result += mean
        return result


@dataclasses.dataclass(frozen=True, eq=False)
class Components:
    """An image of components and the subspace that they belong to.

    Attributes
    ----------
    subspace : Subspace
    image : float32 ndarray, (components, y, x)
    """

    subspace: Subspace
    image: Block

    def spectra(self, rows: slice, values: Block, valid: Mask) -> Block:
        """Spectra of some rows in stored units.

        Parameters
        ----------
        rows : slice
        values : float32 ndarray, (bands, rows, x)
            The noisy spectra, from which the tail is taken.
        valid : bool ndarray, (bands, rows, x)

        Returns
        -------
        float32 ndarray, (bands, rows, x)
        """
        flat = self.image[:, rows].reshape(len(self.image), -1)
        noisy = None
        if self.subspace.tail is not None:
            mean = self.subspace.mean.astype(np.float32)[:, None, None]
            noisy = np.where(valid, values, mean).reshape(len(values), -1)
        return self.subspace.spectra(flat, noisy).reshape(values.shape)


def find_subspace(found: Moments, sigma: Float, reservoir: int) -> Subspace:
    """The leading axes of the whitened covariance.

    An axis stands out when its variance exceeds the largest that so many samples of pure
    noise would show (the edge of the Marchenko-Pastur law).

    Parameters
    ----------
    found : Moments
    sigma : float64 ndarray, (bands,)
    reservoir : int
        How many axes are kept beyond those that stand out.
    """
    bands = len(sigma)
    values, vectors = np.linalg.eigh(found.covariance / np.outer(sigma, sigma))
    values, vectors = values[::-1], vectors[:, ::-1]
    edge = (1.0 + np.sqrt(bands / found.pixels)) ** 2
    strong = min(int(np.count_nonzero(values > edge)), _MOST_STRONG)
    kept = min(bands, strong + reservoir)
    rest = values[kept:]
    gain = np.where(rest > edge, 1.0 - 1.0 / np.maximum(rest, 1.0), 0.0)
    tail = None
    if gain.any():
        outside = vectors[:, kept:]
        tail = (outside * sigma[:, None] * gain) @ (outside.T / sigma)
    return Subspace(found.mean, sigma, vectors[:, :kept], values[:kept], strong, tail)


def reduce(
    measured: Measured, subspace: Subspace, guide: Components | None = None
) -> Generator[float, None, Block]:
    """The component image of a cube.

    Without a guide, pixels without any measurement take the components of the nearest
    one that has some, so that filters see no edge there.

    Parameters
    ----------
    measured : Measured
    subspace : Subspace
    guide : Components, optional
        An estimate, which missing values are taken from.

    Yields
    ------
    float
        Fraction done, after every block of rows.

    Returns
    -------
    float32 ndarray, (components, y, x)
    """
    _, height, width = measured.cube.shape
    result = np.empty((subspace.axes.shape[1], height, width), np.float32)
    empty = np.zeros((height, width), dtype=bool)
    for rows in measured.row_blocks():
        values, valid = measured.block(rows)
        if guide is not None and not valid.all():
            values = np.where(valid, values, guide.spectra(rows, values, valid))
            valid = np.ones_like(valid)
        flat = subspace.project(values.reshape(len(values), -1), valid.reshape(len(values), -1))
        result[:, rows] = flat.reshape(len(result), -1, width)
        empty[rows] = ~valid.any(axis=0)
        yield rows.stop / height
    if empty.any() and not empty.all():
        nearest = ndimage.distance_transform_edt(empty, return_distances=False, return_indices=True)
        result = np.ascontiguousarray(result[:, nearest[0], nearest[1]])
    return result
