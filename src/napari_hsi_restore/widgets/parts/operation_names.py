"""How the eight operations of a cell are called in pictures.

The table repeats `search_space.operations`, which a window must not import: that loads
torch. A test holds both to each other.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

OperationKind = Literal["spatial", "spectral", "joint"]

KIND_COLORS: dict[OperationKind, str] = {
    "spatial": "#3182bd",
    "spectral": "#31a354",
    "joint": "#e6550d",
}

KIND_WORDS: dict[OperationKind, str] = {
    "spatial": "neighbours in the image",
    "spectral": "neighbouring bands",
    "joint": "both together",
}
"""What an operation of a kind looks at."""


@dataclasses.dataclass(frozen=True)
class OperationName:
    """One operation for a person.

    Attributes
    ----------
    name : str
        ``"o1"`` to ``"o8"``.
    kind : {'spatial', 'spectral', 'joint'}
    short : str
        Kernel in a few letters: pixels, then bands after λ.
    words : str
        The same in words.
    """

    name: str
    kind: OperationKind
    short: str
    words: str

    @property
    def color(self) -> str:
        """Of its kind, ``"#rrggbb"``."""
        return KIND_COLORS[self.kind]


OPERATION_NAMES = (
    OperationName("o1", "spatial", "3×3", "3 x 3 pixels"),
    OperationName("o2", "spatial", "5×5", "5 x 5 pixels"),
    OperationName("o3", "spatial", "3×3 wide", "3 x 3 pixels, every second one"),
    OperationName("o4", "spatial", "5×5 wide", "5 x 5 pixels, every second one"),
    OperationName("o5", "spectral", "λ3", "3 bands"),
    OperationName("o6", "spectral", "λ5", "5 bands"),
    OperationName("o7", "joint", "3×3 λ3", "3 x 3 pixels, then 3 bands"),
    OperationName("o8", "joint", "5×5 λ5", "5 x 5 pixels, then 5 bands"),
)
"""In the order of the weights of a `CellState`."""
