"""A generated scene for trying things out: sample data, demo and tests.

Meadow, soil, a pond, a road, a tiled roof, shaded balls, a chart of paints, a
resolution target and small letters, seen from above. The spectra are our own
smooth formulas in the shape of real ones (chlorophyll with a red edge, iron
oxide in soil and tiles, pigments with one flank or one hump, a rare-earth glass
with narrow absorptions); nothing in it is measured.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.errors import UserError

Plane = npt.NDArray[np.float64]
Spectrum = npt.NDArray[np.float64]

# Drawn finer than asked for and averaged, so that edges are mixed pixels as in a sensor.
# The finest textures and letters need a canvas of this size whatever the size of the image;
# a large image is drawn on a finer one only as far as it costs no seconds.
_CANVAS = 384
_OVERSAMPLING, _OVERSAMPLING_LARGE, _LARGE = 3, 2, 256
_SMALLEST = 16

_GLYPHS = {
    "A": ("010", "101", "111", "101", "101"),
    "H": ("101", "101", "111", "101", "101"),
    "I": ("111", "010", "010", "010", "111"),
    "N": ("110", "101", "101", "101", "101"),
    "P": ("111", "101", "111", "100", "100"),
    "R": ("110", "101", "110", "101", "101"),
    "S": ("111", "100", "111", "001", "111"),
}


def demo_scene(
    size: int = 128,
    bands: int = 31,
    seed: int = 0,
    *,
    wavelength_range: tuple[float, float] = (400.0, 700.0),
) -> HyperCube:
    """Generate a clean scene in reflectance.

    Parameters
    ----------
    size : int
        Height and width in pixels, at least 16. The same objects fill every size.
    bands : int
        Number of bands, at least 1, evenly spaced over `wavelength_range`.
    seed : int
        For the textures; the layout is always the same.
    wavelength_range : tuple of float
        First and last band centre in nanometres, within 350..2500.

    Returns
    -------
    HyperCube
        float32 (bands, size, size), reflectance 0..1, white level 1, no noise. The
        same arguments give the same values.

    Raises
    ------
    UserError
        For a size, a number of bands, a seed or a range that is out of bounds.
    """
    first, last = wavelength_range
    if size < _SMALLEST or bands < 1 or seed < 0 or not 350 <= first <= last <= 2500:
        raise UserError(
            f"The demo scene cannot have size {size}, {bands} bands from {first:g} to {last:g} nm "
            f"and seed {seed}; ask for at least {_SMALLEST} pixels, 1 band, 350..2500 nm and a "
            "seed that is not negative."
        )
    wavelengths = np.linspace(first, last, bands) if bands > 1 else np.array([(first + last) / 2])
    finer = max(_OVERSAMPLING if size <= _LARGE else _OVERSAMPLING_LARGE, -(-_CANVAS // size))
    painter = _Painter(size * finer, np.random.default_rng(seed))
    _paint_land(painter)
    _paint_objects(painter)
    _paint_charts(painter)
    names = list(painter.weights)
    spectra = np.stack([_SPECTRA[name](wavelengths) for name in names], axis=1)
    blocks = (size, finer, size, finer)
    weights = np.stack([painter.weights[name].reshape(blocks).mean(axis=(1, 3)) for name in names])
    data = np.clip(np.tensordot(spectra, weights, axes=1), 0.0, 1.0)
    return HyperCube(
        data=data.astype(np.float32),
        name="demo scene",
        wavelengths_nm=wavelengths,
        units="reflectance",
        white_level=1.0,
        history=(f"Generated demo scene, {size} x {size} pixels, {bands} bands, seed {seed}.",),
    )


@dataclasses.dataclass(init=False, eq=False)
class _Painter:
    """Weights of every material on a fine canvas whose corners are (0, 0) and (1, 1)."""

    x: Plane
    y: Plane
    weights: dict[str, Plane]

    def __init__(self, resolution: int, rng: np.random.Generator) -> None:
        position = (np.arange(resolution) + 0.5) / resolution
        self.x, self.y = np.meshgrid(position, position)
        self.weights = {name: np.zeros_like(self.x) for name in _SPECTRA}
        self._rng = rng
        self._used: set[str] = set()

    def paint(self, name: str, where: Plane | npt.NDArray[np.bool_], light: Plane | float) -> None:
        """Cover `where` (0..1 or bool) with a material in the given light."""
        self.mix(((name, 1.0),), where, light)

    def mix(
        self,
        parts: tuple[tuple[str, Plane | float], ...],
        where: Plane | npt.NDArray[np.bool_],
        light: Plane | float,
    ) -> None:
        """Cover `where` with shares of several materials."""
        rows, columns = _bounds(where)
        cover = where[rows, columns].astype(np.float64)
        bright = cover * np.broadcast_to(light, where.shape)[rows, columns]
        for name, weight in self.weights.items():
            if name in self._used:
                weight[rows, columns] *= 1.0 - cover
        for name, share in parts:
            self._used.add(name)
            shares = np.broadcast_to(share, where.shape)[rows, columns]
            self.weights[name][rows, columns] += bright * shares

    def shade(self, factor: Plane) -> None:
        """Multiply the light on all that is painted so far."""
        for name in sorted(self._used):
            self.weights[name] *= factor

    def texture(self, coarsest: int, octaves: int) -> Plane:
        """Draw fractal noise of mean 0 and standard deviation 1.

        Octave k has `coarsest` * 2^k random values along each side and 0.7 times
        the amplitude of the one before, whatever the resolution.
        """
        total = np.zeros_like(self.x)
        for octave in range(octaves):
            cells = coarsest * 2**octave
            grid = self._rng.standard_normal((1, cells, cells))
            total += 0.7**octave * resize_bicubic(grid, size=(total.shape[0], total.shape[1]))[0]
        return np.asarray((total - total.mean()) / total.std())

    def box(self, left: float, top: float, right: float, bottom: float) -> npt.NDArray[np.bool_]:
        """Return the inside of a rectangle."""
        inside = (self.x >= left) & (self.x < right) & (self.y >= top) & (self.y < bottom)
        return np.asarray(inside)


def _bounds(where: Plane | npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _paint_land(painter: _Painter) -> None:
    x, y = painter.x, painter.y
    everywhere = np.ones_like(x)
    light = 1.0 + 0.10 * (0.5 - x) - 0.06 * y
    grain = painter.texture(12, 5)
    wet = np.clip(0.45 + 0.25 * painter.texture(4, 3), 0, 1)
    painter.mix((("wet soil", wet), ("dry soil", 1 - wet)), everywhere, light * (1 + 0.11 * grain))
    leaves = painter.texture(16, 5)
    lush = np.clip(0.5 + 0.28 * painter.texture(3, 3), 0, 1)
    border = 0.47 + 0.05 * np.sin(5.5 * x + 0.6) + 0.012 * painter.texture(10, 4)
    meadow = np.clip((border - y) * 60 + 0.8 * leaves, 0, 1)
    shaded = light * np.clip(1 + 0.24 * leaves, 0.35, 1.7)
    painter.mix((("leaf", lush), ("dry grass", 1 - lush)), meadow, shaded)
    shore = np.hypot((x - 0.20) / 0.17, (y - 0.20) / 0.13) + 0.03 * painter.texture(5, 3)
    painter.paint("wet soil", np.clip((1.10 - shore) * 30, 0, 1), 0.8)
    ripple = 0.85 + 0.05 * np.sin(170 * (y + 0.15 * x) + 4 * painter.texture(6, 3))
    ripple = ripple + 0.10 * painter.texture(4, 5)
    painter.paint("water", np.clip((1.0 - shore) * 40, 0, 1), ripple)
    middle = 0.455 + 0.10 * np.sin(3.0 * y + 0.4)
    road = np.abs(x - middle) < 0.042
    painter.paint("asphalt", road, light * (1 + 0.08 * painter.texture(48, 3)))
    dashes = (np.abs(x - middle) < 0.0045) & (np.mod(y, 0.075) < 0.042)
    painter.paint("white paint", dashes, 0.85)
    trees = ((0.62, 0.09, 0.050), (0.40, 0.36, 0.040), (0.93, 0.38, 0.055), (0.34, 0.07, 0.045))
    for column, row, radius in trees:
        _paint_tree(painter, column, row, radius)


def _paint_tree(painter: _Painter, column: float, row: float, radius: float) -> None:
    x, y = painter.x, painter.y
    shadow = np.hypot(x - column - 0.5 * radius, y - row - 0.5 * radius) < radius
    painter.shade(np.where(shadow, 0.45, 1.0))
    ragged = radius * (1 + 0.07 * painter.texture(24, 2))
    away = np.hypot(x - column, y - row) / ragged
    sunny = 0.85 - 0.45 * ((x - column) + (y - row)) / radius
    bumps = np.clip(sunny * (1 + 0.28 * painter.texture(32, 3)), 0.15, 1.8)
    painter.paint("leaf", away < 1, 0.75 * bumps)


def _paint_objects(painter: _Painter) -> None:
    x, y = painter.x, painter.y
    house = painter.box(0.66, 0.12, 0.92, 0.31)
    shadow = painter.box(0.68, 0.15, 0.945, 0.335) & ~house
    painter.shade(np.where(shadow, 0.4, 1.0))
    tiles = 1 + 0.16 * np.sign(np.sin(2 * np.pi * x / 0.016)) * (np.mod(y, 0.022) < 0.018)
    slope = np.where(y < 0.215, 1.12, 0.72)
    painter.paint("roof tile", house, slope * tiles * (1 + 0.06 * painter.texture(40, 2)))
    painter.paint("asphalt", painter.box(0.66, 0.212, 0.92, 0.219), 1.6)
    painter.paint("black paint", painter.box(0.84, 0.145, 0.885, 0.185), 1.0)
    painter.paint("white paint", painter.box(0.848, 0.153, 0.877, 0.177), 0.6)
    for name, column, row, radius in (
        ("red paint", 0.10, 0.51, 0.055),
        ("yellow paint", 0.225, 0.485, 0.045),
        ("cyan paint", 0.325, 0.525, 0.037),
        ("rare-earth glass", 0.64, 0.485, 0.055),
        ("magenta paint", 0.77, 0.50, 0.042),
    ):
        _paint_ball(painter, name, column, row, radius)


def _paint_ball(painter: _Painter, name: str, column: float, row: float, radius: float) -> None:
    right, down = (painter.x - column) / radius, (painter.y - row) / radius
    away = np.hypot(right, down)
    cast = np.exp(-((np.hypot(right - 0.45, down - 0.45) / 1.05) ** 6))
    painter.shade(1 - 0.6 * cast)
    height = np.sqrt(np.clip(1 - away**2, 0, None))
    facing = np.clip(-0.45 * right - 0.5 * down + 0.74 * height, 0, None)
    painter.paint(name, away < 1, 0.12 + 0.88 * facing)
    painter.weights["white paint"] += 0.65 * (away < 1) * np.clip(facing, 0, 1) ** 60


def _paint_charts(painter: _Painter) -> None:
    x, y = painter.x, painter.y
    painter.paint("black paint", painter.box(0.05, 0.63, 0.47, 0.95), 1.0)
    patches = (
        *("blue paint", "green paint", "red paint", "yellow paint"),
        *("magenta paint", "cyan paint", "orange paint", "rare-earth glass"),
        *("white paint", "light grey", "grey", "wood"),
    )
    for index, name in enumerate(patches):
        left, top = 0.062 + 0.101 * (index % 4), 0.642 + 0.1015 * (index // 4)
        light: Plane | float = 1.0
        if name == "wood":
            light = 1 + 0.18 * np.sin(260 * x + 4 * painter.texture(3, 2))
        painter.paint(name, painter.box(left, top, left + 0.093, top + 0.093), light)
    painter.paint("white paint", painter.box(0.54, 0.63, 0.95, 0.95), 0.95)
    # Bars whose period falls from 1/16 to 1/128 of the picture: 8 to 1 pixels at size 128.
    along = np.clip((x - 0.56) / 0.22, 0, 1)
    phase = 0.22 / np.log(8) * 16 * (8**along - 1)
    bars = (np.mod(phase, 1.0) < 0.5) & painter.box(0.56, 0.65, 0.78, 0.76)
    painter.paint("black paint", bars, 1.0)
    right, down = x - 0.865, y - 0.72
    star = (np.sin(18 * np.arctan2(down, right)) > 0) & (np.hypot(right, down) < 0.07)
    painter.paint("black paint", star, 1.0)
    for text, left, top, dot_size, ink in (
        ("NAPARI", 0.56, 0.80, 0.0095, "black paint"),
        ("HSI", 0.83, 0.815, 0.0095, "red paint"),
        ("HIPARIS PAIN NAPARI RAIN", 0.56, 0.88, 0.0040, "blue paint"),
        ("SHARP HAIRPIN IN RIPS", 0.56, 0.912, 0.0040, "black paint"),
    ):
        painter.paint(ink, _letters(painter, text, (left, top), dot_size), 1.0)


def _letters(
    painter: _Painter, text: str, corner: tuple[float, float], dot_size: float
) -> npt.NDArray[np.bool_]:
    column = np.floor((painter.x - corner[0]) / dot_size).astype(np.intp)
    row = np.floor((painter.y - corner[1]) / dot_size).astype(np.intp)
    page = np.zeros((5, 4 * len(text)), dtype=bool)
    for index, letter in enumerate(text):
        for line, dots in enumerate(_GLYPHS.get(letter, ("000",) * 5)):
            page[line, 4 * index : 4 * index + 3] = [mark == "1" for mark in dots]
    inside = (column >= 0) & (column < page.shape[1]) & (row >= 0) & (row < 5)
    inked = page[np.clip(row, 0, 4), np.clip(column, 0, page.shape[1] - 1)]
    return np.asarray(inside & inked)


def _rise(w: Spectrum, centre: float, width: float) -> Spectrum:
    return 1.0 / (1.0 + np.exp(-(w - centre) / width))


def _hump(w: Spectrum, centre: float, width: float) -> Spectrum:
    return np.exp(-0.5 * ((w - centre) / width) ** 2)


def _leaf(w: Spectrum) -> Spectrum:
    water = 1 - 0.1 * _hump(w, 970, 25) - 0.2 * _hump(w, 1200, 40) - 0.75 * _hump(w, 1450, 70)
    water -= 0.85 * _hump(w, 1940, 90) + 0.5 * _rise(w, 2300, 60)
    visible = 0.030 + 0.085 * _hump(w, 553, 30) + 0.020 * _hump(w, 620, 35)
    return visible + 0.44 * _rise(w, 716, 11) * np.clip(water, 0.05, 1)


def _dry_grass(w: Spectrum) -> Spectrum:
    return 0.45 * _leaf(w) + 0.05 + 0.22 * _rise(w, 590, 65) - 0.04 * _hump(w, 672, 16)


def _soil(w: Spectrum) -> Spectrum:
    slope = 0.07 + 0.36 * (1 - np.exp(-np.clip(w - 360, 0, None) / 420))
    return slope * (1 - 0.08 * _hump(w, 870, 60) - 0.10 * _hump(w, 2205, 20))


_SPECTRA: dict[str, Callable[[Spectrum], Spectrum]] = {
    "leaf": _leaf,
    "dry grass": _dry_grass,
    "dry soil": _soil,
    "wet soil": lambda w: 0.5 * _soil(w) ** 1.1,
    "water": lambda w: 0.014 + 0.080 * _hump(w, 495, 62) * (1 - _rise(w, 640, 40)),
    "asphalt": lambda w: 0.10 + 0.03 * _rise(w, 600, 150),
    "roof tile": lambda w: 0.055 + 0.34 * _rise(w, 592, 22) - 0.04 * _hump(w, 860, 60),
    "wood": lambda w: 0.09 + 0.42 * _rise(w, 575, 55),
    "white paint": lambda w: 0.05 + 0.85 * _rise(w, 402, 8),
    "light grey": lambda w: 0.48 + 0.02 * _rise(w, 550, 120),
    "grey": lambda w: 0.19 + 0.01 * _rise(w, 550, 120),
    "black paint": lambda w: 0.035 + 0.01 * _rise(w, 690, 60),
    "blue paint": lambda w: 0.04 + 0.42 * _hump(w, 452, 38) + 0.35 * _rise(w, 735, 18),
    "green paint": lambda w: 0.04 + 0.36 * _hump(w, 530, 33) + 0.40 * _rise(w, 745, 20),
    "red paint": lambda w: 0.045 + 0.66 * _rise(w, 607, 11),
    "yellow paint": lambda w: 0.05 + 0.74 * _rise(w, 512, 12),
    "orange paint": lambda w: 0.05 + 0.68 * _rise(w, 568, 12),
    "magenta paint": lambda w: 0.06 + 0.34 * _hump(w, 438, 36) + 0.66 * _rise(w, 616, 12),
    "cyan paint": lambda w: 0.05 + 0.50 * _hump(w, 487, 44) + 0.30 * _rise(w, 740, 20),
    # Narrow lines as of didymium glass: what a denoiser must not smooth away.
    "rare-earth glass": lambda w: (
        0.72 * (1 - 0.78 * _hump(w, 584, 9) - 0.50 * _hump(w, 525, 8) - 0.25 * _hump(w, 475, 8))
    ),
}
