"""Simple methods that a network has to beat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.restoration import denoise_wavelet

from napari_hsi_restore.models.basis import eigenbasis
from napari_hsi_restore.training.patches import moments

Cube = npt.NDArray[np.float32]
Sigma = npt.NDArray[np.float64]


def unchanged(noisy: Cube, sigma: Sigma) -> Cube:
    """Do nothing."""
    del sigma
    return noisy


def wavelets(noisy: Cube, sigma: Sigma) -> Cube:
    """BayesShrink wavelet thresholding of every band alone (scikit-image)."""
    bands = [
        denoise_wavelet(band, sigma=level, wavelet="db4", rescale_sigma=True)
        for band, level in zip(noisy, sigma, strict=True)
    ]
    return np.asarray(bands, dtype=np.float32)


def truncation(noisy: Cube, sigma: Sigma) -> Cube:
    """Noise-whitened principal components above the noise, the others set to zero."""
    basis = eigenbasis(*moments(noisy), sigma, noisy.shape[1] * noisy.shape[2])
    return basis.restore(basis.project(noisy), noisy)


def wavelet_eigenimages(noisy: Cube, sigma: Sigma) -> Cube:
    """Noise-whitened eigenimages, each denoised by wavelets at its own noise level."""
    basis = eigenbasis(*moments(noisy), sigma, noisy.shape[1] * noisy.shape[2])
    return basis.restore(wavelets(basis.project(noisy), basis.level), noisy)
