"""The command line that repeats a run of the dock."""

from __future__ import annotations

import shlex
from pathlib import Path

from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.superres_recipe import CLASSICAL, CORRECTIONS, SuperresRecipe

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
    words = [PROGRAM, "denoise", source, str(result_path(source, recipe)), "--model", recipe.model]
    words += ["--noise", recipe.noise if isinstance(recipe.noise, str) else f"{recipe.noise:g}"]
    words += ["--strength", f"{recipe.strength:g}"]
    return shlex.join(words + _where(recipe))


def superres_command(source: str, recipe: SuperresRecipe) -> str:
    """One line for a shell, quoted; otherwise as `denoise_command`.

    Parameters
    ----------
    source : str
        File of the cube, with ``::key`` where it has one.
    recipe : SuperresRecipe
        `fine` is one of `CORRECTIONS`.

    Returns
    -------
    str
        The result goes beside the source, with ``_x2`` or another scale in its name.

    Raises
    ------
    ValueError
        If the correction has no name.
    """
    names = [name for name, options in CORRECTIONS.items() if options == recipe.fine]
    if not names:
        raise ValueError(f"a correction without a name: {recipe.fine}")
    words = [PROGRAM, "superres", source, str(result_path(source, recipe))]
    words += ["--scale", str(recipe.scale), "--model", recipe.model]
    if recipe.model not in CLASSICAL:
        words += ["--fine", names[0]]
    return shlex.join(words + _where(recipe))


def result_path(source: str, recipe: DenoiseRecipe | SuperresRecipe) -> Path:
    """Where a command puts its result: beside the source, in a format that can be written."""
    path = Path(source.partition("::")[0])
    suffix = path.suffix.lower() if path.suffix.lower() in _WRITABLE else ".hdr"
    done = "denoised" if isinstance(recipe, DenoiseRecipe) else f"x{recipe.scale}"
    return path.with_name(f"{path.stem}_{done}{suffix}")


def _where(recipe: DenoiseRecipe | SuperresRecipe) -> list[str]:
    """The options that every restoration has."""
    words = ["--device", recipe.device]
    if recipe.memory_limit_gib is not None:
        words += ["--memory-limit", f"{recipe.memory_limit_gib:g}"]
    return words
