"""Cubes from files and to files: `read` and `write` are the two doors."""

from napari_hsi_restore.io.read import read
from napari_hsi_restore.io.request import UnsettledError, guesses
from napari_hsi_restore.io.write import write

__all__ = ["UnsettledError", "guesses", "read", "write"]
