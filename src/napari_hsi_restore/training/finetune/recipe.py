"""What a fine-tuning is: one frozen, readable value; reading it loads no torch."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from napari_hsi_restore.training.recipe import Learning, Precision

Method = Literal["reference", "degraded", "self-supervised"]


class FineTuneRecipe(Learning, frozen=True, extra="forbid", allow_inf_nan=False):
    """All settings of a fine-tuning.

    Attributes
    ----------
    start : str
        Name of the model that is fine-tuned, bundled or the user's.
    method : {'reference', 'degraded', 'self-supervised'}
        Each cube has a clean reference; or the cubes are clean and get the noise of the
        user's sensor (a network that enlarges: they are shrunk); or there are only
        noisy cubes.
    minutes : float
        Time for learning and checking, over all parts of an interrupted run.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    devices : int or 'auto'
        How many learn together, each from batches of its own: with ``"auto"`` all GPUs,
        unless `device` names one. Several on ``"cpu"`` are processes that share its cores.
    memory_limit_gib : float, optional
        Memory for the cubes in GiB, of which the middles are taken if they have more; None
        for a quarter of what is free.
    steps : int, optional
        Stop after so many steps instead, whatever the minutes: the result then does not
        depend on how fast the machine is.
    held_out : float
        Part of every cube that is never learned from: the end of its longer side.
    crop : int
        Side of the region that gives the spectral basis, in pixels.
    patch : int
        Side of a patch, in pixels; of the shrunk cube for a network that enlarges.
    batch : int
        Patches a step.
    spread : float
        For ``"degraded"``: relative spread (standard deviation of the logarithm) of the
        noise around that of the sensor; half as much again from band to band.
    misjudged : float
        The same for the error of the noise level that the network is told.
    check_every_s : float
        Seconds between two checks on held-out pixels, if there are no `steps`.
    checks : int
        Checks of a run of so many `steps`.
    """

    start: str
    method: Method
    minutes: float = pydantic.Field(default=10.0, gt=0)
    device: str = "auto"
    devices: Annotated[int, pydantic.Field(ge=1)] | Literal["auto"] = "auto"
    memory_limit_gib: float | None = pydantic.Field(default=None, gt=0)
    steps: int | None = pydantic.Field(default=None, ge=1)
    held_out: float = pydantic.Field(default=0.2, ge=0.05, le=0.5)
    crop: int = pydantic.Field(default=100, ge=16)
    patch: int = pydantic.Field(default=48, ge=8)
    batch: int = pydantic.Field(default=4, ge=1)
    spread: float = pydantic.Field(default=0.2, ge=0, le=2)
    misjudged: float = pydantic.Field(default=0.03, ge=0, le=1)
    check_every_s: float = pydantic.Field(default=20.0, gt=0)
    checks: int = pydantic.Field(default=5, ge=1)
    learning_rate: float = pydantic.Field(default=5e-4, gt=0)
    warmup: int = pydantic.Field(default=20, ge=1)
    decay: float = pydantic.Field(default=0.5, gt=0, le=1)
    average: float = pydantic.Field(default=0.98, ge=0, lt=1)
    # Differences of two runs of the network, which SURE takes, need every digit.
    precision: Precision = "32-true"
