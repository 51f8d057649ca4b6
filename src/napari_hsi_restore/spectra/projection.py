"""Few numbers a pixel that say most of its spectrum: principal components and MNF."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """A linear map from a spectrum to a few scores: ``(spectrum - mean) @ loadings``.

    Attributes
    ----------
    mean : float64 ndarray, (bands,)
    loadings : float64 ndarray, (bands, components)
        The most telling one first.
    """

    mean: Floats
    loadings: Floats


def strongest_components(
    pixels: Floats, count: int = 3, noise_sigma: Floats | None = None
) -> Projection:
    """Find the components in which pixels differ most.

    Without `noise_sigma` these are principal components, in the order of their variance. With
    it each band is divided by its noise first, which makes them minimum noise fractions, in the
    order of signal to noise (Green, Berman, Switzer, Craig, IEEE TGRS 26(1), 1988), for noise
    that is independent between bands [ours].

    Parameters
    ----------
    pixels : float64 ndarray, (bands, pixels)
        At least two pixels, all finite.
    count : int
        Components; fewer come back where there are fewer bands.
    noise_sigma : float64 ndarray, (bands,), optional
        Standard deviation of the noise of each band, above 0, in the units of `pixels`.

    Returns
    -------
    Projection
        The sign of a component is arbitrary; its largest loading is made positive [ours].
    """
    mean = pixels.mean(axis=1)
    scale = np.ones(len(pixels)) if noise_sigma is None else noise_sigma
    covariance = np.cov((pixels - mean[:, None]) / scale[:, None])
    _, vectors = np.linalg.eigh(covariance.reshape(len(pixels), len(pixels)))
    loadings = vectors[:, ::-1][:, :count]
    signs = np.sign(loadings[np.abs(loadings).argmax(axis=0), range(loadings.shape[1])])
    return Projection(mean, loadings * signs / scale[:, None])
