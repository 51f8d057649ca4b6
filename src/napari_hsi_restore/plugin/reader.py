"""napari's door to `napari_hsi_restore.io.read`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_hsi_restore.plugin.layers import LayerData

PathOrPaths = str | Sequence[str]

NOTHING: Any = ((None,),)
"""What napari takes for "read, and there is no layer in it"."""


def get_reader(path: PathOrPaths) -> Callable[[PathOrPaths], list[LayerData]] | None:
    """The reader for what looks like a cube, None for anything else.

    Parameters
    ----------
    path : str or list of str
        A file or folder; a list (napari's "open as stack") is never a cube of ours.
    """
    from napari_hsi_restore.io.catalog import can_read

    if not isinstance(path, str) or not can_read(Path(path)):
        return None
    return read_layers


def read_layers(path: PathOrPaths) -> list[LayerData]:
    """The layer of one cube.

    In a napari window, a file that cannot be read is said in one notification, and no
    layer is added: raised through napari, the sentence would stand below two paragraphs
    about plugins.

    Raises
    ------
    UserError
        If the file cannot be read and there is no window to say so.
    """
    from napari_hsi_restore.errors import UserError
    from napari_hsi_restore.io import read
    from napari_hsi_restore.plugin.layers import cube_to_layer_data

    paths = [path] if isinstance(path, str) else list(path)
    try:
        return [layer for one in paths for layer in cube_to_layer_data(read(one))]
    except UserError as error:
        import napari
        from napari.utils.notifications import show_error

        if napari.current_viewer() is None:
            raise
        show_error(str(error))
        return list(NOTHING)
