"""What a training run is: one frozen, readable file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.spec import RefinerSpec, SuperresSpec
from napari_hsi_restore.search_space.genotype import Genotype

Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
"""Of the computations, as Lightning Fabric calls it."""


class NoiseMix(pydantic.BaseModel, frozen=True, extra="forbid"):
    """Which noise the training cubes get; sigmas on the 0..255 scale of white.

    Attributes
    ----------
    iid, per_band, correlated : float
        Share of the cubes with the same sigma in every band, with an own sigma
        for every band, and with sigma a smooth bump over the bands.
    lowest, highest : float
        Range of sigma. Half of the draws are uniform, half log-uniform.
    misjudged : float
        Relative standard deviation of the error of the sigma that the network is
        told: real noise levels are estimates.
    """

    iid: float = 0.6
    per_band: float = 0.3
    correlated: float = 0.1
    lowest: float = 1.0
    highest: float = 80.0
    misjudged: float = 0.03


class Learning(pydantic.BaseModel, frozen=True, extra="forbid"):
    """How weights are learned, whatever they are learned from.

    Attributes
    ----------
    name : str
        Of the model that comes out.
    optimiser : {'adam', 'muon'}
        Muon takes the inner convolutions only, Adam the rest.
    learning_rate : float
        Adam's, after the warm-up; Muon's is scaled to match.
    warmup, decay : int, float
        Steps of linear warm-up; last part of the run in which the rate falls to 0.
    average : float
        Decay of the exponential moving average of the weights.
    precision : str
        Lightning Fabric's, such as ``"bf16-mixed"``.
    seed : int
    """

    name: str
    optimiser: Literal["adam", "muon"] = "adam"
    learning_rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.25
    average: float = 0.998
    precision: Precision = "bf16-mixed"
    seed: int = 0

    def rate(self, step: int, share: float) -> float:
        """Learning rate: linear warm-up, constant, linear fall to zero.

        Parameters
        ----------
        step : int
            Steps done.
        share : float
            Part of the run that is done, 0..1.
        """
        left = (1.0 - share) / max(self.decay, 1e-9)
        return self.learning_rate * min(1.0, (step + 1) / self.warmup, max(left, 0.0))


class Recipe(Learning, frozen=True, extra="forbid"):
    """The settings that every training run from committed patterns has.

    Attributes
    ----------
    purpose : str
        One line for the model picker.
    train, validation : tuple of str
        Cubes as glob patterns below the data folder. No path may have a part
        called ``test``.
    scales : tuple of float
        Resolutions that a training cube is used at; 0.5 is half.
    start : str, optional
        Folder of an earlier run of the same network, or of one that is a stage of this,
        whose best weights this one begins with.
    steps : int
        Length of the run.
    check_every : int
        Steps between two validations.
    """

    purpose: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    scales: tuple[float, ...] = (1.0, 0.5)
    start: str | None = None
    steps: int = 20000
    check_every: int = 500


class TrainingRecipe(Recipe, frozen=True, extra="forbid"):
    """All settings of a training run of a denoiser.

    Attributes
    ----------
    task : {'denoise'}
    architecture : {'stas', 'qrnn3d'}
    genotype : Genotype, optional
        Wiring of the cells of a STAS network; no other has it.
    width : int
        Channels at full resolution.
    domain : {'eigenimages', 'bands'}
    fewest_bands : int
        A random contiguous run of at least so many bands is used of a cube.
    crop : int
        Side of the region that gives the basis, in pixels.
    patch : int
        Side of a training patch.
    crops, patches : int
        Regions a step, and patches of each: the batch has crops x patches.
    most_components : int
        Upper limit of the components in training.
    noise : NoiseMix
    """

    task: Literal["denoise"] = "denoise"
    architecture: Literal["stas", "qrnn3d"] = "stas"
    genotype: Genotype | None = None
    width: int = 32
    domain: Literal["eigenimages", "bands"] = "eigenimages"
    fewest_bands: int = 8
    crop: int = 128
    patch: int = 64
    crops: int = 2
    patches: int = 2
    most_components: int = 10
    noise: NoiseMix = NoiseMix()

    @pydantic.model_validator(mode="after")
    def _check_genotype(self) -> TrainingRecipe:
        if (self.architecture == "stas") != (self.genotype is not None):
            raise ValueError("a network of cells, 'stas', has a genotype, and no other has one")
        return self


class BlurMix(pydantic.BaseModel, frozen=True, extra="forbid"):
    """How the training cubes are shrunk.

    Attributes
    ----------
    psf : float
        Share of the patches that a Gaussian point spread function shrinks; the others
        are shrunk by antialiased bicubic resampling.
    narrowest, widest : float
        Range of its standard deviation in pixels of the shrunk cube.
    kernels : int
        Different widths in this range.
    """

    psf: float = pydantic.Field(default=0.25, ge=0, le=1)
    narrowest: float = 0.3
    widest: float = 0.6
    kernels: int = pydantic.Field(default=8, ge=1)


class SuperresTraining(Recipe, frozen=True, extra="forbid"):
    """All settings of a training run of a network that enlarges.

    Attributes
    ----------
    task : {'superres'}
    network : SuperresSpec
    patch : int
        Side of a patch in pixels of the shrunk cube.
    batch : int
        Patches a step.
    bands : int
        Consecutive bands of each patch, which a recurrent network sees in a row.
    views : int
        For a network of eigenimages: bases of a cube that are trained in, one of all
        bands and the others of random contiguous runs.
    blur : BlurMix
    pictures : tuple of str
        Photographs to learn from beside the cubes, out of
        `napari_hsi_restore.training.pictures.NAMES`. A network that goes along bands sees
        bands mixed of the colours of these and of `photographs`
        (`napari_hsi_restore.training.colours`).
    photographs : tuple of str
        Patterns of photographs to learn from beside the cubes, as
        `napari_hsi_restore.training.photographs` writes them.
    photograph_share : float
        Share of the patches that come from `photographs`, if there are any.
    detail_share : float
        Share of the patches whose place in the scene is drawn in proportion to what they lose
        when they are shrunk; the others come from anywhere in it.
    loss : {'l1', 'relative', 'relative_squared'}
        The mean absolute error with white at 1, as published, or [ours] divided by the
        error of bicubic resampling on the cube, so that all cubes weigh alike; or [ours]
        the mean of the squares of these ratios, which the peak signal-to-noise ratio is of.
    """

    task: Literal["superres"] = "superres"
    network: SuperresSpec
    scales: tuple[float, ...] = (1.0, 0.75, 0.5)
    patch: int = pydantic.Field(default=32, ge=8)
    batch: int = pydantic.Field(default=64, ge=1)
    bands: int = pydantic.Field(default=8, ge=1)
    views: int = pydantic.Field(default=2, ge=1)
    blur: BlurMix = BlurMix()
    pictures: tuple[str, ...] = ()
    photographs: tuple[str, ...] = ()
    photograph_share: float = pydantic.Field(default=0.5, ge=0, le=1)
    detail_share: float = pydantic.Field(default=0.0, ge=0, le=1)
    loss: Literal["l1", "relative", "relative_squared"] = "l1"


class RefinerTraining(Recipe, frozen=True, extra="forbid"):
    """All settings of a training run of the network that looks over what `ngmeet` removed.

    Attributes
    ----------
    task : {'refine'}
    network : RefinerSpec
    pilots : str
        Folder of the denoised regions that it learns from
        (`napari_hsi_restore.training.pilots`); those that are not there are made. Those that
        are there are taken as they are: other settings of them want another folder.
    looks_over : {'result', 'draft'}
        What the pilots hold: the result of `ngmeet`, or the draft by which its last round goes.
    drafts : str or None
        Bundled refiner that looks over the draft in the making of pilots of the result; None if
        nothing does.
    draws : int
        Regions of every cube.
    side, picture_side : int
        Of a region of a cube and of a photograph, in pixels, at most.
    fewest_bands : int
        Of a cube a random contiguous run of at least so many bands is used.
    patch : int
        Side of a training patch.
    batch, chosen : int
        Patches a step, and components of each.
    noise, picture_noise : NoiseMix
        Of the cubes and of the photographs.
    pictures : tuple of str
        Photographs to learn from beside the cubes.
    """

    task: Literal["refine"] = "refine"
    network: RefinerSpec
    pilots: str
    looks_over: Literal["result", "draft"] = "result"
    drafts: str | None = None
    draws: int = pydantic.Field(default=20, ge=1)
    side: int = 256
    picture_side: int = 320
    fewest_bands: int = 8
    patch: int = pydantic.Field(default=96, ge=16)
    batch: int = pydantic.Field(default=5, ge=1)
    chosen: int = pydantic.Field(default=4, ge=1)
    noise: NoiseMix = NoiseMix()
    picture_noise: NoiseMix = NoiseMix()
    pictures: tuple[str, ...] = ()

    @pydantic.model_validator(mode="after")
    def _check_drafts(self) -> RefinerTraining:
        if self.looks_over == "draft" and self.drafts is not None:
            raise ValueError("a draft that is looked over is one that no other network improved")
        return self


AnyRecipe = TrainingRecipe | SuperresTraining | RefinerTraining


def _task(content: Any) -> str:
    """The task of a recipe; those of denoisers need not say it."""
    found = content.get("task", "denoise") if isinstance(content, dict) else content.task
    return str(found)


_ADAPTER: pydantic.TypeAdapter[AnyRecipe] = pydantic.TypeAdapter(
    Annotated[
        Annotated[TrainingRecipe, pydantic.Tag("denoise")]
        | Annotated[SuperresTraining, pydantic.Tag("superres")]
        | Annotated[RefinerTraining, pydantic.Tag("refine")],
        pydantic.Discriminator(_task),
    ]
)


def parse_recipe(text: str) -> AnyRecipe:
    """The recipe of a JSON text.

    Raises
    ------
    pydantic.ValidationError
    """
    return _ADAPTER.validate_json(text)


def load_recipe(path: Path) -> AnyRecipe:
    """Read a recipe file (JSON).

    Raises
    ------
    UserError
        If the file is missing or a setting is unknown or of the wrong type.
    """
    try:
        return parse_recipe(path.read_text())
    except OSError as error:
        raise UserError(f"{path}: the recipe cannot be read ({error.strerror}).") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        # The first part is only the task.
        where = ".".join(str(part) for part in first["loc"][1:]) or "task"
        raise UserError(f"{path}: setting '{where}' of the recipe: {first['msg']}.") from error
