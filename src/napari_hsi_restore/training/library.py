"""Where trainings run, and how the best weights of a run become one of the user's models.

Reading this module loads no torch: windows and the command line ask it for names and
folders.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from napari_hsi_restore.training.run_files import BEST
from napari_hsi_restore.zoo import library
from napari_hsi_restore.zoo.library import check_name
from napari_hsi_restore.zoo.records import ModelRecord, list_models

if TYPE_CHECKING:
    import torch

__all__ = ["check_name", "keep", "runs_folder", "write_best"]

RUNS_VARIABLE = "NAPARI_HSI_RESTORE_RUNS"
INSTALLED = "installed.txt"


def runs_folder() -> Path:
    """Where the runs lie, a folder each (`NAPARI_HSI_RESTORE_RUNS` if that is set)."""
    chosen = os.environ.get(RUNS_VARIABLE)
    return Path(chosen) if chosen else user_data_path("napari-hsi-restore") / "runs"


def write_best(folder: Path, draft: ModelRecord, weights: Mapping[str, torch.Tensor]) -> None:
    """Write the best weights of a run so far, with the record that they would have.

    Both lie in one file, ``best.safetensors``, which is written beside its place and
    renamed, so that `keep` finds a whole model whenever the run was interrupted.

    Parameters
    ----------
    folder : Path
        Of the run.
    draft : ModelRecord
        Whole but for its sha256, which is added.
    weights : mapping of str to tensor

    Raises
    ------
    UserError
        If it cannot be written; what was there before is untouched.
    """
    from safetensors.torch import save

    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    library.write(folder / BEST, library.marked(draft, save(whole)))


def keep(folder: Path) -> ModelRecord | None:
    """Install the best weights so far of a run as one of the user's models.

    A model that this same run has installed before is replaced.

    Parameters
    ----------
    folder : Path
        Of the run.

    Returns
    -------
    ModelRecord or None
        As installed; its `recommended` says whether it is better than what there was
        before. None if the run has no weights yet.

    Raises
    ------
    UserError
        If another model has the name by now, the file of the weights is damaged, or the
        disk is full.
    """
    path = folder / BEST
    if not path.exists():
        return None
    record, content = library.read_marked(path)
    # What this run has installed may be replaced; any other model may not.
    note = folder / INSTALLED
    ours = note.read_text(encoding="ascii").split() if note.exists() else []
    there = {known.name.casefold(): known for known in list_models()}.get(record.name.casefold())
    if there is None or there.bundled or there.sha256 not in ours:
        library.check_name(record.name)
    library.write(note, "\n".join([*ours, record.sha256]).encode())
    return library.install(record, content)
