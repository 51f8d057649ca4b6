"""The command line that repeats a run of the dock."""

from __future__ import annotations

import shlex
from pathlib import Path

from napari_hsi_restore.restore.recipe import DenoiseRecipe

PROGRAM = "napari-hsi-restore"

_WRITABLE = (".hdr", ".tif", ".npy", ".npz", ".mat", ".h5")


def denoise_command(source: str, recipe: DenoiseRecipe) -> str:
    """One line for a shell, quoted.

    The size of the tiles is left out: it does not change the result.

    Parameters
    ----------
    source : str
        File of the cube, with ``::key`` where it has one.
    recipe : DenoiseRecipe
        `noise` is ``"auto"`` or one number.

    Returns
    -------
    str
        The result goes beside the source, with ``_denoised`` in its name.
    """
    words = [PROGRAM, "denoise", source, str(denoised_path(source)), "--model", recipe.model]
    words += ["--noise", recipe.noise if isinstance(recipe.noise, str) else f"{recipe.noise:g}"]
    words += ["--strength", f"{recipe.strength:g}", "--device", recipe.device]
    if recipe.memory_limit_gib is not None:
        words += ["--memory-limit", f"{recipe.memory_limit_gib:g}"]
    return shlex.join(words)


def denoised_path(source: str) -> Path:
    """Where the command puts its result: beside the source, in a format that can be written."""
    path = Path(source.partition("::")[0])
    suffix = path.suffix.lower() if path.suffix.lower() in _WRITABLE else ".hdr"
    return path.with_name(f"{path.stem}_denoised{suffix}")
