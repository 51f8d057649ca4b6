"""The lines that a client and its child process exchange, and nothing else.

Client to child, one JSON object a line::

    {"id": "3", "kind": "denoise", "folder": "/tmp/.../3", "recipe": {...}, "residual": true}
    {"id": "6", "kind": "superres", "folder": "/tmp/.../6", "recipe": {"scale": 2, ...}}
    {"id": "4", "kind": "estimate_noise", "folder": "/tmp/.../4"}
    {"id": "5", "kind": "devices", "folder": "/tmp/.../5"}
    {"id": "3", "kind": "cancel"}

Child to client, one JSON object a line: an event of `napari_hsi_restore.events`
with the id of its request, or ``{"id": "3", "event": "cancelled"}``. A request ends
with exactly one of ``done``, ``failed`` and ``cancelled``.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import pydantic

from napari_hsi_restore.events import Event, from_json, to_json

Kind = Literal["denoise", "superres", "estimate_noise", "devices", "cancel"]


class Message(pydantic.BaseModel):
    """One line from the client to its child.

    Attributes
    ----------
    id : str
        Names the request in every answer to it.
    kind : {"denoise", "superres", "estimate_noise", "devices", "cancel"}
        What to do; ``"cancel"`` ends the request of the same id.
    folder : str
        Holds the input cube (`transfer.INPUT`) and takes the outputs.
    recipe : dict
        JSON form of a `DenoiseRecipe` for ``"denoise"``, of a `SuperresRecipe` for
        ``"superres"``.
    region : tuple of 4 int or None
        Rows and columns of the input to restore or enlarge, as (top, bottom, left,
        right) with the ends left out; None for all.
    residual : bool
        Whether ``"denoise"`` also writes input minus output.
    masked : bool
        Whether the folder also holds pixels that count as missing (`transfer.MASK`).
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Kind
    folder: str = ""
    recipe: dict[str, Any] = pydantic.Field(default_factory=dict)
    region: tuple[int, int, int, int] | None = None
    residual: bool = False
    masked: bool = False


class Cancelled:
    """The answer to a request that was cancelled."""


def write_event(request_id: str, event: Event | Cancelled) -> str:
    """One line, without its end, for an event of a request."""
    fields = {"event": "cancelled"} if isinstance(event, Cancelled) else json.loads(to_json(event))
    return json.dumps({"id": request_id, **fields})


def read_event(line: str) -> tuple[str, Event | Cancelled]:
    """Request id and event of a line written by `write_event`.

    Raises
    ------
    ValueError
        If the line is none.
    """
    fields = json.loads(line)
    if not isinstance(fields, dict) or not isinstance(fields.get("id"), str):
        raise ValueError(f"not an event of a request: {line!r}")
    request_id = fields.pop("id")
    if fields.get("event") == "cancelled":
        return request_id, Cancelled()
    return request_id, from_json(json.dumps(fields))
