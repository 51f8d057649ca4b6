"""Simple methods that a network has to beat."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

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


def means_eigenimages(noisy: Cube, sigma: Sigma) -> Cube:
    """Noise-whitened eigenimages, each denoised by non-local means (scikit-image)."""

    def means(image: Cube, level: float) -> Cube:
        return np.asarray(
            denoise_nl_means(
                image, patch_size=5, patch_distance=8, h=0.8 * level, sigma=level, fast_mode=True
            )
        )

    return _plugged(noisy, sigma, means)


def variation_eigenimages(noisy: Cube, sigma: Sigma) -> Cube:
    """Noise-whitened eigenimages, each denoised by total variation (scikit-image)."""

    def smoothed(image: Cube, level: float) -> Cube:
        return np.asarray(denoise_tv_chambolle(image, weight=level))

    return _plugged(noisy, sigma, smoothed)


def _plugged(noisy: Cube, sigma: Sigma, denoise: Callable[[Cube, float], Cube]) -> Cube:
    """FastHyDe with another denoiser plugged in."""
    basis = eigenbasis(*moments(noisy), sigma, noisy.shape[1] * noisy.shape[2])
    images = zip(basis.project(noisy), basis.level, strict=True)
    clean = np.asarray([denoise(image, float(level)) for image, level in images], np.float32)
    return basis.restore(clean, noisy)


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
