"""What is wrong with a cube, found in the cube itself."""

from napari_hsi_restore.noise.analysis import analyse
from napari_hsi_restore.noise.estimate import estimate_sigma
from napari_hsi_restore.noise.known import Known
from napari_hsi_restore.noise.report import NoiseReport

__all__ = ["Known", "NoiseReport", "analyse", "estimate_sigma"]
