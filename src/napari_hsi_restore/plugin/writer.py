"""napari's door to `napari_hsi_restore.io.write`."""

from __future__ import annotations

from typing import Any

from napari_hsi_restore.plugin.layers import image_to_cube
from napari_hsi_restore.plugin.picture_layers import picture_as_cube


def write_cube(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Save one cube layer, or a colour picture of ours, with all that the format can keep.

    Parameters
    ----------
    path : str
        Its suffix chooses the format. napari's dialog has already asked before
        an existing file is replaced.
    data : array, (bands, y, x), or (y, x, 3) of a colour picture
    meta : dict
        The layer's attributes.

    Returns
    -------
    list of str
        The path that was written.

    Raises
    ------
    UserError
        If the layer is no cube or the file cannot be written.
    """
    from napari_hsi_restore.io import write

    if meta.get("multiscale"):
        data = data[0]
    name, metadata, rgb = meta.get("name", "cube"), meta.get("metadata", {}), bool(meta.get("rgb"))
    cube = picture_as_cube(data, name, metadata) if rgb else None
    if cube is None:
        cube = image_to_cube(data, name, metadata, rgb=rgb)
    return [str(write(cube, path, overwrite=True))]
