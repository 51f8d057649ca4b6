"""Fine-tuning of a network that enlarges: the user's clean cubes are shrunk."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.models.catalog import Network, build
from napari_hsi_restore.models.spec import SuperresSpec
from napari_hsi_restore.restore.enlargers import Enlarger, enlarger_of
from napari_hsi_restore.training.finetune.cubes import Block, Part, Sample
from napari_hsi_restore.training.finetune.judging import Judgement, errors_of
from napari_hsi_restore.training.finetune.learner import Patch
from napari_hsi_restore.training.finetune.recipe import FineTuneRecipe
from napari_hsi_restore.training.finetune.windows import windows_of
from napari_hsi_restore.training.pairs import PairSource, enlarged_of
from napari_hsi_restore.training.patches import moments
from napari_hsi_restore.training.recipe import SuperresTraining
from napari_hsi_restore.training.scenes import Scene, scenes_of
from napari_hsi_restore.training.superres import absolute_error

WINDOW = 64
"""Side of the held-out windows in pixels of the truth."""

HELD_OUT_PIXELS = 40_000
"""Of all cubes together that are judged [ours]."""

WORK_BYTES = 2.0 * 2**30

CELL = 32
"""Side of the squares that are taken of a cube with gaps, if they are whole."""


@dataclasses.dataclass(frozen=True, eq=False)
class Window:
    """Held-out pixels, whole and shrunk.

    Attributes
    ----------
    truth : float32 ndarray, (bands, scale y, scale x)
        White at 1.
    low : float32 ndarray, (bands, y, x)
    wavelengths_nm : float64 ndarray, (bands,), or None
    """

    truth: Block
    low: Block
    wavelengths_nm: npt.NDArray[np.float64] | None


class EnlargerTuning:
    """See `napari_hsi_restore.training.finetune.learner.Tuning`.

    Parameters
    ----------
    recipe : FineTuneRecipe
    start : Network
        The network that is fine-tuned.
    spec : SuperresSpec
        Of the network.
    samples : sequence of Sample
    """

    main_score = "psnr"

    def __init__(
        self,
        recipe: FineTuneRecipe,
        start: Network,
        spec: SuperresSpec,
        samples: Sequence[Sample],
    ) -> None:
        self.spec = spec
        self.start = {name: tensor.clone() for name, tensor in start.state_dict().items()}
        self.samples = list(samples)
        self.batch = recipe.batch
        # One patch at a time goes through the network: cancelling waits for no more.
        self.recipe = SuperresTraining(
            name=recipe.name,
            purpose="",
            train=(),
            validation=(),
            network=spec,
            scales=(1.0,),
            seed=recipe.seed,
            patch=max(8, recipe.patch // spec.scale),
            batch=1,
            loss="relative",
        )
        self.scenes: list[Scene] = []
        self.windows: list[list[Window]] = []
        self.source: PairSource | None = None

    def network(self) -> Network:
        """See `napari_hsi_restore.training.tasks.Learner.network`."""
        network = build(self.spec)
        network.load_state_dict(self.start)
        return network

    def gather(self) -> Iterator[float]:
        """See `Tuning.gather`: scenes to learn from."""
        for index, sample in enumerate(self.samples):
            for part in _whole_parts(sample, CELL * self.spec.scale):
                self.scenes += scenes_of([_cut(sample, part)], self.recipe)
            yield (index + 1) / len(self.samples)

    def prepare(self) -> Iterator[float]:
        """See `Tuning.prepare`: held-out windows."""
        for index, sample in enumerate(self.samples):
            self.windows.append(self._windows(sample))
            yield (index + 1) / len(self.samples)
        if not self.scenes or not any(self.windows):
            names = ", ".join(sample.name for sample in self.samples)
            raise UserError(
                f"{names}: too few connected valid pixels to learn to enlarge from; give larger "
                "cubes or cut out the parts without data first."
            )

    def _windows(self, sample: Sample) -> list[Window]:
        found = []
        share = HELD_OUT_PIXELS / len(self.samples)
        for part in windows_of(sample.held_out, WINDOW, share, 2 * self.spec.scale):
            if sample.valid[part].all():
                truth = _cut(sample, part)
                low = np.asarray(resize_bicubic(truth, scale=1 / self.spec.scale), np.float32)
                found.append(Window(truth, low, sample.wavelengths_nm))
        return found

    def place(self, device: torch.device) -> None:
        """See `napari_hsi_restore.training.tasks.Learner.place`."""
        self.source = PairSource([scene.to(device) for scene in self.scenes], self.recipe)
        self.scenes = []

    def losses(self, network: Any, step: int) -> Iterator[torch.Tensor]:
        """See `Tuning.losses`: one for every patch."""
        assert self.source is not None, "place comes first"
        for number in range(self.batch):
            pairs = self.source.draw(step * 1024 + number)
            enlarged = enlarged_of(network, self.spec, pairs)
            yield absolute_error(enlarged, pairs) / self.batch

    def loss(self, network: Any, step: int) -> torch.Tensor:
        """See `napari_hsi_restore.training.tasks.Learner.loss`."""
        return torch.stack(list(self.losses(network, step))).sum()

    def judge(self, network: Any) -> Generator[None, None, Judgement]:
        """See `Tuning.judge`."""
        cubes = []
        for windows in self.windows:
            maps = []
            for window in windows:
                result = yield from self._enlarged(network, window)
                error = np.square(result - window.truth, dtype=np.float64).mean(axis=0)
                maps.append((error, np.ones(error.shape, dtype=bool)))
            if maps:
                cubes.append(errors_of(maps))
        return Judgement(tuple(cubes))

    def scores(self, network: Any) -> dict[str, float]:
        """See `napari_hsi_restore.training.tasks.Learner.scores`."""
        task = self.judge(network)
        while True:
            try:
                next(task)
            except StopIteration as end:
                return {"psnr": float(end.value.psnr)}

    def _enlarged(self, network: Any, window: Window) -> Generator[None, None, Block]:
        enlarger: Enlarger | None = enlarger_of(
            network, self.spec, *moments(window.low), wavelengths_nm=None, white=1.0
        )
        result = np.asarray(resize_bicubic(window.low, scale=self.spec.scale), np.float32)
        if enlarger is None:
            return result
        for _, ready in enlarger.enlarge(window.low, WORK_BYTES):
            if ready is not None:
                result[ready.bands] = ready.values
            yield
        return result

    def patch(self, network: Any) -> Generator[None, None, Patch]:
        """See `Tuning.patch`."""
        every = (window for found in self.windows for window in found)
        window = max(every, key=lambda found: float(found.truth.mean(axis=0).std()))
        result = yield from self._enlarged(network, window)
        plain = np.asarray(resize_bicubic(window.low, scale=self.spec.scale), np.float32)
        return Patch(plain, result, window.truth, window.wavelengths_nm)

    def shrink(self) -> int | None:
        """See `Tuning.shrink`: a single patch is all that goes through at once."""
        return None


def _cut(sample: Sample, part: Part) -> Block:
    """Some pixels with white at 1."""
    return np.ascontiguousarray(sample.cube[(slice(None), *part)] / np.float32(sample.white))


def _whole_parts(sample: Sample, side: int) -> list[Part]:
    """What is learned from, in pieces without gaps."""
    if sample.valid[sample.learned].all():
        return [sample.learned]
    pieces = windows_of(sample.learned, side, float("inf"))
    return [piece for piece in pieces if sample.valid[piece].all()]
