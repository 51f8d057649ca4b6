"""Shot noise: values are transformed so that the noise is the same everywhere.

Where a detector counts photons the variance of the noise is ``c + g x`` at the signal ``x``. The
generalised Anscombe transform makes it 1 (Starck, Murtagh and Bijaoui, "Image Processing and
Data Analysis", 1998), NGmeet removes it, and the closed form of the exact unbiased inverse
leads back (Mäkitalo and Foi, "Optimal inversion of the generalized Anscombe
transformation for Poisson-Gaussian noise", IEEE TIP 22(1), 2013). Ours: gains that are smoothed
over the bands, and bands without a gain, which are only divided by their noise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_hsi_restore.classical.low_rank import Restoring, denoise_components, find_outside
from napari_hsi_restore.classical.refined import RESERVOIR, refined
from napari_hsi_restore.noise.measured import Float, Measured, Whole
from napari_hsi_restore.noise.portion import portion
from napari_hsi_restore.noise.shot import shot_of

Image = npt.NDArray[np.float32]

_AROUND = 9
# With so small a part of the variance a gain is not told from none.
_LEAST_SHARE = 0.1
_ZERO = 2.0 * np.sqrt(0.375)
"""The transform of no photon at all; below it there is nothing to be undone."""


@dataclasses.dataclass(frozen=True)
class Photons:
    """The transform of one band.

    Attributes
    ----------
    gain : float
        Growth of the variance with the signal, in stored units; 0 for none.
    offset : float
        Variance at signal 0, in stored units squared; negative where the dark level is
        not 0.
    """

    gain: float
    offset: float

    def stabilise(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Values whose noise is 1."""
        if self.gain <= 0.0:
            return np.asarray(values / np.sqrt(self.offset))
        inside = self.gain * values + 0.375 * self.gain**2 + self.offset
        return np.asarray(2.0 / self.gain * np.sqrt(np.maximum(inside, 0.0)))

    def undo(self, stable: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The values whose mean noisy transform this is."""
        if self.gain <= 0.0:
            return np.asarray(stable * np.sqrt(self.offset))
        d = np.maximum(stable, _ZERO)
        root = np.sqrt(1.5)
        photons = d**2 / 4 + root / (4 * d) - 11 / (8 * d**2) + 5 * root / (8 * d**3) - 0.125
        return np.asarray(self.gain * photons - self.offset / self.gain)


def photon(measured: Measured, sigma: Float) -> Restoring:
    """Remove shot noise and read noise; what is not measured stays as it was.

    Parameters
    ----------
    measured : Measured
    sigma : float64 ndarray, (active,)
        Noise at the mean signal, in stored units.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (bands, y, x)
    """
    return through_stabilised(measured, sigma, _refined, fills=False)


def through_stabilised(
    measured: Measured,
    sigma: Float,
    restoring: Callable[[Measured, Float], Restoring],
    *,
    fills: bool,
) -> Restoring:
    """Restore a cube where its noise is the same everywhere.

    Parameters
    ----------
    measured : Measured
        Its stripes are taken off first.
    sigma : float64 ndarray, (active,)
        Noise at the mean signal, in stored units.
    restoring : callable
        ``restoring(measured, sigma)`` restores the transformed cube, whose noise is 1.
    fills : bool
        Whether it fills what is missing; else that stays as it was.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    float32 ndarray, (bands, y, x)
    """
    begin, end = 0.05, 0.97
    transforms, stable = yield from portion(_stabilised(measured, sigma), 0.0, begin)
    clean = yield from portion(restoring(stable, np.ones(len(sigma))), begin, end)
    outside = find_outside(measured) if fills else None
    for index, (band, transform) in enumerate(zip(measured.active, transforms, strict=True)):
        stored = np.asarray(measured.cube.data[int(band)])
        restored = transform.undo(clean[band].astype(np.float64))
        chosen = measured.valid(index, stored)
        if outside is not None:
            chosen |= ~outside
        clean[band] = np.where(chosen, restored, stored)
        yield end + (1.0 - end) * (index + 1) / len(transforms)
    return clean


def _refined(measured: Measured, sigma: Float) -> Restoring:
    return denoise_components(measured, sigma, refined, RESERVOIR)


def _stabilised(
    measured: Measured, sigma: Float
) -> Generator[float, None, tuple[list[Photons], Measured]]:
    """The transforms of the active bands, and the transformed cube."""
    cube = measured.cube
    model = _Model.of(measured)
    result = measured.new_result()
    transforms = []
    for index, band in enumerate(measured.active):
        stored = np.asarray(cube.data[int(band)])
        valid = measured.valid(index, stored)
        values = stored.astype(np.float64)
        if measured.stripes is not None:
            values = measured.stripes.off_band(values, index)
        mean = float(values[valid].mean())
        level = float(sigma[index])
        transform = model.transform(index, mean, level) if model else Photons(0.0, level**2)
        transforms.append(transform)
        result[band] = np.where(valid, transform.stabilise(np.where(valid, values, mean)), np.nan)
        yield (index + 1) / len(sigma)
    for band in np.setdiff1d(np.arange(cube.n_bands), measured.active):
        result[band] = cube.data[int(band)]
    changed = cube.replace(data=result, nodata=None)
    stable = dataclasses.replace(
        measured, cube=changed, stripes=None, whole=Whole(outside=measured.whole.outside), out=None
    )
    return transforms, stable


@dataclasses.dataclass(frozen=True, eq=False)
class _Model:
    """Gain, variance at signal 0 and noise at the mean signal, (active,) each.

    Gain and variance are medians over neighbouring bands, which one detector saw: a fit of
    a single band scatters.
    """

    gain: Float
    offset: Float
    at_mean: Float

    @classmethod
    def of(cls, measured: Measured) -> _Model | None:
        """What was found; None where the noise does not grow with the signal."""
        shot = shot_of(measured)
        if shot is None or not shot.share:
            return None
        return cls(_smooth(shot.gain), _smooth(np.square(shot.read)), shot.at_mean)

    def transform(self, index: int, mean: float, sigma: float) -> Photons:
        """The transform of a band, for the noise that is wanted at its mean signal."""
        gain, offset = float(self.gain[index]), float(self.offset[index])
        expected = gain * mean + offset
        if gain * mean <= _LEAST_SHARE * expected:
            return Photons(0.0, sigma**2)
        known = float(self.at_mean[index])
        # The user may have told the noise, or its strength.
        scale = (sigma / known) ** 2 if known > 0 else sigma**2 / expected
        return Photons(gain * scale, offset * scale)


def _smooth(fitted: Float) -> Float:
    """Medians over neighbouring bands of what is finite."""
    places, known = np.arange(len(fitted)), np.isfinite(fitted)
    filled = np.interp(places, places[known], fitted[known])
    return np.asarray(ndimage.median_filter(filled, size=min(_AROUND, len(fitted)), mode="nearest"))
