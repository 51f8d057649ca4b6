"""How large an enlarged cube gets, and whether the memory suffices for it."""

from __future__ import annotations

import math

import psutil

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import EnlargerSpec
from napari_hsi_restore.restore.enlargers import mean_bytes, spec_bytes
from napari_hsi_restore.restore.request import Region, whole_region
from napari_hsi_restore.restore.superres_recipe import SuperresRecipe
from napari_hsi_restore.restore.tile_loop import SIDES, too_small
from napari_hsi_restore.zoo.records import ModelRecord

VALUE_BYTES = 4
"""Of a float32."""

SHARE = 0.8
"""Of the free memory that a run may take [ours]."""

STORED_COPIES = 3.5
"""Of the input, with where it is valid, that lie in files where memory is not used."""

PLANE_BYTES = 48
"""Of a pixel of an enlarged band, for those that are at work at once (measured)."""

COPIES, HALF_COPIES = 9, 3
"""Of the input, and of the cube at half the scale, that the corrections hold at once (measured)."""


def result_shape(cube: HyperCube, scale: int, region: Region | None = None) -> tuple[int, int, int]:
    """Shape of a cube, or of a region of it, when enlarged: (bands, y, x).

    Parameters
    ----------
    cube : HyperCube
    scale : int
        Pixels out for a pixel in, along each side.
    region : pair of slice, optional
        Rows and columns of the input; None for all.
    """
    rows, columns = whole_region(cube, region)
    return cube.n_bands, scale * (rows.stop - rows.start), scale * (columns.stop - columns.start)


def result_bytes(cube: HyperCube, scale: int, region: Region | None = None) -> int:
    """Bytes of the enlarged cube, float32; parameters as for `result_shape`."""
    return VALUE_BYTES * math.prod(result_shape(cube, scale, region))


def check_memory(
    cube: HyperCube, recipe: SuperresRecipe, region: Region | None = None, *, mapped: bool = False
) -> None:
    """Refuse what the memory cannot hold, before anything is measured.

    Beside the result and the tiles, a run holds the input and what the corrections
    compare it with; bands that are only resampled cost the result once more.

    Parameters
    ----------
    cube : HyperCube
    recipe : SuperresRecipe
    region : pair of slice, optional
        Rows and columns of the input; None for all.
    mapped : bool
        Whether the result goes into a file.

    Raises
    ------
    UserError
    """
    needed = memory_needed(cube, recipe, region, mapped=mapped)
    free = float(psutil.virtual_memory().available)
    if needed > SHARE * free:
        raise UserError(
            f"{cube.source or cube.name}: enlarging it by {recipe.scale} takes "
            f"{needed / 2**30:.1f} GiB of memory and {free / 2**30:.1f} GiB are free; enlarge a "
            "part of it, or write it to a file by the verb superres."
        )


def memory_needed(
    cube: HyperCube, recipe: SuperresRecipe, region: Region | None = None, *, mapped: bool = False
) -> float:
    """Bytes that a run in memory takes beside its tiles; parameters as for `check_memory`."""
    size = result_bytes(cube, recipe.scale, region)
    once = size / recipe.scale**2
    halves = HALF_COPIES * _half_copies(recipe)
    return once * (COPIES + halves) + size * (int(not mapped) + _beside(cube, region))


def must_map(
    cube: HyperCube, recipe: SuperresRecipe, region: Region | None = None, *, mapped: bool = False
) -> bool:
    """Whether a run should keep its arrays in files, for they are large.

    Parameters
    ----------
    cube, recipe, region, mapped
        As for `check_memory`. Larger is what takes more than the memory that is free
        allows, or a result beyond the memory limit of the recipe.
    """
    needed = memory_needed(cube, recipe, region, mapped=mapped)
    if needed > SHARE * float(psutil.virtual_memory().available):
        return True
    limit = recipe.memory_limit_gib
    return limit is not None and result_bytes(cube, recipe.scale, region) > limit * 2**30


def stored_bytes(cube: HyperCube, recipe: SuperresRecipe, region: Region | None = None) -> float:
    """Bytes on disk that a run with its arrays in files takes beside its result."""
    size = result_bytes(cube, recipe.scale, region)
    copies = STORED_COPIES + 2 * _half_copies(recipe)
    return size / recipe.scale**2 * copies + size * _beside(cube, region)


def check_planes(cube: HyperCube, recipe: SuperresRecipe, region: Region | None = None) -> None:
    """Refuse what cannot be done with all arrays in files either.

    Parameters
    ----------
    cube, recipe, region
        As for `check_memory`.

    Raises
    ------
    UserError
        If the memory does not suffice for single enlarged bands.
    """
    _, height, width = result_shape(cube, recipe.scale, region)
    needed, free = PLANE_BYTES * height * width, float(psutil.virtual_memory().available)
    if needed > SHARE * free:
        raise UserError(
            f"{cube.source or cube.name}: enlarging it by {recipe.scale} takes "
            f"{needed / 2**30:.1f} GiB of memory for single bands of the result, which are "
            f"corrected one at a time, and {free / 2**30:.1f} GiB are free; enlarge a part of it."
        )


def _half_copies(recipe: SuperresRecipe) -> float:
    """How large the cube at half the scale is, in inputs; 0 where it is not needed."""
    if recipe.fine.half_step == "none" or recipe.scale == 2:
        return 0.0
    return (recipe.scale / 2) ** 2


def _beside(cube: HyperCube, region: Region | None) -> int:
    """1 where the result is made beside its place: of parts, and without the bad bands."""
    return int(region is not None or not cube.usable_bands().all())


def check_smallest_tile(
    cube: HyperCube, recipe: SuperresRecipe, record: ModelRecord, available: float, border: int
) -> None:
    """Refuse a number of bytes that cannot suffice for any tile, before anything is measured.

    Parameters
    ----------
    cube : HyperCube
    recipe : SuperresRecipe
        That says whether turns are averaged.
    record : ModelRecord
        Of the network.
    available : float
        Bytes for tiles.
    border : int
        Pixels that the image is continued by on each side.

    Raises
    ------
    UserError
    """
    spec = record.spec
    if not isinstance(spec, EnlargerSpec):
        return
    side = SIDES[-1] + 2 * spec.halo
    pixels = math.prod(min(side, length + 2 * border) for length in cube.shape[1:])
    bands = int(cube.usable_bands().sum())
    needed = spec_bytes(spec, pixels, bands)
    if recipe.ensemble:
        needed += mean_bytes(pixels, bands, spec.scale)
    if needed > available:
        raise too_small(available, needed, cube.name)
