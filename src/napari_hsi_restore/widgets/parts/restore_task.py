"""What the Restore dock can do with a cube, and with which models and methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from napari_hsi_restore.restore.choices import is_method, methods
from napari_hsi_restore.restore.recipe import AUTOMATIC
from napari_hsi_restore.restore.superres_recipe import (
    CLASSICAL_PURPOSES,
    SCALES,
    Scale,
    automatic_choice,
)
from napari_hsi_restore.zoo.records import ModelRecord

Entry = tuple[str, str]
"""Name of a model or method, and one line on what it is for."""

Group = tuple[str, tuple[Entry, ...]]
"""A title, which may be empty, and what stands below it."""


@dataclasses.dataclass(frozen=True)
class RestoreTask:
    """One entry of the list of tasks.

    Attributes
    ----------
    scale : {2, 3, 4, 8} or None
        Pixels out for a pixel in, along each side; None for denoising.
    groups : tuple of (title, entries)
        What can do it, beside ``"auto"``.
    """

    scale: Scale | None
    groups: tuple[Group, ...]

    @property
    def key(self) -> str:
        """A word for the settings."""
        return "denoise" if self.scale is None else f"superres_x{self.scale}"

    @property
    def title(self) -> str:
        """The entry of the list."""
        return "Denoise" if self.scale is None else f"Super-resolve ×{self.scale}"

    @property
    def label(self) -> str:
        """What a result is called before the name of its model."""
        return "denoise" if self.scale is None else f"superres x{self.scale}"

    def doing(self, name: str) -> str:
        """What the status line calls a run on a layer of this name."""
        return f"Denoising “{name}”" if self.scale is None else f"Enlarging “{name}” ×{self.scale}"

    def automatic(self, shape: tuple[int, int, int]) -> Entry:
        """What ``"auto"`` means for a cube of a shape, and why; the name may be empty."""
        if self.scale is None:
            return "", AUTOMATIC
        return automatic_choice(self.scale, shape)


def tasks_of(models: Sequence[ModelRecord]) -> tuple[RestoreTask, ...]:
    """List denoising, and super-resolution by every scale that some model was trained for."""
    networks = tuple(
        _entry(model) for model in models if model.task == "denoise" and not is_method(model.name)
    )
    whole = tuple((method.name, method.purpose) for method in methods())
    tasks = [RestoreTask(None, (("Networks", networks), ("Methods", whole)))]
    for scale in SCALES:
        enlargers = tuple(
            _entry(model) for model in models if model.task == "superres" and model.scale == scale
        )
        if enlargers:
            every = enlargers + tuple(CLASSICAL_PURPOSES.items())
            tasks.append(RestoreTask(scale, (("", every),)))
    return tuple(tasks)


def _entry(model: ModelRecord) -> Entry:
    """A model of the user also says whether it is better than what it began with."""
    return model.name, f"{model.purpose} {model.remark}".strip()
