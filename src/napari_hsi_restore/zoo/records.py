"""Records of the bundled and the user's models; reading them loads no torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pydantic
from platformdirs import user_data_path

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import ModelSpec, Task

FOLDER_VARIABLE = "NAPARI_HSI_RESTORE_MODELS"


class Earlier(pydantic.BaseModel, frozen=True, extra="forbid"):
    """A run that another one began with.

    Attributes
    ----------
    recipe : dict
        Its training recipe, whole.
    steps : int
        Optimiser steps.
    seconds : float
        Training time.
    before : Earlier, optional
        The run that this one began with.
    """

    recipe: dict[str, pydantic.JsonValue]
    steps: int
    seconds: float
    before: Earlier | None = None


class Provenance(pydantic.BaseModel, frozen=True, extra="forbid"):
    """How the weights came about.

    Attributes
    ----------
    recipe : dict
        The training recipe, whole.
    data : tuple of str
        Names of the cubes that it was trained on.
    citations : tuple of str
        Whom to cite for these data.
    steps : int
        Optimiser steps.
    seconds : float
        Training time.
    hardware : str
    versions : dict of str
        Of the packages that matter.
    seed : int
    before : Earlier, optional
        The run whose weights this one began with.
    """

    recipe: dict[str, pydantic.JsonValue]
    data: tuple[str, ...]
    citations: tuple[str, ...]
    steps: int
    seconds: float
    hardware: str
    versions: dict[str, str]
    seed: int
    before: Earlier | None = None


class ModelRecord(pydantic.BaseModel, frozen=True, extra="forbid"):
    """One model: what it is for, what it needs, where it comes from, how good it is.

    Attributes
    ----------
    name : str
    purpose : str
        One line for the model picker.
    spec : ModelSpec
    parameters : int
        Number of weights.
    sha256 : str
        Of the weights file.
    scores : dict of str to float
        Measured figures; the names say data set, noise and metric.
    protocol : str
        How the scores were measured, and the command that does it.
    provenance : Provenance
    bundled : bool
        Whether it came with the package.
    recommended : bool
        False for a user's model that came out no better than what was there before.
    remark : str
        One sentence on how good it is and how that was measured; empty for bundled ones.
    """

    name: str
    purpose: str
    spec: ModelSpec
    parameters: int
    sha256: str
    scores: dict[str, float]
    protocol: str
    provenance: Provenance
    bundled: bool = True
    recommended: bool = True
    remark: str = ""

    @property
    def steps(self) -> int:
        """Steps of its training run, and of those that it began with."""
        return sum(run.steps for run in self._runs())

    @property
    def seconds(self) -> float:
        """Time of its training run, and of those that it began with."""
        return sum(run.seconds for run in self._runs())

    def _runs(self) -> Iterator[Provenance | Earlier]:
        run: Provenance | Earlier | None = self.provenance
        while run is not None:
            yield run
            run = run.before

    @property
    def task(self) -> Task:
        """What it does, ``"denoise"``, ``"superres"`` or ``"refine"``."""
        return self.spec.task

    @property
    def scale(self) -> int:
        """Pixels out for a pixel in, along each side."""
        return self.spec.scale

    @property
    def min_bands(self) -> int:
        """Fewest bands that it takes."""
        return self.spec.min_bands

    @property
    def halo(self) -> int:
        """Pixels around a tile that it looks at."""
        return self.spec.halo


def user_folder() -> Path:
    """Where the user's own models lie (`NAPARI_HSI_RESTORE_MODELS` if that is set)."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    return Path(chosen) if chosen else user_data_path("napari-hsi-restore") / "models"


def list_models(task: Task | None = None) -> tuple[ModelRecord, ...]:
    """Records of all models that can be chosen, the bundled ones first, by name.

    Those of the task ``"refine"`` are parts of a method and come only where they are asked for.
    A model of the user's folder that is named like a bundled one is left out, and so is
    one whose record is damaged (`damaged` names those).

    Parameters
    ----------
    task : {'denoise', 'superres', 'refine'}, optional
        Only the models for it.
    """
    tasks = ("denoise", "superres") if task is None else (task,)
    return tuple(entry for entry, _ in _entries() if entry.task in tasks)


def taken_names() -> set[str]:
    """Names of all models, in small letters: no new one can be called so."""
    return {entry.name.casefold() for entry, _ in _entries()}


def record(name: str) -> ModelRecord:
    """The record of a model.

    Raises
    ------
    UserError
        If there is no model of this name, or its record is damaged.
    """
    return find(name)[0]


def find(name: str) -> tuple[ModelRecord, Path]:
    """Record of a model and the path of its weights."""
    entries = _entries()
    for entry, path in entries:
        if entry.name == name:
            return entry, path.with_suffix(".safetensors")
    for path in damaged():
        if path.stem == name:
            raise UserError(
                f"{path}: the record of this model is damaged or from a newer version of this "
                f"program; remove the model ('models remove {name}') and make it again."
            )
    names = ", ".join(entry.name for entry in list_models())
    raise UserError(f"model '{name}' is not known; choose one of: {names}.")


def damaged() -> tuple[Path, ...]:
    """Records in the user's folder that cannot be read; the other models are no worse for it."""
    return tuple(path for path in _records_of(user_folder()) if _read(path) is None)


def _entries() -> list[tuple[ModelRecord, Path]]:
    bundled = Path(str(resources.files("napari_hsi_restore.zoo") / "weights"))
    entries: list[tuple[ModelRecord, Path]] = []
    for folder, is_bundled in ((bundled, True), (user_folder(), False)):
        for path in _records_of(folder):
            entry = _read(path)
            if entry is None or entry.name in {known.name for known, _ in entries}:
                # Two networks under one name could not be told apart: the bundled one keeps it.
                continue
            entries.append((entry.model_copy(update={"bundled": is_bundled}), path))
    return entries


def _records_of(folder: Path) -> list[Path]:
    found = folder.glob("*.json") if folder.is_dir() else ()
    # Hidden files are not finished, or those of the system.
    return sorted(path for path in found if not path.name.startswith("."))


def _read(path: Path) -> ModelRecord | None:
    """The record in a file, or None if it is damaged."""
    try:
        return ModelRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
