"""Degradations with known truth: noise presets and downscaling.

Every function takes an explicit random generator or seed; the same seed gives
the same result.
"""

from napari_hsi_restore.degradations.deadline import add_dead_lines
from napari_hsi_restore.degradations.downscale import FACTORS, downscale, downscale_psf
from napari_hsi_restore.degradations.gaussian import (
    add_gaussian,
    add_non_iid,
    blind_sigma,
    correlated_sigmas,
    non_iid_sigmas,
    uniform_sigmas,
)
from napari_hsi_restore.degradations.impulse import add_impulses
from napari_hsi_restore.degradations.poisson import add_poisson
from napari_hsi_restore.degradations.presets import PRESETS, Preset, degrade
from napari_hsi_restore.degradations.psf import gaussian_psf
from napari_hsi_restore.degradations.resize import resize_bicubic
from napari_hsi_restore.degradations.stripe import add_stripes
from napari_hsi_restore.degradations.white import reference_white

__all__ = [
    "FACTORS",
    "PRESETS",
    "Preset",
    "add_dead_lines",
    "add_gaussian",
    "add_impulses",
    "add_non_iid",
    "add_poisson",
    "add_stripes",
    "blind_sigma",
    "correlated_sigmas",
    "degrade",
    "downscale",
    "downscale_psf",
    "gaussian_psf",
    "non_iid_sigmas",
    "reference_white",
    "resize_bicubic",
    "uniform_sigmas",
]
