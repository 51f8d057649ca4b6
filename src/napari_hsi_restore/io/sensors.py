"""The bundled band tables of well-known sensors."""

from __future__ import annotations

import dataclasses
import functools
from importlib import resources
from pathlib import Path

import numpy as np

from napari_hsi_restore.io.wavelengths import from_user


@dataclasses.dataclass(frozen=True)
class SensorTable:
    """Band centres (and mostly widths) of one sensor.

    Attributes
    ----------
    name : str
        As in ``"prisma"``; stays the same over versions.
    title : str
        For people.
    source : str
        Where the numbers come from.
    path : Path
        A table that `wavelengths.from_user` reads.
    bands : int
    low_nm, high_nm : float
        The shortest and the longest centre.
    """

    name: str
    title: str
    source: str
    path: Path
    bands: int
    low_nm: float
    high_nm: float


_TITLES = {
    "aviris": "AVIRIS",
    "desis": "DESIS",
    "emit": "EMIT",
    "enmap": "EnMAP",
    "enmap_simulated": "EnMAP, simulated",
    "prisma": "PRISMA",
}


@functools.cache
def sensor_tables() -> tuple[SensorTable, ...]:
    """All bundled tables, by title."""
    folder = Path(str(resources.files("napari_hsi_restore.io") / "sensor_tables"))
    return tuple(_load(name, title, folder / f"{name}.csv") for name, title in _TITLES.items())


def _load(name: str, title: str, path: Path) -> SensorTable:
    centres, _ = from_user(path)
    with path.open(encoding="utf-8") as file:
        source = file.readline().lstrip("# ").strip()
    low, high = float(np.min(centres)), float(np.max(centres))
    return SensorTable(name, title, source, path, len(centres), low, high)
