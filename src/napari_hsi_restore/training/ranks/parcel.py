"""What the workers learn from: arrays and a text in a folder that all of them read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.errors import UserError

Arrays = Mapping[str, npt.NDArray[Any]]

_TEXT = "parcel.json"


def write(folder: Path, text: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a parcel.

    Parameters
    ----------
    folder : Path
        There already.
    text : mapping
        As JSON can hold it.
    arrays : mapping of str to ndarray

    Raises
    ------
    UserError
        If the disk is full.
    """
    try:
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        (folder / _TEXT).write_text(json.dumps(dict(text)), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"{folder}: what the devices learn from cannot be written ({error.strerror}); check "
            "the free space, or choose a single device."
        ) from error


def read(folder: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read a parcel; its arrays are maps, which all processes share.

    What is written into one of them stays in this process.
    """
    text = json.loads((folder / _TEXT).read_text(encoding="utf-8"))
    arrays = {
        path.stem: np.load(path, mmap_mode="c", allow_pickle=False) for path in folder.glob("*.npy")
    }
    return text, arrays
