"""How far a result is from its reference."""

from napari_hsi_restore.metrics.psnr import mpsnr, psnr, psnr_per_band
from napari_hsi_restore.metrics.sam import sam_degrees, spectral_angle_map

__all__ = ["mpsnr", "psnr", "psnr_per_band", "sam_degrees", "spectral_angle_map"]
