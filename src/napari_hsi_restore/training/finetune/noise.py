"""The noise that clean cubes get in fine-tuning: that of the user's sensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.restore.statistics import active_bands, noise_of
from napari_hsi_restore.training.finetune.alike import check_same_bands, title
from napari_hsi_restore.training.finetune.cubes import Sample

Sigma = npt.NDArray[np.float64]

LARGEST = 3.0
"""Noise above so many times white is taken for a mistake in the units [ours]."""


def sensor_noise(
    cubes: Sequence[HyperCube], samples: Sequence[Sample], noise_from: HyperCube | None
) -> list[Sigma]:
    """The noise of the sensor for every cube.

    Parameters
    ----------
    cubes : sequence of HyperCube
    samples : sequence of Sample
        Of the cubes.
    noise_from : HyperCube, optional
        A cube of the sensor as noisy as those to come; without it each cube is taken to
        show the noise of the sensor itself.

    Returns
    -------
    list of float64 ndarray, (bands of the sample,)
        Standard deviations in the stored units of each cube, positive.

    Raises
    ------
    UserError
        If `noise_from` has other bands, or its noise would drown the cubes.
    """
    if noise_from is None:
        return [
            noise_of(cube, _only(sample.bands, cube.n_bands))
            for cube, sample in zip(cubes, samples, strict=True)
        ]
    check_same_bands(cubes[0], noise_from)
    active = active_bands(noise_from)
    every = np.empty(noise_from.n_bands)
    every[active] = noise_of(noise_from, active)
    # A band that is dead there says nothing; it is given the noise that is usual.
    every[~active] = np.median(every[active])
    every = every * np.abs(_per_band(noise_from.gain, noise_from.n_bands))
    found = []
    for cube, sample in zip(cubes, samples, strict=True):
        sigma = (every / np.abs(_per_band(cube.gain, cube.n_bands)))[sample.bands]
        if np.median(sigma) > LARGEST * sample.white:
            raise UserError(
                f"{title(noise_from)}: its noise is {np.median(sigma) / sample.white:.3g} times "
                f"the white of {title(cube)}; give a noisy cube of the same sensor in the same "
                "units."
            )
        found.append(np.maximum(sigma, 1e-6 * sample.white))
    return found


def own_noise(samples: Sequence[Sample], sigmas: Sequence[Sigma]) -> str:
    """A sentence about clean cubes that get the noise which they show themselves.

    Parameters
    ----------
    samples : sequence of Sample
    sigmas : sequence of float64 ndarray, (bands,)
        Of the samples, in their stored units.
    """
    parts = zip(samples, sigmas, strict=True)
    typical = [255.0 * np.sqrt(np.mean((sigma / sample.white) ** 2)) for sample, sigma in parts]
    return (
        f"The clean cubes get the noise that they show themselves, about sigma "
        f"{float(np.mean(typical)):.2g} where white is 255; if cubes of this sensor are noisier, "
        "give one of them to take the noise from."
    )


def _only(bands: npt.NDArray[np.intp], count: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(count, dtype=bool)
    mask[bands] = True
    return mask


def _per_band(value: float | npt.NDArray[np.float64], count: int) -> Sigma:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (count,))
