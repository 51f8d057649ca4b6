"""What is wrong with a cube, found in the cube itself."""

from napari_hsi_restore.noise.estimate import estimate_sigma

__all__ = ["estimate_sigma"]
