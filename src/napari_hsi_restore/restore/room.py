"""Where a run keeps its large arrays: in memory, or in files that are gone with it."""

from __future__ import annotations

import dataclasses
import errno
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.io.staging import reserve


@dataclasses.dataclass(frozen=True)
class Room:
    """Makes arrays.

    Attributes
    ----------
    folder : Path or None
        Where the files of the arrays lie; None for memory. They are removed when nobody
        uses them any more, whatever ends the run.
    """

    folder: Path | None = None

    def array(self, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> npt.NDArray[Any]:
        """A new array, of any values.

        Parameters
        ----------
        shape : tuple of int
        dtype : dtype

        Raises
        ------
        UserError
            If the disk is too full for its file.
        """
        if self.folder is None or not math.prod(shape):
            return np.empty(shape, dtype)
        size = math.prod(shape) * np.dtype(dtype).itemsize
        name: Path | None = None
        try:
            handle, path = tempfile.mkstemp(prefix="enlarging-", dir=self.folder)
            os.close(handle)
            name = Path(path)
            # A map with holes would end the process when the disk fills up.
            reserve(name, size)
            array: npt.NDArray[Any] = np.memmap(name, dtype=dtype, mode="r+", shape=shape)
        except OSError as error:
            if name is not None:
                name.unlink(missing_ok=True)
            why = "is too full" if error.errno == errno.ENOSPC else f"failed ({error.strerror})"
            raise UserError(
                f"{self.folder}: the disk {why}, and {size / 2**30:.1f} GiB are needed there for a "
                "while; choose another one."
            ) from error
        if os.name == "posix":
            # Mapped it lives on; elsewhere whoever made the folder removes it.
            name.unlink()
        return array
