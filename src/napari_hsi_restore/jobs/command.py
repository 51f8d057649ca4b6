"""The command line that repeats a run of the dock."""

from __future__ import annotations

import shlex
from pathlib import Path

from napari_hsi_restore.io.choices import Answers
from napari_hsi_restore.restore.recipe import DenoiseRecipe
from napari_hsi_restore.restore.superres_recipe import CLASSICAL, CORRECTIONS, SuperresRecipe

PROGRAM = "napari-hsi-restore"

_WRITABLE = (".hdr", ".tif", ".nc", ".npy", ".npz", ".mat", ".h5")


def denoise_command(
    source: str,
    recipe: DenoiseRecipe,
    said: Answers | None = None,
    mask: Path | None = None,
    marked: str | None = None,
) -> str:
    """One line for a shell, quoted.

    The size of the tiles is left out: it does not change the result.

    Parameters
    ----------
    source : str
        File of the cube, with ``::key`` where it has one.
    recipe : DenoiseRecipe
        `noise` is ``"auto"`` or one number.
    said : Answers, optional
        What the user said about the file when opening it.
    mask : Path, optional
        File of the pixels that count as missing.
    marked : str, optional
        Bands that were marked as bad by hand, as ``--mark-bad`` takes them.

    Returns
    -------
    str
        The result goes beside the source, with ``_denoised`` in its name.
    """
    words = [PROGRAM, "denoise", source, str(result_path(source, recipe)), "--model", recipe.model]
    words += ["--noise", recipe.noise if isinstance(recipe.noise, str) else f"{recipe.noise:g}"]
    words += ["--strength", f"{recipe.strength:g}"]
    words += [] if mask is None else ["--mask", str(mask)]
    words += [] if recipe.bad_bands == "keep" else ["--bad-bands", recipe.bad_bands]
    return shlex.join(words + _marking(marked) + _opening(said) + _where(recipe))


def superres_command(
    source: str, recipe: SuperresRecipe, said: Answers | None = None, marked: str | None = None
) -> str:
    """One line for a shell, quoted; otherwise as `denoise_command`.

    Parameters
    ----------
    source : str
        File of the cube, with ``::key`` where it has one.
    recipe : SuperresRecipe
        `fine` is one of `CORRECTIONS`.
    said : Answers, optional
    marked : str, optional

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
        words += _averaging(recipe.ensemble)
    return shlex.join(words + _marking(marked) + _opening(said) + _where(recipe))


def result_path(source: str, recipe: DenoiseRecipe | SuperresRecipe) -> Path:
    """Where a command puts its result: beside the source, in a format that can be written."""
    path = Path(source.partition("::")[0])
    suffix = path.suffix.lower() if path.suffix.lower() in _WRITABLE else ".hdr"
    done = "denoised" if isinstance(recipe, DenoiseRecipe) else f"x{recipe.scale}"
    return path.with_name(f"{path.stem}_{done}{suffix}")


def not_in_a_command(said: Answers | None) -> str:
    """What was said when opening a file and no command can say, for a sentence; mostly empty."""
    lacking = []
    if said is not None and isinstance(said.wavelengths, tuple):
        lacking.append("the typed wavelengths")
    if said is not None and said.pixel_order is not None:
        lacking.append("the order of the pixels")
    return " and ".join(lacking)


def _averaging(ensemble: bool | None) -> list[str]:
    if ensemble is None:
        return []
    return ["--ensemble"] if ensemble else ["--no-ensemble"]


def _marking(marked: str | None) -> list[str]:
    return [] if marked is None else ["--mark-bad", marked]


def _opening(said: Answers | None) -> list[str]:
    """The options that open the file as the user said; the data set stands in the source."""
    words: list[str] = []
    if said is None:
        return words
    if said.bands_axis is not None:
        words += ["--bands-axis", str(said.bands_axis)]
    if said.shape is not None:
        words += ["--shape", f"{said.shape[0]}x{said.shape[1]}"]
    if isinstance(said.wavelengths, Path):
        words += ["--wavelengths", str(said.wavelengths)]
    return words


def _where(recipe: DenoiseRecipe | SuperresRecipe) -> list[str]:
    """The options that every restoration has."""
    words = ["--device", recipe.device]
    if recipe.memory_limit_gib is not None:
        words += ["--memory-limit", f"{recipe.memory_limit_gib:g}"]
    return words
