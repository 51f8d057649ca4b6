"""The settings of a search: one frozen, readable file. Reading it loads no torch."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from napari_hsi_restore.search_space.genotype import STAS_C, Genotype
from napari_hsi_restore.training.recipe import NoiseMix, Precision, TrainingRecipe

WARMUP_STEPS = 30
"""Steps in which the learning rate rises."""


class SearchRecipe(pydantic.BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """All settings of a search and of the training of what it finds.

    Attributes
    ----------
    name : str
        Of the new model and its genotype.
    purpose : str
        One line for the model picker.
    minutes : float
        Time for everything: the search, and then the training of the found network.
    seed : int
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``.
    devices : int or 'auto'
        As in `napari_hsi_restore.training.finetune.FineTuneRecipe`.
    search_share : float
        Part of the minutes spent on the search.
    cost_weight : float
        0 asks for the best quality. Else so much (natural logarithm) of the remaining
        error is given for a cell that costs nothing in place of the dearest: 0.1 accepts
        a tenth more error.
    cost : {'measured', 'counted'}
        What an operation costs: its time on this device, or its multiplications.
    form : {'single-path', 'full'}
        Whether a step computes one sampled path of the supernet, in which the edges into
        a node share their kernels, or all of it, each edge with its own (about fifteen
        times as slow, with as much more memory).
    genotype : Genotype, optional
        A known cell: nothing is searched and all the time trains it.
    width : int
        Channels between the cells.
    domain : {'eigenimages', 'bands'}
        Basis of the spectra that the network works in.
    fewest_bands, crop, patch, crops, patches, most_components, noise
        As in `napari_hsi_restore.training.recipe.TrainingRecipe`.
    learning_rate : float
        Of the weights, in the search and, falling to 0 at the end, in the training.
    optimiser : {'adam', 'muon'}
        Of the weights.
    travel : float
        How far, at most, an architecture parameter goes in the course of the search: the
        rate of Adam is that divided by the steps.
    warmup_share : float
        Part of the search in which all paths are trained alike and nothing is decided.
    explore : float
        Part of the steps after the warm-up whose path is still drawn with equal chances: a
        pair that is never trained could only look worse and worse.
    paths : int
        Paths that are compared on one batch in a step of the architecture.
    inherit : bool
        Whether the found network starts with its weights of the supernet.
    precision : str
        Lightning Fabric's.
    search_steps, training_steps : int, optional
        End the parts after so many steps rather than by the clock, which makes a run
        repeatable to the last digit on one machine.
    """

    name: str
    purpose: str = ""
    minutes: float = pydantic.Field(default=30.0, gt=0)
    seed: int = pydantic.Field(default=0, ge=0)
    device: str = "auto"
    devices: Annotated[int, pydantic.Field(ge=1)] | Literal["auto"] = "auto"
    search_share: float = pydantic.Field(default=0.5, ge=0, lt=1)
    cost_weight: float = pydantic.Field(default=0.0, ge=0)
    cost: Literal["measured", "counted"] = "measured"
    form: Literal["single-path", "full"] = "single-path"
    genotype: Genotype | None = None
    width: int = pydantic.Field(default=32, ge=4, multiple_of=4)
    domain: Literal["eigenimages", "bands"] = "eigenimages"
    fewest_bands: int = pydantic.Field(default=8, ge=1)
    crop: int = pydantic.Field(default=100, ge=16)
    patch: int = pydantic.Field(default=64, ge=8)
    crops: int = pydantic.Field(default=2, ge=1)
    patches: int = pydantic.Field(default=1, ge=1)
    most_components: int = pydantic.Field(default=8, ge=1)
    noise: NoiseMix = NoiseMix()
    learning_rate: float = pydantic.Field(default=5e-3, gt=0)
    optimiser: Literal["adam", "muon"] = "muon"
    travel: float = pydantic.Field(default=15.0, gt=0)
    warmup_share: float = pydantic.Field(default=0.25, ge=0, lt=1)
    explore: float = pydantic.Field(default=0.5, ge=0, le=1)
    paths: int = pydantic.Field(default=4, ge=2)
    inherit: bool = True
    precision: Precision = "bf16-mixed"
    search_steps: int | None = pydantic.Field(default=None, ge=1)
    training_steps: int | None = pydantic.Field(default=None, ge=1)

    @property
    def search_seconds(self) -> float:
        """Time for the search; 0 where the genotype is known."""
        return 0.0 if self.genotype else 60.0 * self.minutes * self.search_share

    @property
    def training_seconds(self) -> float:
        """Time for training the found network."""
        return 60.0 * self.minutes - self.search_seconds

    def batches(self, offset: int = 0) -> TrainingRecipe:
        """What the batches are drawn by; its genotype means nothing.

        Parameters
        ----------
        offset : int
            Added to the seed, so that the parts of a search see different noise.
        """
        return self.training(STAS_C).model_copy(update={"seed": self.seed + offset})

    def training(self, genotype: Genotype) -> TrainingRecipe:
        """The training of the found network; how long it is, the clock says.

        Parameters
        ----------
        genotype : Genotype
        """
        return TrainingRecipe(
            name=self.name,
            purpose=self.purpose,
            train=(),
            validation=(),
            genotype=genotype,
            width=self.width,
            domain=self.domain,
            fewest_bands=self.fewest_bands,
            crop=self.crop,
            patch=self.patch,
            crops=self.crops,
            patches=self.patches,
            most_components=self.most_components,
            noise=self.noise,
            learning_rate=self.learning_rate,
            optimiser=self.optimiser,
            precision=self.precision,
            seed=self.seed,
            warmup=WARMUP_STEPS,
        )
