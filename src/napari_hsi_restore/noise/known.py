"""What was found of one cube so far, so that the next run on it begins sooner."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.noise.defects import mark_defects
from napari_hsi_restore.noise.measured import (
    Float,
    Mask,
    Measured,
    Moments,
    estimated_noise,
    find_active,
    moments,
)
from napari_hsi_restore.noise.portion import portion
from napari_hsi_restore.noise.report import NoiseReport


class Known:
    """Active bands, defects, moments and noise of one cube, each found when first asked for.

    Only whole results are kept, whatever was cancelled, and they are those of a new
    search. The caller sees to it that it is always the same cube, without hidden pixels.

    Attributes
    ----------
    report : NoiseReport or None
        Of `napari_hsi_restore.noise.analyse`, once it has run.
    """

    def __init__(self) -> None:
        self.report: NoiseReport | None = None
        self._active: npt.NDArray[np.intp] | None = None
        self._defects: npt.NDArray[np.uint8] | None = None
        self._searched = False
        self._moments: dict[bool, Moments] = {}
        self._noise: dict[bool, Float] = {}

    def measured(
        self, cube: HyperCube, hidden: Mask | None, *, mends: bool
    ) -> Generator[float, None, Measured]:
        """The bands and pixels of the cube that hold measurements.

        Parameters
        ----------
        cube : HyperCube
        hidden : bool ndarray, (y, x), or None
            Pixels that are to count as missing.
        mends : bool
            Whether dead lines and stuck pixels are looked for, and then count as missing.

        Yields
        ------
        float
            Fraction done.
        """
        if self._active is None:
            self._active = yield from portion(find_active(cube), 0.0, 0.2)
        measured = Measured(cube, self._active, hidden)
        if not mends:
            return measured
        if not self._searched:
            found = yield from portion(mark_defects(measured), 0.2, 1.0)
            if found.outliers is not None:
                # A bit a value: it may stay for as long as the cube is open.
                self._defects = np.packbits(found.outliers)
            self._searched = True
        if self._defects is None:
            return measured
        shape = (len(self._active), *cube.shape[1:])
        outliers = np.unpackbits(self._defects, count=int(np.prod(shape))).reshape(shape)
        return dataclasses.replace(measured, outliers=outliers.view(bool))

    def noise(self, measured: Measured, *, mends: bool) -> Float:
        """The noise of the active bands, as `estimated_noise` finds it, (active,)."""
        if mends not in self._noise:
            self._noise[mends] = estimated_noise(measured)
        return self._noise[mends]

    def moments(self, measured: Measured, *, mends: bool) -> Generator[float, None, Moments]:
        """The moments of the spectra.

        Yields
        ------
        float
            Fraction done.
        """
        if mends not in self._moments:
            self._moments[mends] = yield from moments(measured)
        return self._moments[mends]
