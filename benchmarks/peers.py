"""Simple methods that a network has to beat."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.restoration import denoise_wavelet

from napari_hsi_restore.degradations.resize import (
    Kernel,
    resample,
    resampling_matrix,
    resize_bicubic,
)
from napari_hsi_restore.models.basis import eigenbasis
from napari_hsi_restore.restore.fine import back_project
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


BACK_PROJECTIONS = 10


def bicubic(low: Cube, scale: int) -> Cube:
    """Bicubic resampling."""
    return np.asarray(resize_bicubic(low, scale=scale), dtype=np.float32)


def lanczos(low: Cube, scale: int) -> Cube:
    """Resampling with Lanczos' kernel of three lobes (a windowed sinc)."""
    kernel = Kernel(lambda x: np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0), 6.0)
    rows, columns = (
        resampling_matrix(length, scale * length, scale, kernel) for length in low.shape[1:]
    )
    return np.asarray(resample(low, rows, columns)[0], dtype=np.float32)


def back_projection(low: Cube, scale: int) -> Cube:
    """Ten steps of iterative back-projection, told the kernel that shrank the scene."""
    return back_project(low, scale, BACK_PROJECTIONS)
