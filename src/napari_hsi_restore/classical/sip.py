"""SIP: a separable network that learns from the noisy cube alone.

Imamura, Itasaka and Okuda, "Zero-shot hyperspectral image denoising with separable image
prior", ICCV Workshops 2019: a network of separable convolutions (each channel over its
neighbours, then across the channels) has no training data but one noisy cube, from
which training pairs are made by adding noise.

Ours: the network sees the eigenimages of the whitened cube instead of its bands, which
takes a fraction of the steps; and the pairs are those of Recorrupted-to-Recorrupted (Pang,
Zheng, Quan and Ji, CVPR 2021), ``y + a n`` to learn from and ``y - n / a`` to learn to,
with noise n as in y: theirs is independent noise, so that the network learns the clean
image, not the noisy one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.classical.collaborative import Filtering
from napari_hsi_restore.noise.portion import portion

Image = npt.NDArray[np.float32]

EXTRA = 1
"""Components beyond those that stand out of the noise: they hold small objects."""

_LEARNED = 0.9
_ROWS = 32


def sip(components: Image, strong: int) -> Filtering:
    """Denoise the components of a whitened cube.

    Parameters and result are those of `napari_hsi_restore.classical.fasthyde.fasthyde`.
    """
    # Whoever only looks at cubes never waits for torch.
    from napari_hsi_restore.classical.separable import applied, learn, one_thread

    used = components[: strong + EXTRA]
    scale = used.std(axis=(1, 2), dtype=np.float64).astype(np.float32)
    scale = np.maximum(scale, 1.0)
    noisy = used / scale[:, None, None]
    result = np.zeros_like(components)
    height = components.shape[1]
    with one_thread():
        network = yield from portion(learn(noisy, 1.0 / scale), 0.0, _LEARNED)
        for start in range(0, height, _ROWS):
            rows = slice(start, min(start + _ROWS, height))
            result[: len(used), rows] = applied(network, noisy, rows) * scale[:, None, None]
            yield _LEARNED + (1.0 - _LEARNED) * rows.stop / height
    return result
