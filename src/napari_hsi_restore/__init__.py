"""Restore hyperspectral cubes in napari."""
