"""napari's door to `napari_hsi_restore.io.read`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from napari_hsi_restore.plugin.layers import LayerData

PathOrPaths = str | Sequence[str]

NOTHING: Any = ((None,),)
"""What napari takes for "read, and there is no layer in it"."""
WAY_OUT = "Plugins > HSI Restore > Open"


def get_reader(path: PathOrPaths) -> Callable[[PathOrPaths], list[LayerData]] | None:
    """The reader for what looks like a cube; napari's own for its pictures; else None.

    napari asks by the ending of a name alone, and remembers the answer: with this reader chosen
    for ``.tif`` no photograph could be opened any more.

    Parameters
    ----------
    path : str or list of str
        A file or folder; a list (napari's "open as stack") is never a cube of ours.
    """
    from napari_hsi_restore.io.catalog import can_read

    if isinstance(path, str) and can_read(Path(path)):
        return read_layers
    return _napari_reader(path)


def _napari_reader(path: PathOrPaths) -> Callable[[PathOrPaths], list[LayerData]] | None:
    """What napari itself would read a picture with, None for what it does not take."""
    from npe2 import PluginManager

    paths = [path] if isinstance(path, str) else list(path)
    try:
        readers = PluginManager.instance().iter_compatible_readers(paths)
        if not any(reader.plugin_name == "napari" for reader in readers):
            return None
        from napari_builtins.io import napari_get_reader  # type: ignore[import-untyped]
    except (ImportError, ValueError):
        # ValueError: a stack of different endings.
        return None
    reader: Callable[[PathOrPaths], list[LayerData]] | None = napari_get_reader(path)
    return reader


def read_layers(path: PathOrPaths) -> list[LayerData]:
    """The layer of one cube; a map of classes is a labels layer.

    In a napari window, a file that cannot be read is said in one notification, and no
    layer is added: raised through napari, the sentence would stand below two paragraphs
    about plugins. A file that leaves open what only the user can know is shown in the dock
    Open. What was guessed is said once, and Inspect shows the first cube of a window.

    Raises
    ------
    UserError
        If the file cannot be read and there is no window to say so.
    """
    from napari_hsi_restore.errors import UserError
    from napari_hsi_restore.io import read

    paths = [path] if isinstance(path, str) else list(path)
    try:
        cubes = [read(one) for one in paths]
        layers = [layer for cube in cubes for layer in _layers(cube)]
    except UserError as error:
        import napari

        if napari.current_viewer() is None:
            raise
        _say_why_not(error)
        return list(NOTHING)
    _say_guesses(paths, cubes)
    return layers


def _layers(cube: Any) -> list[LayerData]:
    from napari_hsi_restore.io.class_map import class_map
    from napari_hsi_restore.plugin.class_layers import class_map_to_layer_data
    from napari_hsi_restore.plugin.layers import cube_to_layer_data

    classes = class_map(cube)
    if classes is None:
        return cube_to_layer_data(cube)
    return [class_map_to_layer_data(cube, classes)]


def _say_why_not(error: Exception) -> None:
    from napari.utils.notifications import show_error, show_warning

    from napari_hsi_restore.io import UnsettledError
    from napari_hsi_restore.plugin.docks import ask_how_to_open

    if not isinstance(error, UnsettledError):
        show_error(str(error))
    elif ask_how_to_open(error.path, error.key):
        show_warning(f"{error} The dock Open asks for it now ({WAY_OUT}).")
    else:
        show_warning(f"{error} In napari: {WAY_OUT}.")


def _say_guesses(paths: Sequence[str], cubes: Sequence[Any]) -> None:
    import napari

    if napari.current_viewer() is None:
        return
    from napari.utils.notifications import show_info

    from napari_hsi_restore.io import guesses
    from napari_hsi_restore.io.class_map import class_map, described
    from napari_hsi_restore.plugin.docks import offer_inspect

    for path, cube in zip(paths, cubes, strict=True):
        if (classes := class_map(cube)) is not None:
            show_info(f"{Path(path).name}: {described(classes)} They are shown as labels.")
        if guessed := guesses(cube.history):
            show_info(
                f"{Path(path).name}: {' '.join(guessed)} If that is wrong, say otherwise in "
                f"{WAY_OUT}."
            )
    # Before the layer comes: an Inspect dock that is open shows it in true colour.
    if any(class_map(cube) is None for cube in cubes):
        offer_inspect()
