"""Checkpoints that are whole or absent, and are never unpickled."""

from __future__ import annotations

import os
from pathlib import Path

import pydantic
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from napari_hsi_restore.errors import UserError

Tensors = dict[str, torch.Tensor]


class RunState(pydantic.BaseModel, frozen=True, extra="forbid", ser_json_inf_nan="constants"):
    """Where a run stands.

    Attributes
    ----------
    recipe_json : str
        The recipe, to see that a run goes on with the one it began with.
    step : int
        Steps done.
    seconds : float
        Time spent in training.
    best : float
        Best validation score so far; minus infinity before the first.
    devices : int
        How many learned last.
    """

    recipe_json: str
    step: int = 0
    seconds: float = 0.0
    best: float = float("-inf")
    devices: int = 1


def save(path: Path, state: RunState, tensors: Tensors) -> None:
    """Write a checkpoint beside its place and move it there when it is whole.

    Parameters
    ----------
    path : Path
        ``.safetensors`` file.
    state : RunState
    tensors : dict of tensor
        Weights, averages and the optimiser's moments.
    """
    partial = path.with_name(path.name + ".partial")
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        save_file(whole, partial, metadata={"state": state.model_dump_json()})
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    # The library has an error of its own for a full disk.
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{path}: the checkpoint cannot be written ({reason}); the previous one is untouched: "
            "make room and resume."
        ) from error


def averaged(tensors: Tensors) -> Tensors:
    """The averaged weights of a checkpoint."""
    begin = "average."
    return {name[len(begin) :]: each for name, each in tensors.items() if name.startswith(begin)}


def load(path: Path) -> tuple[RunState, Tensors]:
    """Read a checkpoint.

    Raises
    ------
    UserError
        If the file is damaged or is no checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            state = RunState.model_validate_json((file.metadata() or {})["state"])
            return state, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, pydantic.ValidationError) as error:
        raise UserError(
            f"{path}: not a checkpoint of this program, or a damaged one; begin the run "
            "anew, under another name."
        ) from error
