"""What is computed from single spectra: colour, continuum, derivative, projections, likeness."""

from napari_hsi_restore.spectra.colour import covers_visible, encoded_srgb, srgb_weights
from napari_hsi_restore.spectra.continuum import continuum, remove_continuum
from napari_hsi_restore.spectra.derivative import first_derivative
from napari_hsi_restore.spectra.matching import Match, best_matches, spectral_angles
from napari_hsi_restore.spectra.projection import Projection, strongest_components
from napari_hsi_restore.spectra.resampling import resample

__all__ = [
    "Match",
    "Projection",
    "best_matches",
    "continuum",
    "covers_visible",
    "encoded_srgb",
    "first_derivative",
    "remove_continuum",
    "resample",
    "spectral_angles",
    "srgb_weights",
    "strongest_components",
]
