"""The one way out: a `HyperCube` into a file of the format that its name asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io import catalog
from napari_hsi_restore.io.formats import zarr_store
from napari_hsi_restore.io.staging import staged


def write(
    cube: HyperCube,
    path: str | Path,
    *,
    overwrite: bool = False,
    confirm: Callable[[], None] | None = None,
) -> Path:
    """Write a cube; what the format can hold is kept.

    A lazy cube is written block by block. The file appears under its name only when
    it is whole; after an error nothing is left behind and an older file is as it was.

    Parameters
    ----------
    cube : HyperCube
    path : str or Path
        The suffix chooses the format: .hdr (ENVI, with .img beside it), .tif, .npy
        (with .npy.json beside it), .npz, .mat, .nc, .h5, .zarr.
    overwrite : bool
        Whether to replace an existing file.
    confirm : callable, optional
        Called when everything is written but not yet under its name; if it raises,
        nothing is left behind.

    Returns
    -------
    Path
        The file or folder that was written.

    Raises
    ------
    UserError
        If the suffix is unknown, the file exists, it cannot be written, the disk is
        full, or the format cannot hold such values.
    """
    target = Path(path).expanduser()
    spec = catalog.for_target(target)
    assert spec.write is not None
    if target.is_dir() and not zarr_store.sniff(target, b""):
        raise UserError(f"{target}: this is a folder; choose another name.")
    spec.check(target)
    with staged(spec.parts(target), overwrite=overwrite) as parts:
        spec.write(cube, *parts)
        if confirm is not None:
            confirm()
    return target
