"""The spectral basis that a cube is denoised in.

A denoiser sees the components of a cube in a basis of its spectra rather than its
bands:

* **eigenimages**: the cube is divided by the noise of every band ("whitened", so
  that the noise is 1 in every direction of spectral space), its covariance is
  diagonalised, and the few leading components are kept, each scaled to unit
  variance. This collects what the bands have in common: with 200 bands and 8
  components the noise left to remove falls by 14 dB before any network runs. It is
  the representation of FastHyDe (Zhuang and Bioucas-Dias, IEEE JSTARS 2018); to
  run a searched network in it is this project's choice.
* **bands**: the cube itself, divided by its standard deviation.

Whatever the leading components leave over passes through a linear Wiener filter,
so nothing that stands out of the noise is cut off.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Array = npt.NDArray[np.floating[Any]]
Domain = Literal["eigenimages", "bands"]

NOISE_FLOOR = 1e-3
"""Components fainter than this part of the whole variation are not scaled up [ours]."""


@dataclasses.dataclass(frozen=True, eq=False)
class Basis:
    """An affine map from spectra to the components that a network sees.

    Attributes
    ----------
    mean : float64 ndarray, (bands,)
        Mean spectrum, in the cube's units.
    forward : float64 ndarray, (components, bands)
        ``z = forward @ (spectrum - mean)``; components have about unit variance.
    backward : float64 ndarray, (bands, components)
        ``spectrum = backward @ z + mean + tail @ (spectrum - mean)``.
    tail : float64 ndarray, (bands, bands), or None
        Linear estimate of what lies outside the components.
    level : float64 ndarray, (components,)
        Standard deviation of the noise of every component.
    """

    mean: Float
    forward: Float
    backward: Float
    tail: Float | None
    level: Float

    @property
    def components(self) -> int:
        """Number of components."""
        return len(self.level)

    def project(self, data: Array) -> npt.NDArray[np.float32]:
        """Components of a block of the cube.

        Parameters
        ----------
        data : ndarray, (bands, y, x)
            In the cube's units, without NaN.

        Returns
        -------
        float32 ndarray, (components, y, x)
        """
        offset = (self.forward @ self.mean).astype(np.float32)
        flat = data.reshape(len(data), -1)
        result = self.forward.astype(np.float32) @ flat.astype(np.float32, copy=False)
        result -= offset[:, None]
        return result.reshape(-1, *data.shape[1:])

    def restore(self, components: Array, data: Array) -> npt.NDArray[np.float32]:
        """A block of the cube from its denoised components.

        Parameters
        ----------
        components : ndarray, (components, y, x)
        data : ndarray, (bands, y, x)
            The noisy block, from which the tail is taken.

        Returns
        -------
        float32 ndarray, (bands, y, x)
        """
        flat = components.reshape(len(components), -1).astype(np.float32, copy=False)
        result = self.backward.astype(np.float32) @ flat
        constant = self.mean
        if self.tail is not None:
            noisy = data.reshape(len(data), -1).astype(np.float32, copy=False)
            result += self.tail.astype(np.float32) @ noisy
            constant = constant - self.tail @ self.mean
        result += constant.astype(np.float32)[:, None]
        return result.reshape(data.shape)


def eigenbasis(
    mean: Float, covariance: Float, sigma: Float, pixels: int, most: int | None = None
) -> Basis:
    """The noise-whitened eigenbasis of a cube.

    Parameters
    ----------
    mean : float64 ndarray, (bands,)
        Mean of the noisy spectra.
    covariance : float64 ndarray, (bands, bands)
        Covariance of the noisy spectra.
    sigma : float64 ndarray, (bands,)
        Standard deviation of the noise of every band, positive.
    pixels : int
        Number of spectra that the covariance was taken from.
    most : int, optional
        Upper limit of the number of components.

    Returns
    -------
    Basis
        With every component whose variance exceeds the largest that `pixels` samples of
        pure noise would show (the edge of the Marchenko-Pastur law), and one more.
    """
    bands = len(sigma)
    values, vectors = np.linalg.eigh(covariance / np.outer(sigma, sigma))
    values, vectors = values[::-1], vectors[:, ::-1]
    edge = (1.0 + np.sqrt(bands / max(pixels, bands))) ** 2
    kept = int(np.count_nonzero(values > edge)) + 1
    kept = min(kept, bands, most or bands)
    scale = np.sqrt(np.maximum(values[:kept], 1.0))
    forward = (vectors[:, :kept] / sigma[:, None] / scale).T
    backward = vectors[:, :kept] * scale * sigma[:, None]
    rest = values[kept:]
    gain = np.where(rest > edge, 1.0 - 1.0 / np.maximum(rest, 1.0), 0.0)
    tail = None
    if np.any(gain > 0):
        outside = vectors[:, kept:]
        tail = (outside * sigma[:, None] * gain) @ (outside.T / sigma)
    return Basis(mean, forward, backward, tail, 1.0 / scale)


def band_basis(mean: Float, covariance: Float, sigma: Float) -> Basis:
    """The bands themselves, centred and divided by their common standard deviation.

    Parameters
    ----------
    mean, covariance, sigma
        As for `eigenbasis`.
    """
    scale = float(np.sqrt(np.mean(np.diag(covariance)))) or 1.0
    identity = np.eye(len(sigma))
    return Basis(mean, identity / scale, identity * scale, None, sigma / scale)


def detail_basis(mean: Float, covariance: Float, components: int) -> Basis:
    """The basis that EigenSR sees a cube in: principal components of unit variance.

    Parameters
    ----------
    mean, covariance
        As for `eigenbasis`.
    components : int
        At most so many; those fainter than a thousandth of the whole standard deviation
        are not scaled up [ours].
    """
    floor = NOISE_FLOOR * float(np.sqrt(np.trace(covariance))) or 1.0
    sigma = np.full(len(mean), floor)
    return eigenbasis(mean, covariance, sigma, 10**9, components)
