"""How large an enlarged cube gets, and whether the memory suffices for it."""

from __future__ import annotations

import math

import psutil

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import CoarSRSpec, EigenSRSpec
from napari_hsi_restore.restore.enlargers import spec_bytes
from napari_hsi_restore.restore.request import Region, whole_region
from napari_hsi_restore.restore.superres_recipe import SuperresRecipe
from napari_hsi_restore.restore.tile_loop import SIDES, too_small
from napari_hsi_restore.zoo.records import ModelRecord

VALUE_BYTES = 4
"""Of a float32."""

SHARE = 0.8
"""Of the free memory that a run may take [ours]."""

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
    size = result_bytes(cube, recipe.scale, region)
    once = size / recipe.scale**2
    half = (recipe.scale / 2) ** 2 if recipe.fine.half_step != "none" and recipe.scale > 2 else 0
    direct = region is None and bool(cube.usable_bands().all())
    needed = once * (COPIES + HALF_COPIES * half) + size * (int(not mapped) + int(not direct))
    free = float(psutil.virtual_memory().available)
    if needed > SHARE * free:
        raise UserError(
            f"{cube.source or cube.name}: enlarging it by {recipe.scale} takes "
            f"{needed / 2**30:.1f} GiB of memory and {free / 2**30:.1f} GiB are free; enlarge a "
            "part of it."
        )


def check_smallest_tile(
    cube: HyperCube, record: ModelRecord, available: float, border: int
) -> None:
    """Refuse a number of bytes that cannot suffice for any tile, before anything is measured.

    Parameters
    ----------
    cube : HyperCube
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
    if not isinstance(spec, CoarSRSpec | EigenSRSpec):
        return
    side = SIDES[-1] + 2 * spec.halo
    pixels = math.prod(min(side, length + 2 * border) for length in cube.shape[1:])
    needed = spec_bytes(spec, pixels, int(cube.usable_bands().sum()))
    if needed > available:
        raise too_small(available, needed, cube.name)
