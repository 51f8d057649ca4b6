"""Verbs for Python: `info`, `noise_report`, `convert`, `denoise`, `superres`."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pydantic

from napari_hsi_restore.cube import FloatArray, HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog, read, write
from napari_hsi_restore.io.lazy import in_memory
from napari_hsi_restore.io.mask import read_mask
from napari_hsi_restore.noise import NoiseReport, analyse
from napari_hsi_restore.noise.portion import finish
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.superres_recipe import (
    CORRECTIONS,
    DEFAULT_CORRECTION,
    FineOptions,
    SuperresRecipe,
)

if TYPE_CHECKING:
    from napari_hsi_restore.io.request import PixelOrder

Recipe = TypeVar("Recipe", DenoiseRecipe, SuperresRecipe)


def info(cube: HyperCube | str | Path) -> dict[str, Any]:
    """What a cube is, as plain values.

    Parameters
    ----------
    cube : HyperCube or path
        A path is opened with `read`.

    Returns
    -------
    dict
        ``shape`` (bands, y, x), ``dtype``, ``format``, ``interleave``, ``units``,
        ``wavelengths_nm``, ``fwhm_nm``, ``good_bands``, ``nodata``, ``crs``, ``transform``
        (the six numbers of `Georeference`) and ``bytes`` on disk; None for what is not known.

    Raises
    ------
    UserError
        If the file cannot be read.
    """
    opened = cube if isinstance(cube, HyperCube) else read(cube)
    path = source_path(opened)
    kind, interleave = (None, None) if path is None else catalog.describe(path)
    place = opened.georeference
    good = opened.good_bands
    return {
        "shape": list(opened.shape),
        "dtype": opened.dtype.newbyteorder("=").name,
        "format": kind,
        "interleave": interleave,
        "units": opened.units,
        "wavelengths_nm": _numbers(opened.wavelengths_nm),
        "fwhm_nm": _numbers(opened.fwhm_nm),
        "good_bands": None if good is None else [bool(flag) for flag in good],
        "nodata": _number(opened.nodata),
        "crs": None if place is None else place.crs,
        "transform": None if place is None else [float(value) for value in place.transform],
        "bytes": None if path is None else catalog.bytes_on_disk(path),
    }


def noise_report(cube: HyperCube | str | Path) -> NoiseReport:
    """Find the noise and the defects of a cube; `recommend` says what to do about them.

    Parameters
    ----------
    cube : HyperCube or path
        A path is opened with `read`.

    Returns
    -------
    NoiseReport
        Noise of each band, shot noise, stripes, dead lines, impulses, bad bands and the
        dimension of the spectra. Its `findings` are plain sentences.

    Raises
    ------
    UserError
        If the cube cannot be read or no band has two different valid values.
    """
    opened = cube if isinstance(cube, HyperCube) else read(cube)
    return finish(analyse(in_memory(opened)))


def convert(
    source: str | Path,
    out: str | Path,
    *,
    key: str | None = None,
    bands_axis: int | None = None,
    wavelengths: str | Path | Sequence[float] | FloatArray | None = None,
    shape: tuple[int, int] | None = None,
    pixel_order: PixelOrder | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a cube in another format, with all that the format can keep.

    Parameters
    ----------
    source : path
        See `read`, also for `key`, `bands_axis`, `wavelengths`, `shape` and `pixel_order`.
    out : path
        Its suffix chooses the format.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    UserError
        If the source cannot be read or the target cannot be written.
    """
    check_target(out, overwrite=overwrite)
    cube = read(
        source,
        key=key,
        bands_axis=bands_axis,
        wavelengths=wavelengths,
        shape=shape,
        pixel_order=pixel_order,
    )
    return write(cube, out, overwrite=overwrite)


def denoise(
    cube: HyperCube | str | Path,
    recipe: DenoiseRecipe | None = None,
    *,
    model: str = "auto",
    noise: Literal["auto"] | float | Sequence[float] | FloatArray = "auto",
    strength: float = 1.0,
    device: str = "auto",
    memory_limit_gib: float | None = None,
    tile: int | None = None,
    mask: str | Path | npt.NDArray[Any] | None = None,
    bad_bands: Literal["keep", "restore"] = "keep",
) -> HyperCube:
    """Remove the noise of a cube and wait for it.

    `napari_hsi_restore.restore.restore` does the same with progress, and can be cancelled.

    Parameters
    ----------
    cube : HyperCube or path
        A path is opened with `read`.
    recipe : DenoiseRecipe or None
        All settings as one value, in place of the options below.
    model : str
        Name of a network (`list_models`) or of a method
        (`napari_hsi_restore.restore.denoisers`), or ``"auto"`` for what suits the noise
        of the cube.
    noise : 'auto', float, or sequence of float
        ``"auto"`` estimates the noise of every band; a number is one standard deviation for
        all bands where white is 255; a sequence, (bands,), has one for each band in the
        cube's stored units.
    strength : float
        Factor on the noise that is removed: 0 changes nothing, 1 is the best estimate.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    memory_limit_gib : float or None
        Memory that the run may take beside the cube, in GiB; None to choose it from what is
        free.
    tile : int or None
        Side of a tile of a network in pixels, at least 8; None for what fits the memory.
        The result does not depend on it.
    mask : path, ndarray of (y, x), or None
        Pixels that count as missing, such as clouds: all but 0. A path is a picture or an
        array of the cube's height and width (`napari_hsi_restore.io.mask.read_mask`). Methods
        that fill put values there; ``"auto"`` then takes one of them.
    bad_bands : {'keep', 'restore'}
        What becomes of bands that `HyperCube.good_bands` marks as bad. They have no part in
        restoring the others, and are passed through, or replaced by what the others say
        of them.

    Returns
    -------
    HyperCube
        float32, (bands, y, x), in the units of the source, not clipped. The last line of
        its history says what was done, with which model and why.

    Raises
    ------
    UserError
        If a setting is out of its range, the cube or the mask cannot be read, the cube
        cannot be restored, or the model takes no mask.
    TypeError
        If both a recipe and other options are given.
    """
    options: dict[str, Any] = {
        "model": model,
        "noise": noise if isinstance(noise, str) else _numbers_of(noise),
        "strength": strength,
        "device": device,
        "memory_limit_gib": memory_limit_gib,
        "tile": tile,
        "bad_bands": bad_bands,
    }
    asked = _recipe(DenoiseRecipe, options)
    if recipe is not None and asked != DenoiseRecipe():
        raise TypeError("denoise() takes either a recipe or options, not both")
    opened = cube if isinstance(cube, HyperCube) else read(cube)
    # It loads torch, which takes a second: not before it is needed.
    from napari_hsi_restore.restore import restore
    from napari_hsi_restore.restore.phase import finished

    hidden = hidden_pixels(mask, opened)
    return finished(restore(in_memory(opened), recipe or asked, hidden=hidden))


def hidden_pixels(
    mask: str | Path | npt.NDArray[Any] | None, cube: HyperCube
) -> npt.NDArray[np.bool_] | None:
    """The pixels of a cube that a mask hides, bool (y, x); None without a mask.

    Parameters
    ----------
    mask : path, ndarray of (y, x), or None
        All but 0 is hidden.
    cube : HyperCube

    Raises
    ------
    UserError
        If the file cannot be read, or the mask hides nothing or has another size.
    """
    if mask is None:
        return None
    _, height, width = cube.shape
    if isinstance(mask, str | Path):
        hidden = read_mask(mask, (height, width))
    else:
        hidden = np.asarray(mask) != 0
        if hidden.shape != (height, width):
            raise UserError(
                f"setting 'mask' has the shape {hidden.shape}, {cube.source or cube.name} has "
                f"{height} x {width} pixels; give a mask of the same image."
            )
    if not hidden.any():
        name = mask if isinstance(mask, str | Path) else "setting 'mask'"
        raise UserError(f"{name}: nothing is hidden, all values are 0; leave the mask out.")
    return hidden


def with_bad_bands(cube: HyperCube, text: str | None) -> HyperCube:
    """A cube with other bands marked as bad than its file marks.

    Parameters
    ----------
    cube : HyperCube
    text : str or None
        Bands counted from 0, such as ``"0-3,104"``, or ``"none"``; None to leave the marks.

    Raises
    ------
    UserError
        If it says something else, or names a band that is not there or all bands.
    """
    if text is None:
        return cube
    good = np.ones(cube.n_bands, dtype=bool)
    if text.strip().lower() != "none":
        for part in text.split(","):
            first, dash, last = part.strip().partition("-")
            ends = (first, last) if dash else (first, first)
            if not all(end.strip().isdecimal() for end in ends):
                raise UserError(
                    f"setting 'mark bad': {part.strip()!r} is no band or run of bands; give them "
                    "counted from 0, such as 0-3,104, or none."
                )
            low, high = (int(end) for end in ends)
            if not low <= high < cube.n_bands:
                raise UserError(
                    f"setting 'mark bad': {part.strip()} is not within the {cube.n_bands} bands of "
                    f"{cube.source or cube.name}, which are counted from 0."
                )
            good[low : high + 1] = False
    if not good.any():
        raise UserError("setting 'mark bad': all bands are marked; leave some to restore.")
    return cube.replace(good_bands=good)


def superres(
    cube: HyperCube | str | Path,
    recipe: SuperresRecipe | None = None,
    *,
    scale: int | None = None,
    model: str = "auto",
    fine: str | FineOptions = DEFAULT_CORRECTION,
    ensemble: bool | None = None,
    device: str = "auto",
    memory_limit_gib: float | None = None,
    tile: int | None = None,
    folder: str | Path | None = None,
) -> HyperCube:
    """Enlarge a cube and wait for it.

    `napari_hsi_restore.restore.superres` does the same with progress, and can be cancelled.

    Parameters
    ----------
    cube : HyperCube or path
        A path is opened with `read`.
    recipe : SuperresRecipe or None
        All settings as one value, in place of the options below.
    scale : {2, 3, 4, 8}
        Pixels out for a pixel in, along each side; the bundled models are for 2 and 4.
    model : str
        Name of a model for this scale (`list_models`), ``"bicubic"``,
        ``"back-projection"``, or ``"auto"``: the model of this scale if it gives the
        cube, shrunk by the scale, back better than bicubic, else a classical method.
    fine : str or FineOptions
        Correction of what a model gives: ``"none"``, ``"published"`` (FineSR),
        ``"pixel"``, ``"consistent"`` or ``"published+consistent"``.
    ensemble : bool or None
        Average the answers of the model to eight turns and mirrorings: eight times the
        work for a little more accuracy. None does so where it gains and is
        quick: with an EigenSR model, unless the image is large.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    memory_limit_gib : float or None
        Memory that tiles may take, in GiB; None to choose it from what is free.
    tile : int or None
        Side of a tile in pixels of the input, at least 8; None for what fits the memory.
        The result does not depend on it.
    folder : path or None
        Where everything as large as the cube lies in files, which are gone when nobody uses
        them: for results that do not fit into memory. None for memory.

    Returns
    -------
    HyperCube
        float32, (bands, scale y, scale x), in the units of the source, not clipped. The
        last line of its history says what was done; `napari_hsi_restore.restore.outcome`
        puts it in words.

    Raises
    ------
    UserError
        If a setting is out of its range, or the cube cannot be read or enlarged.
    TypeError
        If both a recipe and other options are given, or neither a recipe nor a scale.
    """
    options: dict[str, Any] = {
        "scale": scale,
        "model": model,
        "fine": fine,
        "ensemble": ensemble,
        "device": device,
        "memory_limit_gib": memory_limit_gib,
        "tile": tile,
    }
    if recipe is None and scale is None:
        raise TypeError("superres() needs a scale, such as scale=2")
    # Beside a recipe only what differs from the defaults was meant.
    plain = SuperresRecipe(scale=2)
    asked = _recipe(SuperresRecipe, options if recipe is None else {**options, "scale": scale or 2})
    if recipe is not None and (scale is not None or asked != plain):
        raise TypeError("superres() takes either a recipe or options, not both")
    opened = cube if isinstance(cube, HyperCube) else read(cube)
    # It loads torch, which takes a second: not before it is needed.
    from napari_hsi_restore.restore import enlarge

    return enlarge(in_memory(opened), recipe or asked, None if folder is None else Path(folder))


def _recipe(kind: type[Recipe], options: dict[str, Any]) -> Recipe:
    """A recipe of some options, or a sentence about the one that it refuses."""
    try:
        return kind(**options)
    except pydantic.ValidationError as error:
        raise UserError(_wrong_setting(error, options)) from None


def _numbers_of(noise: float | Sequence[float] | FloatArray) -> Any:
    """A plain number, or a tuple of plain numbers, of what may be an array."""
    plain = np.asarray(noise).tolist()
    return tuple(plain) if isinstance(plain, list) else plain


def _wrong_setting(error: pydantic.ValidationError, options: dict[str, Any]) -> str:
    """A sentence about the first setting that a recipe refuses."""
    name = str(error.errors()[0]["loc"][0])
    allowed = {
        "model": "give the name of a model or 'auto'",
        "noise": "give 'auto', a number or one number for each band",
        "strength": "give a number from 0 to 5",
        "scale": "give 2, 3, 4 or 8",
        "fine": f"give one of {', '.join(map(repr, CORRECTIONS))}",
        "ensemble": "give True, False or None",
        "device": "give 'auto', 'cpu', 'cuda' or 'cuda:N'",
        "memory_limit_gib": "give a number of GiB above 0, or None",
        "tile": "give a whole number of pixels from 8 upwards, or None",
        "bad_bands": "give 'keep' or 'restore'",
    }
    return f"setting '{name}' cannot be {options[name]!r}: {allowed[name]}."


def check_target(out: str | Path, *, overwrite: bool) -> None:
    """Refuse a target that could not be written, before anything is computed for it.

    Raises
    ------
    UserError
        If no format has its suffix, it exists and `overwrite` is false, or its folder does not
        exist or cannot be written to.
    """
    path = Path(out).expanduser()
    spec = catalog.for_target(path)
    if path.is_dir() and spec.name != "Zarr":
        raise UserError(f"{path}: this is a folder; choose another name.")
    spec.check(path)
    for part in spec.parts(path):
        if part.exists() and not overwrite:
            raise UserError(
                f"{part}: exists already; choose another name or allow overwriting (--overwrite)."
            )
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UserError(f"{path}: the folder {folder} does not exist; create it first.")
    if not os.access(folder, os.W_OK):
        raise UserError(f"{path}: the folder {folder} cannot be written to; choose another.")


def check_space(out: str | Path, cube: HyperCube, scale: int, beside: float | None = None) -> None:
    """Refuse a result that the disk cannot hold, before anything is computed for it.

    Parameters
    ----------
    out : path
        Target.
    cube : HyperCube
        What is to be enlarged.
    scale : int
        Pixels out for a pixel in, along each side.
    beside : float or None
        Bytes of files that lie there meanwhile, with the result once more; None without.

    Raises
    ------
    UserError
    """
    path = Path(out).expanduser()
    size = 4 * scale**2 * math.prod(cube.shape)
    needed = size if beside is None else 2 * size + beside
    free = shutil.disk_usage(path.absolute().parent).free
    if needed > free:
        raise UserError(
            f"{path}: {cube.name} enlarged by {scale} takes {needed / 2**30:.1f} GiB"
            f"{'' if beside is None else ' with the files that it is made in'} and "
            f"{free / 2**30:.1f} GiB are free there; choose another disk or a part of the cube."
        )


def source_path(cube: HyperCube) -> Path | None:
    """The file or folder that a cube was read from, None if there is none any more."""
    if cube.source is None:
        return None
    for name in (cube.source, cube.source.split("::", 1)[0]):
        if Path(name).exists():
            return Path(name)
    return None


def _numbers(values: FloatArray | None) -> list[float | None] | None:
    return None if values is None else [_number(value) for value in values]


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
