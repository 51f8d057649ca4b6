"""What the leader and the workers tell each other: a line of JSON each."""

from __future__ import annotations

from typing import Literal

import pydantic

from napari_hsi_restore.training.recipe import Precision


class Order(pydantic.BaseModel, frozen=True, extra="forbid"):
    """What a worker is to do.

    Attributes
    ----------
    do : {'join', 'begin', 'work', 'average', 'shrink'}
        Meet the others; begin another part of the run; take the weights and compute on a
        batch; average the gradients of that; halve the batch.
    part : str
        For ``"work"``: which computation, where a worker knows several.
    text : str
        For ``"begin"``: the settings of the part.
    batch : int
        Number of the leader's batch; that of rank r is r more.
    routes : tuple of tuple of int
        Paths of a supernet.
    values : tuple of float
        Further numbers, float32 ones without loss.
    """

    do: Literal["join", "begin", "work", "average", "shrink"]
    part: str = ""
    text: str = ""
    batch: int = 0
    routes: tuple[tuple[int, ...], ...] = ()
    values: tuple[float, ...] = ()


class Answer(pydantic.BaseModel, frozen=True, extra="forbid", ser_json_inf_nan="constants"):
    """What a worker says.

    Attributes
    ----------
    kind : {'ready', 'done', 'memory', 'failed', 'refused'}
        It is set up; it has computed; its memory ran out; a defect; a sentence for the
        user.
    numbers : tuple of float
        What was computed.
    message : str
        Of a failure.
    """

    kind: Literal["ready", "done", "memory", "failed", "refused"]
    numbers: tuple[float, ...] = ()
    message: str = ""


class Setup(pydantic.BaseModel, frozen=True, extra="forbid"):
    """The first line that a worker is given.

    Attributes
    ----------
    rank, world : int
        Its number, and how many processes there are.
    devices : tuple of str
        torch's names, one for each rank.
    threads : int
        Of the processor, for each.
    precision : str
        Lightning Fabric's.
    parcel : str
        Folder of what it learns from.
    meeting : str
        File by which the processes find each other.
    """

    rank: int
    world: int
    devices: tuple[str, ...]
    threads: int
    precision: Precision
    parcel: str
    meeting: str
