"""MATLAB 7.3 files, which are HDF5 behind a text header of 512 bytes."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np


def matlab73(path: Path, **arrays: np.ndarray) -> Path:
    """Write arrays in MATLAB's axis order; HDF5 keeps them reversed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=np.asarray(array).T)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path
