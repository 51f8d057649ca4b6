"""What the model ``"auto"`` means for a cube."""

from __future__ import annotations

from collections.abc import Generator

from napari_hsi_restore.classical import memory_allowed, memory_needed
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Event, Progress
from napari_hsi_restore.noise import NoiseReport, analyse
from napari_hsi_restore.restore.recipe import DenoiseRecipe, automatic_model
from napari_hsi_restore.restore.recommend import Recommendation, recommend
from napari_hsi_restore.restore.request import Region
from napari_hsi_restore.restore.statistics import Measured


def resolved(
    cube: HyperCube, recipe: DenoiseRecipe, region: Region, known: Measured, *, filled: bool
) -> Generator[Event, None, tuple[DenoiseRecipe, str | None]]:
    """The recipe with the model that ``"auto"`` means for this cube, and why.

    Parameters
    ----------
    cube : HyperCube
    recipe : DenoiseRecipe
    region : pair of slice
        What is to be restored, with explicit start and stop.
    known : Measured
        Of this cube; keeps the report on its noise.
    filled : bool
        Whether pixels are hidden, which are to be filled.

    Yields
    ------
    Progress

    Returns
    -------
    DenoiseRecipe, and str or None
        A sentence for the user; None where the model was named by the user.
    """
    if recipe.model != "auto":
        return recipe, None
    yield Progress(0.0, "looking at the noise")
    steps = analyse(cube, known.classical)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            chosen = choice(stop.value, region, recipe.memory_limit_gib, filled=filled)
            break
        yield Progress(0.0, "looking at the noise")
    strength = recipe.strength * chosen.strength
    return recipe.model_copy(update={"model": chosen.model, "strength": strength}), chosen.reason


def choice(
    report: NoiseReport, region: Region, memory_limit_gib: float | None, *, filled: bool
) -> Recommendation:
    """What ``"auto"`` takes for a cube of which the noise is known.

    It is what `recommend` says, as long as there is memory for it.

    Parameters
    ----------
    report : NoiseReport
        Of the whole cube.
    region : pair of slice
        What is to be restored, with explicit start and stop.
    memory_limit_gib : float or None
        As in `DenoiseRecipe`.
    filled : bool
        Whether pixels are hidden, which are to be filled: no network does that.
    """
    chosen = recommend(report, fill=filled)
    needed = memory_needed(report.shape, chosen.model, region)
    if filled or needed <= memory_allowed(memory_limit_gib):
        return chosen
    reason = (
        f"{chosen.model} would suit it, but needs {needed / 2**30:.2g} GiB of memory: a "
        "network does it in tiles."
    )
    return Recommendation("network", automatic_model(report.shape[0]), chosen.strength, reason)
