"""What the record of a fine-tuned model says of how good it is."""

from __future__ import annotations

import math
import platform
from collections.abc import Sequence
from importlib.metadata import version

from napari_hsi_restore.training.finetune.judging import Gain, Judgement
from napari_hsi_restore.training.finetune.recipe import FineTuneRecipe
from napari_hsi_restore.zoo.records import ModelRecord, Provenance

NOT_KNOWN_DB = 99.0
"""Stands for a standard error that cannot be told, in a record of plain numbers."""

PURPOSE_LETTERS = 99


def drafted(
    recipe: FineTuneRecipe,
    start: ModelRecord,
    found: Judgement,
    floor: Judgement,
    *,
    names: Sequence[str],
    steps: int,
    seconds: float,
    device: str,
) -> ModelRecord:
    """The record of some weights of a fine-tuning, whole but for the sha256.

    Parameters
    ----------
    recipe : FineTuneRecipe
    start : ModelRecord
        Of the model that the run began with.
    found, floor : Judgement
        Of the weights, and of the start model; the same object if they are its.
    names : sequence of str
        Of the cubes.
    steps : int
    seconds : float
    device : str
    """
    gain = found.gain_over(floor)
    is_start = found is floor
    error = gain.error_db if math.isfinite(gain.error_db) else NOT_KNOWN_DB
    figures = {
        "psnr": found.psnr,
        "psnr_start": floor.psnr,
        "gain": gain.db,
        "gain_error": error,
    }
    return ModelRecord(
        name=recipe.name,
        purpose=f"{start.name} fine-tuned on {_some(names)}"[:PURPOSE_LETTERS],
        spec=start.spec,
        parameters=start.parameters,
        sha256="",
        scores={f"held-out/{name}": round(value, 4) for name, value in figures.items()},
        protocol=_protocol(recipe, start),
        provenance=Provenance(
            recipe={**recipe.model_dump(mode="json"), "start_sha256": start.sha256},
            data=(*start.provenance.data, *names),
            citations=start.provenance.citations,
            steps=steps,
            seconds=round(seconds, 1),
            hardware=f"{platform.machine()}, {device}",
            versions={name: version(name) for name in ("napari-hsi-restore", "torch", "numpy")},
            seed=recipe.seed,
        ),
        bundled=False,
        recommended=gain.is_real and not is_start,
        remark=_remark(recipe, start, gain, is_start=is_start),
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _protocol(recipe: FineTuneRecipe, start: ModelRecord) -> str:
    given = {
        "reference": "against the clean references",
        "degraded": "against the clean cubes, with the noise of the sensor added",
        "self-supervised": "estimated without a reference (Stein's unbiased risk estimate)",
    }[recipe.method]
    if start.task == "superres":
        given = "against the cubes, which were shrunk for it"
    return (
        f"PSNR in dB of the {100 * recipe.held_out:.0f} % of every cube that was never learned "
        f"from, white at 1, {given}; the best of several checks was kept"
    )


def _remark(recipe: FineTuneRecipe, start: ModelRecord, gain: Gain, *, is_start: bool) -> str:
    where = "on held-out pixels of the same cubes"
    if recipe.method == "self-supervised":
        where += " (estimated without a reference)"
    if is_start:
        return (
            f"Not recommended: nothing better than {start.name} was found {where}, so these are "
            "its weights."
        )
    figure = f"{gain.db:+.2f} dB against {start.name} {where}"
    if math.isfinite(gain.error_db):
        figure += f", standard error {gain.error_db:.2f} dB"
    return f"{figure}." if gain.is_real else f"Not recommended: {figure}, which may be chance."
