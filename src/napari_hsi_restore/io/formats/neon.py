"""The bands that NEON's reflectance files mark as absorbed by water vapour.

Groups above the data set carry attributes ``Band_Window_1_Nanometers``,
``Band_Window_2_Nanometers`` of two numbers each, between which the atmosphere lets no light
through and the stored values mean nothing (NEON, "Spectrometer orthorectified surface
directional reflectance", DP3.30006.001).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import FloatArray

_WINDOW = re.compile(r"band_window_\d+_nanometers")


def good_bands(
    file: Any, name: str, wavelengths_nm: FloatArray | None
) -> npt.NDArray[np.bool_] | None:
    """Which bands lie outside of all windows.

    Parameters
    ----------
    file : h5py.File
    name : str
        Of the data set.
    wavelengths_nm : float64 ndarray, (bands,), or None

    Returns
    -------
    bool ndarray, (bands,), or None
        None where the file has no windows, or they hold no band or all of them.
    """
    if wavelengths_nm is None:
        return None
    absorbed = np.zeros(wavelengths_nm.shape, dtype=bool)
    item = file[name]
    while True:
        for low, high in _windows(item):
            absorbed |= (wavelengths_nm >= low) & (wavelengths_nm <= high)
        if item.name == "/":
            break
        item = item.parent
    return ~absorbed if absorbed.any() and not absorbed.all() else None


def _windows(item: Any) -> list[tuple[float, float]]:
    found = []
    for key in item.attrs:
        if _WINDOW.fullmatch(key.lower()):
            inside = item.attrs.get_id(key)
            # In a damaged file it may be of any size and type.
            if inside.shape == (2,) and inside.dtype.kind in "uif":
                low, high = (float(value) for value in item.attrs[key])
                found.append((low, high))
    return found
