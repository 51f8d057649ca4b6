"""Learning that needs no network: the child of the tests of `jobs.learning` and of the docks.

It counts, writes checkpoints and best weights as a training does, and behaves at its end as its
recipe says.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Literal

import numpy as np
import pydantic
from safetensors.numpy import save

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import EDGES, CellState, Done, Metric, Note, Progress, Snapshot
from napari_hsi_restore.jobs.learning_child import main
from napari_hsi_restore.models.spec import EigenSRSpec, StasSpec
from napari_hsi_restore.search_space.genotype import STAS_C
from napari_hsi_restore.training.library import keep
from napari_hsi_restore.training.run_files import BEST
from napari_hsi_restore.zoo import library
from napari_hsi_restore.zoo.records import ModelRecord, Provenance

STEP_S = 0.02
STEPS_A_MINUTE = 20


class FakeRecipe(pydantic.BaseModel, frozen=True, extra="ignore"):
    """What the docks' recipes have, too; with the minutes of a dock, so many steps a minute."""

    name: str
    minutes: float = 1.0
    steps: int | None = None
    first_best: int = 3
    better: bool = True
    end: Literal["done", "user error", "defect", "hang"] = "done"


def learn(job, text, material, folder, resume):
    recipe = FakeRecipe.model_validate_json(text)
    steps = recipe.steps or round(STEPS_A_MINUTE * recipe.minutes)
    checkpoint = folder / "last.safetensors"
    begin = step = int(checkpoint.read_text()) if resume and checkpoint.exists() else 0
    yield Note(f"begins at {step} with {', '.join(cube.name for cube in material.cubes)}")
    if recipe.end == "user error" and not step:
        raise UserError("cube 'x': has too few pixels to learn from; add cubes.")
    yield Metric("psnr_start", 30.0, step)
    try:
        while step < steps:
            if recipe.end == "hang" and step > begin + 10:
                time.sleep(600)
            time.sleep(STEP_S)
            step += 1
            yield Progress(step / steps, f"step {step}", 60.0)
            yield Metric("loss", 1 / step, step)
            if step % recipe.first_best == 0:
                sign = 1 if recipe.better else -1
                write_best(folder, recipe, step)
                yield Metric("psnr", 30 + sign * step / steps, step)
                yield snapshot(folder, material, step)
                if job.kind == "search":
                    yield cell(step)
            if step % 10 == 0:
                save_text(checkpoint, str(step))
    finally:
        save_text(checkpoint, str(step))
    if recipe.end == "defect":
        raise ZeroDivisionError("oh")
    keep(folder)
    yield Done(str(folder / f"{recipe.name}.json"))


def save_text(path: Path, text: str) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text)
    partial.replace(path)


def write_best(folder: Path, recipe: FakeRecipe, step: int) -> None:
    spec = EigenSRSpec(scale=2, width=4, blocks=1, components=2)
    if not recipe.name.startswith("super"):
        spec = StasSpec(halo=8, genotype=STAS_C, width=8, domain="bands")
    draft = ModelRecord(
        name=recipe.name,
        purpose="A test.",
        spec=spec,
        parameters=1,
        sha256="",
        scores={"psnr": 30.0 + step},
        protocol="",
        provenance=Provenance(
            recipe={},
            data=(),
            citations=(),
            steps=step,
            seconds=1,
            hardware="",
            versions={},
            seed=0,
        ),
        recommended=recipe.better,
        remark="+1.00 dB in a test.",
    )
    values = {"step": np.array([step], np.float32)}
    library.write(folder / BEST, library.marked(draft, save(values)))


def snapshot(folder: Path, material, step: int) -> Snapshot:
    path = folder / "snapshot.npz"
    noisy = np.asarray(material.cubes[0].data, np.float32)[:, :32, :32]
    wavelengths = material.cubes[0].wavelengths_nm
    partial = folder / "snapshot.partial.npz"
    np.savez(
        partial,
        noisy=noisy,
        before=noisy * 0.9,
        now=noisy * 0.5,
        wavelengths_nm=np.array([] if wavelengths is None else wavelengths),
    )
    partial.replace(path)
    return Snapshot(str(path), step)


def cell(step: int) -> CellState:
    rng = np.random.default_rng(0)
    weights = rng.random((len(EDGES), 8)) ** (step / 10)
    for node in range(1, 5):
        rows = [place for place, (_, end) in enumerate(EDGES) if end == node]
        weights[rows] /= weights[rows].sum()
    entropy = max(0.0, 1 - step / 100)
    return CellState(step, tuple(tuple(map(float, row)) for row in weights), entropy)


if __name__ == "__main__":
    # A library that prints must not disturb.
    os.write(1, b"hello from a library\n")
    main(Path(sys.argv[1]), learn)
