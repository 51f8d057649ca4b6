"""Stein's unbiased risk estimate: the error of a denoiser without a clean image.

For noisy data ``y = x + n`` with independent Gaussian noise of known variance, the
expected squared error of ``f(y)`` is that of ``|f(y) - y|^2 - |sigma|^2 + 2 div`` with
``div = sum sigma_i^2 df_i/dy_i`` (Stein, Annals of Statistics 9(6), 1981). The
divergence is found with a random probe ``b`` of +1 and -1 as
``b (f(y + e b) - f(y)) / e`` (Ramani, Blu, Unser, IEEE TIP 17(9), 2008). To train a
network on it follows Soltanayev and Chun, NeurIPS 2018. It is right for noise that
differs from band to band because the components that the networks work on have
noise of known level each, independent of one another.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from napari_hsi_restore.models.basis import Basis

STEP = 0.1
"""Size of the probe in standard deviations of the noise [ours]."""


def risk(
    restored: torch.Tensor,
    probed: torch.Tensor,
    *,
    noisy: torch.Tensor,
    probe: torch.Tensor,
    level: torch.Tensor,
    counted: torch.Tensor,
) -> torch.Tensor:
    """Estimated error of components in units of the variance of their noise.

    Parameters
    ----------
    restored, probed : tensor, (B, components, y, x)
        What the network makes of `noisy` and of ``noisy + STEP * level * probe``.
    noisy : tensor, (B, components, y, x)
    probe : tensor, (B, components, y, x)
        +1 or -1, and 0 where pixels do not count.
    level : tensor, (B, components)
        Standard deviation of the noise.
    counted : tensor, (B, 1, y, x)
        1 for pixels that count, else 0.

    Returns
    -------
    tensor, ()
        About 1 for the noisy input, 0 for the truth; noise may take it below 0.
    """
    unit = level[:, :, None, None]
    change = (restored.float() - noisy) / unit
    response = (probed.float() - restored.float()) / (STEP * unit)
    values = counted.sum().clamp(min=1.0) * noisy.shape[1]
    own = (change.square() * counted).sum() / values
    return own - 1.0 + 2.0 * (probe * response).sum() / values


def risk_map(
    basis: Basis,
    sigma: npt.NDArray[np.float64],
    *,
    noisy: npt.NDArray[np.float32],
    restored: npt.NDArray[np.float32],
    response: npt.NDArray[np.float32],
    probe: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Estimated squared error of every pixel of a cube, summed over its bands.

    Parameters
    ----------
    basis : Basis
    sigma : float64 ndarray, (bands,)
        Noise of the bands in the units of `noisy`.
    noisy, restored : float32 ndarray, (bands, y, x)
    response : float32 ndarray, (components, y, x)
        Change of the restored components for ``STEP * level * probe`` on the noisy ones.
    probe : float32 ndarray, (components, y, x)
        +1 or -1.

    Returns
    -------
    risk : float64 ndarray, (y, x)
        In the units of `noisy` squared; single pixels may be negative. An error of the
        sigmas moves it as a whole, so that only differences of two networks are exact.
    spread : float64 ndarray, (y, x)
        ``div``, what the noise itself still contributes. The squared error of the best
        possible denoiser is exactly that (the variance of its posterior, by Tweedie's
        formula), and an error of the sigmas hardly matters for it.
    """
    own = np.square(restored - noisy, dtype=np.float64).sum(axis=0)
    # Noise of the bands counts in components as forward diag(sigma^2) backward.
    mixing = (basis.forward * sigma**2) @ basis.backward
    spread = np.tensordot(mixing, response, axes=1) / STEP
    divergence = (probe / basis.level[:, None, None] * spread).sum(axis=0)
    if basis.tail is not None:
        divergence += float(np.sum(sigma**2 * np.diag(basis.tail)))
    return own + 2.0 * divergence - float(np.sum(sigma**2)), divergence
