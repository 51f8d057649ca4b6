"""Maps of classes in ENVI files: one band whose values are numbers of classes."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.io.formats.envi_header import listed

FILE_TYPE = "file type"
CLASSIFICATION = "ENVI Classification"
_NOTHING = re.compile(r"unclassified|background|masked( pixels?)?|none|no ?data", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, eq=False)
class ClassMap:
    """The classes of a map.

    Attributes
    ----------
    names : tuple of str
        Of the classes 0, 1, ...; ``"class 3"`` where the file has no name.
    colours : uint8 ndarray, (classes, 3), or None
        Red, green and blue; None if the file says none.
    """

    names: tuple[str, ...]
    colours: npt.NDArray[np.uint8] | None

    @property
    def background(self) -> bool:
        """Whether class 0 is what belongs to no class."""
        return bool(self.names) and _NOTHING.fullmatch(self.names[0].strip()) is not None


def class_map(cube: HyperCube) -> ClassMap | None:
    """The classes of a cube that is such a map, or None for any other cube."""
    said = cube.metadata.get(FILE_TYPE, "")
    if not said.lower().startswith(CLASSIFICATION.lower()):
        return None
    if cube.n_bands != 1 or cube.dtype.kind not in "ui":
        return None
    names = listed(cube.metadata.get("class names", ""))
    count = cube.metadata.get("classes", "").strip()
    n = int(count) if re.fullmatch(r"\d{1,6}", count) else len(names)
    named = tuple(names[i] if i < len(names) else f"class {i}" for i in range(n))
    return ClassMap(named, _colours(cube.metadata.get("class lookup", ""), n))


def described(found: ClassMap) -> str:
    """One sentence for the history."""
    shown = ", ".join(found.names[:6]) + (", ..." if len(found.names) > 6 else "")
    return (
        f"This is a map of {len(found.names)} classes ({shown}): its values are numbers of "
        "classes, no brightness."
    )


def _colours(text: str, count: int) -> npt.NDArray[np.uint8] | None:
    try:
        values = [int(float(item)) for item in listed(text)]
    except (ValueError, OverflowError):
        return None
    if count == 0 or len(values) < 3 * count or not all(0 <= value <= 255 for value in values):
        return None
    return np.array(values[: 3 * count], dtype=np.uint8).reshape(count, 3)
