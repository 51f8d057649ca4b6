"""How far a result is from its reference."""

from napari_hsi_restore.metrics.compare import Scores, compare_cubes
from napari_hsi_restore.metrics.ergas import ergas
from napari_hsi_restore.metrics.error_map import error_map, rmse_per_band
from napari_hsi_restore.metrics.psnr import mpsnr, psnr, psnr_per_band
from napari_hsi_restore.metrics.sam import sam_degrees, spectral_angle_map
from napari_hsi_restore.metrics.ssim import ssim, ssim_per_band

__all__ = [
    "Scores",
    "compare_cubes",
    "ergas",
    "error_map",
    "mpsnr",
    "psnr",
    "psnr_per_band",
    "rmse_per_band",
    "sam_degrees",
    "spectral_angle_map",
    "ssim",
    "ssim_per_band",
]
