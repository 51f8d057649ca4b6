"""What a super-resolution is asked to do: frozen, storable values."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Literal

import pydantic

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import EigenSRSpec, EnlargerSpec
from napari_hsi_restore.zoo.records import ModelRecord, list_models

Scale = Literal[2, 3, 4, 8]
SCALES: tuple[Scale, ...] = (2, 3, 4, 8)

BICUBIC, BACK_PROJECTION = "bicubic", "back-projection"
CLASSICAL = (BICUBIC, BACK_PROJECTION)
"""What can stand for a model by name and needs no training."""

CLASSICAL_PURPOSES: MappingProxyType[str, str] = MappingProxyType(
    {
        BACK_PROJECTION: "No network: corrected until the result, shrunk again, meets the input.",
        BICUBIC: "No network: smooth resampling, which adds no detail.",
    }
)
"""One line for the model picker on each of `CLASSICAL`."""

QUICK = 4e12
"""Multiplications of a network with its weights up to which a run counts as quick [ours]: two
cores take some forty seconds."""

BACK_PROJECTIONS = 10
"""Steps of the classical back-projection."""


class FineOptions(pydantic.BaseModel, frozen=True, extra="forbid"):
    """How an enlarged cube is corrected (`napari_hsi_restore.restore.fine`).

    Attributes
    ----------
    half_step : {'none', 'mean', 'pixel'}
        The step of FineSR over half the scale: left out, weighted by the mean
        spectral angle as published, or by the angle of every pixel [ours].
    consistency_steps : int
        Steps of back-projection over the whole scale after it [ours].
    """

    half_step: Literal["none", "mean", "pixel"] = "mean"
    consistency_steps: int = pydantic.Field(default=0, ge=0, le=50)


TURNS = 8
"""Four turns of an image and of its mirror image, whose answers can be averaged."""

CORRECTIONS: MappingProxyType[str, FineOptions] = MappingProxyType(
    {
        "none": FineOptions(half_step="none"),
        "published": FineOptions(),
        "pixel": FineOptions(half_step="pixel"),
        "consistent": FineOptions(half_step="none", consistency_steps=5),
        "published+consistent": FineOptions(consistency_steps=5),
    }
)
"""The corrections that have a name."""

DEFAULT_CORRECTION = "consistent"
"""The best on the validation scenes (docs/superresolution-method.md)."""


class SuperresRecipe(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Settings of a super-resolution run.

    Attributes
    ----------
    scale : {2, 3, 4, 8}
        Pixels out for a pixel in, along each side.
    model : str
        Name of a model for this scale, one of `CLASSICAL`, or ``"auto"`` for the model of
        this scale where it helps the cube (`napari_hsi_restore.restore.superres_check`).
    fine : FineOptions
        Correction of what a model gives, or its name in `CORRECTIONS`; the classical
        methods have none.
    ensemble : bool or None
        Whether the answers of a model to all turns and mirrorings of a tile are averaged:
        eight times the work for a little more accuracy
        (`napari_hsi_restore.restore.ensemble`). None for where that pays (`settled`). The
        classical methods do not need it.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    memory_limit_gib : float or None
        Memory that the tiles may use beside the cube and the result, in GiB; None for
        half of what is free.
    tile : int or None
        Side of a tile in pixels of the input; None to fit the memory.
    """

    scale: Scale
    model: str = "auto"
    fine: FineOptions = CORRECTIONS[DEFAULT_CORRECTION]
    ensemble: bool | None = None
    device: str = "auto"
    memory_limit_gib: float | None = pydantic.Field(default=None, gt=0)
    tile: int | None = pydantic.Field(default=None, ge=8)

    @pydantic.field_validator("fine", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """The correction of a name."""
        return CORRECTIONS.get(value, value) if isinstance(value, str) else value

    def classical(self, name: str) -> SuperresRecipe:
        """The same settings with one of the classical methods."""
        steps = BACK_PROJECTIONS if name == BACK_PROJECTION else 0
        fine = FineOptions(half_step="none", consistency_steps=steps)
        return self.model_copy(update={"model": name, "fine": fine, "ensemble": False})


def model_for(recipe: SuperresRecipe, shape: tuple[int, int, int]) -> ModelRecord | None:
    """The model that a recipe means for a cube.

    Parameters
    ----------
    recipe : SuperresRecipe
    shape : tuple of int
        (bands, y, x) of the whole input, also where only a region of it is enlarged.

    Returns
    -------
    ModelRecord or None
        For ``"auto"`` the bundled one that works most of those whose run is quick on such a
        cube (`QUICK`), for more work is more accurate on the validation scenes
        (docs/superresolution-method.md); if none is quick, the one that works least. The user's
        own where no bundled one is for this scale. None for a classical method.

    Raises
    ------
    UserError
        If there is no such model, or it is for another task or scale.
    """
    scale, name = recipe.scale, recipe.model
    if name in CLASSICAL:
        return None
    if name != "auto":
        chosen = {entry.name: entry for entry in list_models("superres")}.get(name)
        if chosen is None or chosen.scale != scale:
            raise UserError(
                f"model '{name}' is not for super-resolution by {scale}; {_choices(scale)}."
            )
        return chosen
    fitting = _fitting(scale, shape[0])
    if not fitting:
        raise UserError(f"no model enlarges {shape[0]} bands by {scale}; {_choices(scale)}.")
    bundled = [entry for entry in fitting if entry.bundled] or fitting
    works = {entry.name: _macs(entry, shape) for entry in bundled}
    quick = [entry for entry in bundled if works[entry.name] <= QUICK]
    if quick:
        return max(quick, key=lambda entry: works[entry.name])
    return min(bundled, key=lambda entry: works[entry.name])


def settled(
    recipe: SuperresRecipe, record: ModelRecord | None, shape: tuple[int, int, int]
) -> SuperresRecipe:
    """A recipe that says whether turns are averaged.

    Parameters
    ----------
    recipe : SuperresRecipe
    record : ModelRecord or None
        Of the model that it means; None for a classical method.
    shape : tuple of int
        (bands, y, x) of the whole input, also where only a region of it is enlarged.

    Returns
    -------
    SuperresRecipe
        Where the recipe leaves it open, turns are averaged by an EigenSR network if all of them
        together are quick. The mean of networks gains little by it for so much work
        (docs/superresolution-method.md).
    """
    if recipe.ensemble is not None:
        return recipe
    averaged = (
        record is not None
        and isinstance(record.spec, EigenSRSpec)
        and TURNS * _macs(record, shape) <= QUICK
    )
    return recipe.model_copy(update={"ensemble": averaged})


def automatic_choice(scale: Scale, shape: tuple[int, int, int]) -> tuple[str, str]:
    """What ``auto`` tries first for a cube, and what decides about it.

    Parameters
    ----------
    scale : {2, 3, 4, 8}
    shape : tuple of int
        (bands, y, x) of the input.

    Returns
    -------
    (name, reason)
        A model, and sentences for the user; no name and why not where there is none.
    """
    try:
        record = model_for(SuperresRecipe(scale=scale), shape)
    except UserError as error:
        return "", str(error)
    if record is None:
        return "", ""
    reason = (
        f"Checked on your cube first: where {record.name} does not beat bicubic there, a classical "
        "method takes its place, and you are told."
    )
    others = [entry for entry in _fitting(scale, shape[0]) if entry.bundled]
    best = max(others, key=lambda entry: _macs(entry, shape), default=record)
    if _macs(best, shape) > _macs(record, shape):
        reason += f" {best.name} is more accurate, but slow on a cube of this size."
    return record.name, reason


def half_model(record: ModelRecord) -> ModelRecord | None:
    """The model that enlarges by half as much as another, which FineSR at x4 needs.

    Parameters
    ----------
    record : ModelRecord

    Returns
    -------
    ModelRecord or None
        One of the same architecture, if possible of the same size; None if there is none.
    """
    found = [
        entry
        for entry in list_models("superres")
        if entry.spec.architecture == record.spec.architecture
        and entry.bundled == record.bundled
        and 2 * entry.scale == record.scale
    ]
    alike = [
        entry
        for entry in found
        if entry.spec.model_dump(exclude={"scale"}) == record.spec.model_dump(exclude={"scale"})
    ]
    return next(iter(alike or found), None)


def _fitting(scale: int, n_bands: int) -> list[ModelRecord]:
    """The models for a scale that take so many bands."""
    return [
        entry
        for entry in list_models("superres")
        if entry.scale == scale and entry.min_bands <= n_bands
    ]


def _macs(record: ModelRecord, shape: tuple[int, int, int]) -> float:
    """Multiplications of a network with its weights for a cube of a shape (bands, y, x)."""
    spec = record.spec
    assert isinstance(spec, EnlargerSpec), "a model that enlarges"
    bands, height, width = shape
    return spec.macs(height * width, bands)


def _choices(scale: int) -> str:
    names = [entry.name for entry in list_models("superres") if entry.scale == scale]
    return f"choose one of: {', '.join([*names, *CLASSICAL])}"
