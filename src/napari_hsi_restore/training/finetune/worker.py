"""A further device of a fine-tuning: ``python -m napari_hsi_restore.training.finetune.worker``.

`napari_hsi_restore.training.finetune.run.finetune` starts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
import pydantic

from napari_hsi_restore.models.catalog import Denoiser, build
from napari_hsi_restore.models.spec import (
    CoarSRSpec,
    EigenSRSpec,
    MeanSRSpec,
    ModelSpec,
    RefinerSpec,
)
from napari_hsi_restore.training.finetune.cubes import Part, Sample
from napari_hsi_restore.training.finetune.denoising import DenoiserTuning
from napari_hsi_restore.training.finetune.enlarging import EnlargerTuning
from napari_hsi_restore.training.finetune.learner import Tuning
from napari_hsi_restore.training.finetune.recipe import FineTuneRecipe
from napari_hsi_restore.training.ranks.messages import Order
from napari_hsi_restore.training.ranks.worker import main
from napari_hsi_restore.training.worker import LearnerWork

Text = dict[str, Any]
Arrays = dict[str, npt.NDArray[Any]]

_SPEC: pydantic.TypeAdapter[ModelSpec] = pydantic.TypeAdapter(ModelSpec)
_FIELDS = ("cube", "clean", "valid", "bands", "wavelengths_nm")


class TuningWork(LearnerWork):
    """A fine-tuning as a worker has it.

    Parameters
    ----------
    tuning : Tuning
        What is learned from is laid out.
    """

    def __init__(self, tuning: Tuning) -> None:
        super().__init__(tuning)
        self.tuning = tuning

    def compute(self, order: Order, batch: int) -> Sequence[float]:
        """See `Work.compute`: the loss of the batch, patch by patch."""
        total = 0.0
        for loss in self.tuning.losses(self.network, batch):
            self.fabric.backward(loss)
            total += float(loss.detach())
        return [total]

    def shrink(self) -> None:
        """See `Work.shrink`."""
        self.tuning.shrink()


def packed(tuning: Tuning, recipe: FineTuneRecipe) -> tuple[Text, Arrays]:
    """What a worker needs to learn the same.

    Parameters
    ----------
    tuning : DenoiserTuning or EnlargerTuning
    recipe : FineTuneRecipe
    """
    assert isinstance(tuning, DenoiserTuning | EnlargerTuning)
    samples, arrays = [], {}
    for index, sample in enumerate(tuning.samples):
        samples.append(
            {
                "name": sample.name,
                "white": sample.white,
                "learned": [[side.start, side.stop] for side in sample.learned],
                "held_out": [[side.start, side.stop] for side in sample.held_out],
            }
        )
        for field in _FIELDS:
            if (array := getattr(sample, field)) is not None:
                arrays[f"{field}-{index}"] = array
    if isinstance(tuning, DenoiserTuning):
        arrays |= {f"sigma-{index}": sigma for index, sigma in enumerate(tuning.sigmas)}
    return {
        "recipe": recipe.model_dump(mode="json"),
        "spec": tuning.spec.model_dump(mode="json"),
        "samples": samples,
    }, arrays


def unpacked(text: Text, arrays: Arrays) -> TuningWork:
    """The work of a parcel of `packed`."""
    recipe = FineTuneRecipe.model_validate(text["recipe"])
    spec = _SPEC.validate_python(text["spec"])
    samples = [
        Sample(
            name=each["name"],
            white=each["white"],
            learned=_part(each["learned"]),
            held_out=_part(each["held_out"]),
            cube=arrays[f"cube-{index}"],
            clean=arrays.get(f"clean-{index}"),
            valid=arrays[f"valid-{index}"],
            bands=arrays[f"bands-{index}"],
            wavelengths_nm=arrays.get(f"wavelengths_nm-{index}"),
        )
        for index, each in enumerate(text["samples"])
    ]
    network = build(spec)
    tuning: Tuning
    if isinstance(spec, CoarSRSpec | EigenSRSpec):
        tuning = EnlargerTuning(recipe, network, spec, samples)
    else:
        assert isinstance(network, Denoiser)
        assert not isinstance(spec, RefinerSpec | MeanSRSpec)
        sigmas = [arrays[f"sigma-{index}"] for index in range(len(samples))]
        tuning = DenoiserTuning(recipe, network, spec, samples=samples, sigmas=sigmas)
    for _ in tuning.gather():
        pass
    return TuningWork(tuning)


def _part(sides: list[list[int]]) -> Part:
    (top, bottom), (left, right) = sides
    return slice(top, bottom), slice(left, right)


if __name__ == "__main__":
    main(unpacked)
