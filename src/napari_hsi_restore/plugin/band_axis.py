"""Where the bands of a cube lie on an axis in nanometres, or by number where none are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube

FloatArray = npt.NDArray[np.float64]

_GAP_STEPS = 6.0
"""Neighbours so many typical steps apart are not joined by a line."""


@dataclasses.dataclass(frozen=True, eq=False)
class BandAxis:
    """The spectral axis of a cube.

    Attributes
    ----------
    positions : float64 ndarray, (bands,)
        Nanometres, in the order of the bands (which may be uneven, overlap or
        descend); 0, 1, 2 ... without wavelengths.
    in_nm : bool
        Whether `positions` are nanometres.
    good : bool ndarray, (bands,)
        False for bands that the file marks as bad.
    """

    positions: FloatArray
    in_nm: bool
    good: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, cube: HyperCube) -> BandAxis:
        """Make the axis of a cube; wavelengths that are not all finite are not used."""
        wavelengths = cube.wavelengths_nm
        in_nm = wavelengths is not None and bool(np.isfinite(wavelengths).all())
        positions = (
            wavelengths
            if wavelengths is not None and in_nm
            else np.arange(cube.n_bands, dtype=np.float64)
        )
        good = np.ones(cube.n_bands, bool) if cube.good_bands is None else cube.good_bands
        return cls(positions, in_nm, good)

    @property
    def n_bands(self) -> int:
        """Number of bands."""
        return int(self.positions.size)

    @property
    def title(self) -> str:
        """What the axis shows, for a plot."""
        return "Wavelength (nm)" if self.in_nm else "Band number"

    @property
    def order(self) -> npt.NDArray[np.intp]:
        """Bands from the shortest to the longest wavelength, (bands,)."""
        return np.argsort(self.positions, kind="stable")

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest position; always low < high."""
        low, high = float(self.positions.min()), float(self.positions.max())
        return (low, high) if low < high else (low - 0.5, high + 0.5)

    def same_bands(self, other: BandAxis) -> bool:
        """Whether another axis has the same bands at the same places, good where these are."""
        return (
            self.n_bands == other.n_bands
            and self.in_nm == other.in_nm
            and np.allclose(self.positions, other.positions)
            and bool((self.good == other.good).all())
        )

    def between(self, low: float, high: float) -> npt.NDArray[np.intp]:
        """Find the bands whose centres lie in a stretch of the axis; the nearest one if none."""
        inside = np.flatnonzero((self.positions >= low) & (self.positions <= high))
        return inside if inside.size else np.array([self.nearest((low + high) / 2)])

    def polyline(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lay out values for drawing as a line.

        Parameters
        ----------
        values : float64 ndarray, (bands,)

        Returns
        -------
        x, y : float64 ndarray, (points,)
            `y` is NaN at bad bands, and between points that no line should join:
            across a stretch without bands, and where a second detector starts again
            at shorter wavelengths.
        """
        steps = np.diff(self.positions)
        forward = np.mean(steps > 0) if steps.size else 1.0
        in_file_order = max(forward, 1 - forward) > 0.9
        order = np.arange(self.n_bands) if in_file_order else self.order
        x, y = self.positions[order], np.where(self.good, values, np.nan)[order]
        steps = np.diff(x) * (-1 if in_file_order and forward < 0.5 else 1)
        typical = np.median(np.abs(steps)) if steps.size else 0.0
        breaks = np.flatnonzero((steps < 0) | (steps > _GAP_STEPS * max(typical, 1e-9))) + 1
        return np.insert(x, breaks, x[breaks]), np.insert(y, breaks, np.nan)

    def nearest(self, position: float) -> int:
        """Find the band whose centre is nearest to a position."""
        return int(np.argmin(np.abs(self.positions - position)))

    def neighbour(self, band: int, steps: int) -> int:
        """Find the band so many places further along the axis, at most at its end."""
        order = self.order
        place = int(np.flatnonzero(order == band)[0]) + steps
        return int(order[min(max(place, 0), self.n_bands - 1)])

    def describe(self, band: int) -> str:
        """Name a band for a person, numbered from 0 as napari's slider does."""
        text = f"Band {band} / {self.n_bands - 1}"
        if self.in_nm:
            text += f"  ·  {self.positions[band]:.1f} nm"
        if not self.good[band]:
            text += "  ·  marked bad"
        return text

    def bad_runs(self) -> list[tuple[float, float]]:
        """List the stretches of the axis that bad bands cover, as (low, high)."""
        order = self.order
        centres = self.positions[order]
        middles = (centres[1:] + centres[:-1]) / 2
        low_edges = np.concatenate([centres[:1], middles])
        high_edges = np.concatenate([middles, centres[-1:]])
        bad = np.concatenate([[False], ~self.good[order], [False]])
        starts = np.flatnonzero(bad[1:] & ~bad[:-1])
        ends = np.flatnonzero(~bad[1:] & bad[:-1]) - 1
        return [
            (float(low_edges[first]), float(high_edges[last]))
            for first, last in zip(starts, ends, strict=True)
        ]
