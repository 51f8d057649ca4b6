"""The user's cubes, split in what is learned and what is held out."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.restore.statistics import active_bands
from napari_hsi_restore.training.finetune.alike import title

Block = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Part = tuple[slice, slice]

LEAST_SIDE = 16
"""Pixels along each side of what is learned from; the networks look further than that."""

LEAST_PIXELS = 1024
"""Valid pixels of all cubes together to learn from; fewer are only learned by heart [ours]."""

LEAST_HELD_OUT = 160
"""Valid held-out pixels of all cubes together; with fewer no gain can be told from chance."""

MEMORY_SHARE = 0.25
"""Part of the free memory that the cubes may take; of larger ones the middle is taken."""

LARGEST_SHIFT = 0.5
"""Of the mean of a cube against that of its reference, relative to the reference."""


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """One cube to learn from.

    Attributes
    ----------
    name : str
    cube : float32 ndarray, (bands, y, x)
        Stored values; pixels that are not valid have the mean spectrum.
    clean : float32 ndarray, (bands, y, x), or None
        Its reference, in the same units.
    valid : bool ndarray, (y, x)
        Pixels that are valid in all bands of both.
    bands : intp ndarray, (bands,)
        Which bands of the user's cube these are.
    wavelengths_nm : float64 ndarray, (bands,), or None
    white : float
        Stored value that counts as white.
    learned, held_out : pair of slice
        Rows and columns that are learned from, and those that never are.
    """

    name: str
    cube: Block
    clean: Block | None
    valid: Mask
    bands: npt.NDArray[np.intp]
    wavelengths_nm: npt.NDArray[np.float64] | None
    white: float
    learned: Part
    held_out: Part


def samples(
    cubes: Sequence[HyperCube],
    references: Sequence[HyperCube] | None,
    held_out: float,
    memory: float | None = None,
) -> Iterator[float | str | Sample]:
    """Read the cubes and split them.

    Parameters
    ----------
    cubes, references
        As `check_alike` lets them pass.
    held_out : float
        Part of the longer side of each that is held out.
    memory : float, optional
        Bytes for all cubes together; None for a quarter of what is free.

    Yields
    ------
    float
        Fraction done.
    str
        A sentence for the user.
    Sample
        One for each cube.

    Raises
    ------
    UserError
        If there are too few valid pixels or bands.
    """
    copies = 1 if references is None else 2
    if memory is None:
        memory = MEMORY_SHARE * float(psutil.virtual_memory().available)
    available = memory / len(cubes) / copies
    learned = kept = 0
    for index, cube in enumerate(cubes):
        reference = None if references is None else references[index]
        bands = _bands(cube, reference)
        window = _window(cube, len(bands), available)
        if window != _whole(cube.shape[1:]):
            rows, columns = window
            yield (
                f"{cube.name} is larger than the memory for it: the {rows.stop - rows.start} x "
                f"{columns.stop - columns.start} pixels in its middle are used."
            )
        found = _sample(cube, reference, bands, window, held_out)
        learned += int(found.valid[found.learned].sum())
        kept += int(found.valid[found.held_out].sum())
        yield found
        yield (index + 1) / len(cubes)
    if learned < LEAST_PIXELS or kept < LEAST_HELD_OUT:
        names = ", ".join(cube.name for cube in cubes)
        raise UserError(
            f"{names}: too few pixels to learn from: {learned} valid ones and {kept} held out for "
            f"checking, at least {LEAST_PIXELS} and {LEAST_HELD_OUT} are needed; add larger or "
            "more cubes of the sensor."
        )


def _whole(shape: tuple[int, ...]) -> Part:
    return slice(0, shape[0]), slice(0, shape[1])


def _bands(cube: HyperCube, reference: HyperCube | None) -> npt.NDArray[np.intp]:
    """Bands that vary and are not marked as bad, in the cube and in its reference."""
    useful = np.ones(cube.n_bands, dtype=bool)
    for each in (cube, reference):
        if each is not None:
            useful &= active_bands(each)
            if each.good_bands is not None:
                useful &= each.good_bands
    if not useful.any():
        raise UserError(
            f"{title(cube)}: no band is both good and varied, in it and in its reference; check "
            "the bad bands and the no-data value."
        )
    return np.flatnonzero(useful)


def _window(cube: HyperCube, bands: int, available: float) -> Part:
    """The middle of a cube that fits some bytes."""
    _, height, width = cube.shape
    share = min(1.0, available / (4.0 * bands * height * width))
    if share == 1.0:
        return _whole((height, width))
    rows, columns = (max(2 * LEAST_SIDE, int(side * share**0.5)) for side in (height, width))
    rows, columns = min(rows, height), min(columns, width)
    top, left = (height - rows) // 2, (width - columns) // 2
    return slice(top, top + rows), slice(left, left + columns)


def _sample(
    cube: HyperCube,
    reference: HyperCube | None,
    bands: npt.NDArray[np.intp],
    window: Part,
    held_out: float,
) -> Sample:
    values, measured = _read(cube, bands, window)
    valid: Any = measured
    clean = None
    if reference is not None:
        clean, there = _read(reference, bands, window)
        clean = _in_units_of(cube, reference, clean, bands)
        valid = np.logical_and(measured, there)
    for block in (values, clean):
        if block is not None and valid.any() and not valid.all():
            block[:, ~valid] = block[:, valid].mean(axis=1)[:, None]
    if reference is not None and clean is not None:
        _check_brightness(reference, clean, cube, values)
    learned, kept = split(valid.shape, held_out)
    sides = [part.stop - part.start for part in learned]
    if min(sides) < LEAST_SIDE:
        raise UserError(
            f"{title(cube)}: too few pixels to learn from: {sides[0]} x {sides[1]} are left when "
            f"some are held out for checking, at least {LEAST_SIDE} x {LEAST_SIDE} are needed; "
            "give larger cubes."
        )
    truth = values if clean is None else clean
    white = cube.white_level
    if white is None:
        white = float(np.percentile(truth[:, valid], 99.9)) if valid.any() else 1.0
    wavelengths = None if cube.wavelengths_nm is None else cube.wavelengths_nm[bands]
    return Sample(cube.name, values, clean, valid, bands, wavelengths, white or 1.0, learned, kept)


def _in_units_of(
    cube: HyperCube, reference: HyperCube, stored: Block, bands: npt.NDArray[np.intp]
) -> Block:
    """Stored values of a reference as the cube would store them."""

    def of(value: float | npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        every = np.broadcast_to(np.asarray(value, dtype=np.float64), (cube.n_bands,))
        return every[bands, None, None].astype(np.float32)

    physical = stored * of(reference.gain) + of(reference.offset)
    converted: Block = (physical - of(cube.offset)) / of(cube.gain)
    return converted


def _check_brightness(reference: HyperCube, clean: Block, cube: HyperCube, noisy: Block) -> None:
    """Refuse a reference in other units; over many pixels noise leaves the mean as it is."""
    bright, expected = (float(np.mean(block, dtype=np.float64)) for block in (clean, noisy))
    size = float(np.mean(np.abs(clean), dtype=np.float64))
    if abs(bright - expected) > LARGEST_SHIFT * size:
        raise UserError(
            f"{title(reference)}: its mean is {bright:.4g}, that of {title(cube)} is "
            f"{expected:.4g}, so it cannot be its reference; give the clean cube of the same "
            "pixels in the same units."
        )


def _read(cube: HyperCube, bands: npt.NDArray[np.intp], window: Part) -> tuple[Block, Mask]:
    """Values of some bands as float32, and the pixels that are valid in all of them."""
    stored = np.asarray(cube.data[:, window[0], window[1]])[bands]
    valid: Mask = np.all(cube.valid(stored), axis=0)
    return np.array(stored, dtype=np.float32, order="C"), valid


def split(shape: tuple[int, ...], held_out: float) -> tuple[Part, Part]:
    """What is learned from and what is held out: the end of the longer side.

    Parameters
    ----------
    shape : tuple of int
        (y, x).
    held_out : float
        Part of the pixels.
    """
    height, width = shape
    rows, columns = _whole(shape)
    if height >= width:
        edge = height - max(1, round(held_out * height))
        return (slice(0, edge), columns), (slice(edge, height), columns)
    edge = width - max(1, round(held_out * width))
    return (rows, slice(0, edge)), (rows, slice(edge, width))
