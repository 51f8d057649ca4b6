"""Frozen values that every long task of the core yields.

A long task is a generator. It yields any number of events (`Progress`, `Metric`,
`Preview`; training and search also `CellState`, `Snapshot` and `Note`) and ends with
exactly one `Done`, or raises. Between two events a task does at most a quarter of a
second of work wherever the hardware allows, so that closing the generator cancels it
at once.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a task has come.

    Attributes
    ----------
    fraction : float
        0 (just begun) to 1 (all done).
    message : str
        What is being done now, for a person.
    eta_s : float or None
        Expected seconds until the end; None while that is not known.
    """

    fraction: float
    message: str = ""
    eta_s: float | None = None


@dataclasses.dataclass(frozen=True)
class Metric:
    """One measured number of a training or a search.

    Attributes
    ----------
    name : str
        For example ``"loss"`` or ``"psnr"``.
    value : float
    step : int
        Optimiser step at which it was measured.
    """

    name: str
    value: float
    step: int


@dataclasses.dataclass(frozen=True, eq=False)
class Preview:
    """An intermediate result that can be shown.

    Attributes
    ----------
    data : ndarray, (bands, y, x)
        In the units of the source.
    origin_yx : tuple of int
        Row and column of the preview's first pixel in the source.
    """

    data: npt.NDArray[np.floating[Any]]
    origin_yx: tuple[int, int] = (0, 0)


EDGES: tuple[tuple[int, int], ...] = (
    (0, 1),
    (0, 2),
    (1, 2),
    (0, 3),
    (1, 3),
    (2, 3),
    (0, 4),
    (1, 4),
    (2, 4),
    (3, 4),
)
"""The ten edges (from node, to node) of a STAS cell in the order of `CellState.weights`."""


@dataclasses.dataclass(frozen=True)
class CellState:
    """What a search thinks of its cell now.

    Attributes
    ----------
    step : int
        Optimiser step.
    weights : tuple of tuple of float
        A row for each of `EDGES` with the weight, 0..1, of the operations o1 to o8 on
        it. The rows of the edges into one node sum to 1 together.
    entropy : float
        Mean over the nodes, 0 (decided) to 1 (all choices alike).
    """

    step: int
    weights: tuple[tuple[float, ...], ...]
    entropy: float


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """A small held-out patch before and after, as a file.

    Attributes
    ----------
    path : str
        An ``.npz`` with the float32 arrays ``noisy``, ``before`` (by the model that the
        training began with), ``now`` and, where there is one, ``reference``, each
        (bands, y, x), white at 1, at most 96 x 96 pixels; and ``wavelengths_nm``,
        (bands,) or empty. For a network that enlarges ``noisy`` is the bicubic
        enlargement.
    step : int
        Optimiser step at which it was made.
    """

    path: str
    step: int


@dataclasses.dataclass(frozen=True)
class Note:
    """Something that the user should know and need not act on.

    Attributes
    ----------
    message : str
        One sentence.
    """

    message: str


@dataclasses.dataclass(frozen=True, eq=False)
class Done:
    """The task has ended well.

    Attributes
    ----------
    result : object
        What the task was asked for: a `HyperCube` from restoring, a path from
        training. In JSON only strings, numbers and None are kept.
    """

    result: Any = None


@dataclasses.dataclass(frozen=True)
class Failed:
    """The task has ended without a result (only sent between processes).

    Attributes
    ----------
    message : str
        The sentence of a `UserError`, or the last line of a traceback.
    user_error : bool
        Whether `message` is a sentence for the user rather than a defect.
    """

    message: str
    user_error: bool = True


Event = Progress | Metric | Preview | CellState | Snapshot | Note | Done | Failed

_BY_NAME: dict[str, Callable[..., Event]] = {
    "progress": Progress,
    "metric": Metric,
    "cellstate": CellState,
    "snapshot": Snapshot,
    "note": Note,
    "done": Done,
    "failed": Failed,
}


def to_json(event: Event) -> str:
    """One line of JSON for an event.

    `Preview` has no JSON form (arrays travel as files): asking for one is a
    `TypeError`. A NaN or infinite number becomes null.
    """
    if isinstance(event, Preview):
        raise TypeError("a Preview travels as a file, not as JSON")
    fields = {field.name: _plain(getattr(event, field.name)) for field in dataclasses.fields(event)}
    return json.dumps({"event": type(event).__name__.lower(), **fields}, allow_nan=False)


def from_json(line: str) -> Event:
    """The event of one line written by `to_json`.

    Raises
    ------
    ValueError
        If the line is not such an event.
    """
    fields = json.loads(line)
    try:
        kind = _BY_NAME[fields.pop("event")]
        if kind is CellState:
            fields["weights"] = tuple(tuple(map(float, row)) for row in fields["weights"])
        return kind(**fields)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"not an event: {line!r}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value)
