"""Whether an enlarged cube still says what its input said."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.metrics import sam_degrees
from napari_hsi_restore.restore.room import Room

_MEMORY = Room()

Block = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Consistency:
    """How well an enlarged cube, shrunk again by antialiased bicubic, meets its input.

    Attributes
    ----------
    rmse : float
        Root mean squared difference, in the stored units of the input.
    relative : float
        The same over the root mean square of the input.
    angle_deg : float
        Mean spectral angle in degrees.
    """

    rmse: float
    relative: float
    angle_deg: float


def measured(
    enlarged: Block, low: Block, valid: Mask, *, room: Room = _MEMORY
) -> Generator[float, None, Consistency]:
    """Shrink an enlarged cube again and compare it with its input.

    Parameters
    ----------
    enlarged : float32 ndarray, (bands, s y, s x)
    low : float32 ndarray, (bands, y, x)
        The input, in the same unit.
    valid : bool ndarray, (bands, y, x)
        Values of the input that count.
    room : Room
        Where a copy of the input goes.

    Yields
    ------
    float
        Fraction done.

    Returns
    -------
    Consistency
    """
    shrunk: Block = room.array(low.shape)
    count, apart, whole = 0, 0.0, 0.0
    for band, counted in enumerate(valid):
        shrunk[band] = resize_bicubic(enlarged[band : band + 1], size=low.shape[1:])[0]
        values = low[band][counted].astype(np.float64)
        count += values.size
        apart += float(np.sum(np.square(shrunk[band][counted] - values)))
        whole += float(np.sum(np.square(values)))
        yield (band + 1) / len(low)
    rmse = float(np.sqrt(apart / count)) if count else float("nan")
    scale = float(np.sqrt(whole / count)) if whole else 1.0
    return Consistency(rmse, rmse / scale, sam_degrees(low, shrunk, valid=valid))
