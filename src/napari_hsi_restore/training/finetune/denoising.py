"""Fine-tuning of a denoiser: regions of the user's cubes, their losses, held-out pixels."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from napari_hsi_restore.models.basis import Basis, band_basis, eigenbasis
from napari_hsi_restore.models.catalog import Denoiser, build
from napari_hsi_restore.models.spec import DenoiserSpec
from napari_hsi_restore.training.finetune import sure
from napari_hsi_restore.training.finetune.cubes import Block, Mask, Part, Sample
from napari_hsi_restore.training.finetune.judging import Errors, Judgement, errors_of
from napari_hsi_restore.training.finetune.learner import Patch
from napari_hsi_restore.training.finetune.moments import LearnedMoments
from napari_hsi_restore.training.finetune.recipe import FineTuneRecipe
from napari_hsi_restore.training.finetune.windows import windows_of

Sigma = npt.NDArray[np.float64]
Map = npt.NDArray[np.float64]

PATCHES = 2
"""Patches of one region: its basis costs as much as a patch."""

TRIES = 20
"""Draws of a region until half of it is valid."""

WINDOW = 64
"""Side of the held-out windows in pixels: one is judged between two events."""

NOT_KNOWN = 0.01
"""Part of the variance of the noise that its estimate is uncertain by: half a per cent of its
standard deviation (docs/benchmarks.md) [ours]."""

NOT_KNOWN_VARIANCE = 0.05
"""The same for a single cube at its worst, for what may be taken as a gain [ours]."""

LEAST_OF_START = 0.1
"""Estimated errors are no smaller than that part of the error of the start model [ours]."""

HELD_OUT_PIXELS = 24_000
"""Of all cubes together that are judged; more would take the time from learning [ours]."""


@dataclasses.dataclass(frozen=True, eq=False)
class Window:
    """Held-out pixels with all that judging them takes.

    Attributes
    ----------
    noisy : float32 ndarray, (bands, y, x)
        In stored units.
    clean : float32 ndarray, (bands, y, x), or None
    valid : bool ndarray, (y, x)
    basis : Basis
        Of the whole noisy cube, as in restoring; without a reference of the learned pixels,
        since the estimate of the error holds only for a basis that knows nothing of theirs.
    sigma : float64 ndarray, (bands,)
    white : float
    probe : float32 ndarray, (components, y, x)
        +1 or -1.
    wavelengths_nm : float64 ndarray, (bands,), or None
    """

    noisy: Block
    clean: Block | None
    valid: Mask
    basis: Basis
    sigma: Sigma
    white: float
    probe: npt.NDArray[np.float32]
    wavelengths_nm: npt.NDArray[np.float64] | None


@dataclasses.dataclass(frozen=True, eq=False)
class Region:
    """A part of a cube in components, from which patches are cut.

    Attributes
    ----------
    noisy : float32 ndarray, (components, y, x)
    clean : float32 ndarray, (components, y, x), or None
    valid : bool ndarray, (y, x)
    level : float32 ndarray, (components,)
        Standard deviation of the noise that the network is told.
    """

    noisy: Block
    clean: Block | None
    valid: Mask
    level: npt.NDArray[np.float32]


class DenoiserTuning:
    """See `napari_hsi_restore.training.finetune.learner.Tuning`.

    Parameters
    ----------
    recipe : FineTuneRecipe
    start : Stas or QRNN3D
        The network that is fine-tuned.
    spec : DenoiserSpec
        Of the network.
    samples : sequence of Sample
    sigmas : sequence of float64 ndarray, (bands,)
        Noise of every cube in its stored units: for clean cubes that which they get,
        else that which they show.
    """

    main_score = "psnr"

    def __init__(
        self,
        recipe: FineTuneRecipe,
        start: Denoiser,
        spec: DenoiserSpec,
        *,
        samples: Sequence[Sample],
        sigmas: Sequence[Sigma],
    ) -> None:
        self.recipe, self.spec = recipe, spec
        self.start = {name: tensor.clone() for name, tensor in start.state_dict().items()}
        self.samples, self.sigmas = list(samples), list(sigmas)
        self.batch = recipe.batch
        self.device = torch.device("cpu")
        self.windows: list[list[Window]] = []
        self.moments: list[LearnedMoments] = []
        self.anchors: dict[int, Anchor] = {}

    def network(self) -> Denoiser:
        """See `napari_hsi_restore.training.tasks.Learner.network`."""
        network = build(self.spec)
        network.load_state_dict(self.start)
        return network

    def place(self, device: torch.device) -> None:
        """See `napari_hsi_restore.training.tasks.Learner.place`."""
        self.device = device

    def gather(self) -> Iterator[float]:
        """See `Tuning.gather`: without a reference, moments of what is learned."""
        for index, sample in enumerate(self.samples):
            if self.recipe.method == "self-supervised":
                self.moments.append(LearnedMoments(sample))
            yield (index + 1) / len(self.samples)

    def prepare(self) -> Iterator[float]:
        """See `Tuning.prepare`: the held-out windows, with their noise and basis."""
        share = HELD_OUT_PIXELS / len(self.samples)
        for index, (sample, sigma) in enumerate(zip(self.samples, self.sigmas, strict=True)):
            noisy, clean = self._as_restored(sample, sigma, index)
            yield (index + 0.3) / len(self.samples)
            if self.recipe.method == "self-supervised":
                mean, covariance, pixels = self.moments[index].without(None)
                basis = self._basis_of(mean, covariance, pixels, sigma)
            else:
                basis = self._basis(noisy, sample.valid, sigma)
            yield (index + 0.6) / len(self.samples)
            rng = np.random.default_rng([self.recipe.seed, index, 2])
            found = []
            for part in windows_of(sample.held_out, WINDOW, share):
                cut = (slice(None), *part)
                valid = sample.valid[part]
                if not valid.any():
                    continue
                shape = (basis.components, *valid.shape)
                probe = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), shape)
                found.append(
                    Window(
                        np.ascontiguousarray(noisy[cut]),
                        None if clean is None else np.ascontiguousarray(clean[cut]),
                        valid,
                        basis,
                        sigma,
                        sample.white,
                        probe,
                        sample.wavelengths_nm,
                    )
                )
            self.windows.append(found)
            yield (index + 1) / len(self.samples)

    def _as_restored(self, sample: Sample, sigma: Sigma, index: int) -> tuple[Block, Block | None]:
        """Noisy and clean cube that held-out pixels are judged on."""
        if self.recipe.method != "degraded":
            return sample.cube, sample.clean
        rng = np.random.default_rng([self.recipe.seed, index, 1])
        noise = rng.standard_normal(sample.cube.shape, dtype=np.float32)
        noise *= sigma.astype(np.float32)[:, None, None]
        noise += sample.cube
        return noise, sample.cube

    def _basis(self, noisy: Block, valid: Mask, sigma: Sigma) -> Basis:
        """The basis of some pixels, as restoring takes that of a cube."""
        spectra = noisy[:, valid]
        mean = spectra.mean(axis=1, dtype=np.float64)
        centred = spectra - mean[:, None].astype(np.float32)
        covariance = np.asarray(centred @ centred.T, dtype=np.float64) / spectra.shape[1]
        return self._basis_of(mean, covariance, spectra.shape[1], sigma)

    def _basis_of(self, mean: Sigma, covariance: Sigma, pixels: int, sigma: Sigma) -> Basis:
        if self.spec.domain == "bands":
            return band_basis(mean, covariance, sigma)
        return eigenbasis(mean, covariance, sigma, pixels, self.spec.most_components)

    def losses(self, network: Any, step: int) -> Iterator[torch.Tensor]:
        """See `Tuning.losses`: one for every patch."""
        alone = self.recipe.method == "self-supervised"
        for number in range(self.batch):
            if alone or number % PATCHES == 0:
                rng = np.random.default_rng([self.recipe.seed, step, number])
                region = self._piece(rng) if alone else self._region(rng)
            side = min(self.recipe.patch, max(region.valid.shape)) if alone else self.recipe.patch
            cut = _cut(region, side, rng)
            yield self._loss(network, region.level, cut, rng) / self.batch

    def loss(self, network: Any, step: int) -> torch.Tensor:
        """See `napari_hsi_restore.training.tasks.Learner.loss`."""
        return torch.stack(list(self.losses(network, step))).sum()

    def _loss(
        self,
        network: Any,
        levels: npt.NDArray[np.float32],
        cut: tuple[Block, Block | None, Mask],
        rng: np.random.Generator,
    ) -> torch.Tensor:
        noisy = torch.from_numpy(cut[0])[None].to(self.device)
        counted = torch.from_numpy(cut[2].astype(np.float32))[None, None].to(self.device)
        level = torch.from_numpy(levels)[None].to(self.device)
        restored = network(noisy, level)
        if cut[1] is None:
            signs = rng.integers(0, 2, cut[0].shape).astype(np.float32) * 2 - 1
            probe = torch.from_numpy(signs)[None].to(self.device) * counted
            probed = network(noisy + sure.STEP * level[:, :, None, None] * probe, level)
            return sure.risk(
                restored, probed, noisy=noisy, probe=probe, level=level, counted=counted
            )
        clean = torch.from_numpy(cut[1])[None].to(self.device)
        error = (restored.float() - clean) / level[:, :, None, None]
        values = counted.sum().clamp(min=1.0) * error.shape[1]
        # As in training: evened out over noise levels by the square root.
        return torch.sqrt((error.square() * counted).sum() / values + 1e-6)

    def _drawn(self, rng: np.random.Generator) -> int:
        """Which cube a region is taken from."""
        chances = np.array([float(sample.valid[sample.learned].sum()) for sample in self.samples])
        # A large scene has more to show than a small one, but not in proportion.
        chances = np.sqrt(chances)
        return int(rng.choice(len(self.samples), p=chances / chances.sum()))

    def _region(self, rng: np.random.Generator) -> Region:
        """A region of a cube, noisy, in the basis of its own spectra."""
        index = self._drawn(rng)
        sample, sigma = self.samples[index], self.sigmas[index]
        part = _place(sample, self.recipe.crop, rng)
        cut = (slice(None), *part)
        noisy, clean, valid = sample.cube[cut], sample.clean, sample.valid[part]
        if self.recipe.method == "degraded":
            clean, sigma = noisy, self._spread(sigma, rng)
            noise = rng.standard_normal(noisy.shape, dtype=np.float32)
            noisy = noisy + noise * sigma.astype(np.float32)[:, None, None]
        else:
            assert clean is not None, "a method with references"
            clean = clean[cut]
        told = sigma * np.exp(self.recipe.misjudged * rng.standard_normal(len(sigma)))
        basis = self._basis(noisy, valid, told)
        level = basis.level.astype(np.float32)
        return Region(basis.project(noisy), basis.project(clean), valid, level)

    def _piece(self, rng: np.random.Generator) -> Region:
        """A patch of a noisy cube, in the basis of all other learned spectra."""
        index = self._drawn(rng)
        sample, moments = self.samples[index], self.moments[index]
        # Most pixels must be left for the basis.
        side = min(self.recipe.patch, max(8, int(0.5 * moments.pixels**0.5)))
        part = _place(sample, side, rng)
        mean, covariance, pixels = moments.without(part)
        basis = self._basis_of(mean, covariance, pixels, self.sigmas[index])
        noisy = basis.project(sample.cube[(slice(None), *part)])
        return Region(noisy, None, sample.valid[part], basis.level.astype(np.float32))

    def _spread(self, sigma: Sigma, rng: np.random.Generator) -> Sigma:
        spread = self.recipe.spread
        whole = np.exp(spread * rng.standard_normal())
        drawn: Sigma = sigma * whole * np.exp(0.5 * spread * rng.standard_normal(len(sigma)))
        return drawn

    def judge(self, network: Any) -> Generator[None, None, Judgement]:
        """See `Tuning.judge`."""
        cubes = []
        for index, windows in enumerate(self.windows):
            risks, spreads = [], []
            for window in windows:
                risk, left = yield from self._error(network, window)
                risks.append((risk, window.valid))
                spreads.append((left, window.valid))
            if not windows:
                continue
            found = errors_of(risks)
            if self.recipe.method == "self-supervised":
                spread = errors_of(spreads)
                # The first network that is judged is the start model.
                anchor = self.anchors.setdefault(index, _anchor(found, spread, windows[0]))
                found = anchor.applied(found, spread)
            cubes.append(found)
        return Judgement(tuple(cubes))

    def scores(self, network: Any) -> dict[str, float]:
        """See `napari_hsi_restore.training.tasks.Learner.scores`."""
        task = self.judge(network)
        while True:
            try:
                next(task)
            except StopIteration as end:
                return {"psnr": float(end.value.psnr)}

    def _error(self, network: Any, window: Window) -> Generator[None, None, tuple[Map, Map]]:
        """Squared error of every pixel with white at 1, the mean over the bands.

        Without a reference it is estimated, and the second map is the spread of
        `sure.risk_map`; else both are the same.
        """
        components = window.basis.project(window.noisy)
        output = yield from self._run(network, components, window.basis)
        restored = window.basis.restore(output, window.noisy)
        scale = 1.0 / (len(window.noisy) * window.white**2)
        if window.clean is not None:
            error = scale * np.square(restored - window.clean, dtype=np.float64).sum(axis=0)
            return error, error
        unit = window.basis.level.astype(np.float32)[:, None, None]
        probed = components + np.float32(sure.STEP) * unit * window.probe
        response = (yield from self._run(network, probed, window.basis)) - output
        risk, spread = sure.risk_map(
            window.basis,
            window.sigma,
            noisy=window.noisy,
            restored=restored,
            response=response,
            probe=window.probe,
        )
        return scale * risk, scale * spread

    def _run(self, network: Any, components: Block, basis: Basis) -> Generator[None, None, Block]:
        given = torch.from_numpy(components)[None].to(self.device)
        level = torch.from_numpy(basis.level.astype(np.float32))[None].to(self.device)
        output = given
        # As a decorator the mode ends at every yield; a with block would leak to the caller.
        for stage in torch.inference_mode()(network.stages)(given, level):
            output = stage
            yield
        return output[0].float().cpu().numpy()

    def patch(self, network: Any) -> Generator[None, None, Patch]:
        """See `Tuning.patch`."""
        window = max((window for found in self.windows for window in found), key=_liveliness)
        components = window.basis.project(window.noisy)
        output = yield from self._run(network, components, window.basis)
        unit = np.float32(1.0 / window.white)
        return Patch(
            window.noisy * unit,
            window.basis.restore(output, window.noisy) * unit,
            None if window.clean is None else window.clean * unit,
            window.wavelengths_nm,
        )

    def shrink(self) -> int | None:
        """See `Tuning.shrink`."""
        if self.batch == 1:
            return None
        self.batch //= 2
        return self.batch


@dataclasses.dataclass(frozen=True)
class Anchor:
    """What keeps estimated errors of a cube on the safe side, from those of the start model.

    Attributes
    ----------
    raised : float
        Added to the mean squared error of every network, so that differences stay.
    spread : float
        Mean of the second map of `sure.risk_map` for the start model.
    least : float
        No mean squared error is taken to be smaller.
    """

    raised: float
    spread: float
    least: float

    def applied(self, risk: Errors, spread: Errors) -> Errors:
        """Estimated errors of a network that do not hang on a slightly wrong noise level.

        If the variance of the noise were judged wrong by a part d, the estimate for this
        network would be wrong against that of the start model by 2 d times the
        difference of their spreads: that much is added [ours].
        """
        doubt = 2.0 * NOT_KNOWN_VARIANCE * abs(_mean(spread) - self.spread)
        return risk.raised(self.raised + doubt, self.least)


def _mean(errors: Errors) -> float:
    """Mean without a floor."""
    return float(errors.total.sum() / errors.pixels.sum())


def _anchor(risk: Errors, spread: Errors, window: Window) -> Anchor:
    """The anchor of a cube.

    The estimate as such hangs on the strength of the noise, of which a good denoiser
    leaves a hundredth, which is about what that strength is known to. So the start model
    is taken to leave no less than noise alone leaves of a perfect denoiser, and that
    uncertainty besides: a gain in dB is rather told too small than too large [ours].
    """
    noise = float(np.mean(window.sigma**2)) / window.white**2
    told, best = _mean(risk), _mean(spread)
    start = max(told, best, 0.0) + NOT_KNOWN * noise
    return Anchor(start - told, best, LEAST_OF_START * start)


def _liveliness(window: Window) -> float:
    """How much there is to see in a window."""
    return float(window.valid.sum()) * float(window.noisy.mean(axis=0).std())


def _place(sample: Sample, side: int, rng: np.random.Generator) -> Part:
    """Rows and columns of a region in what is learned, around a valid pixel."""
    inside = sample.valid[sample.learned]
    rows, columns = np.nonzero(inside)
    best, most = sample.learned, -1.0
    for _ in range(TRIES):
        chosen = int(rng.integers(len(rows)))
        ranges = []
        for part, centre in zip(sample.learned, (rows[chosen], columns[chosen]), strict=True):
            length = min(side, part.stop - part.start)
            # The centre anywhere in it, so that the rim is learned from like the middle.
            first = part.start + int(centre) - int(rng.integers(length))
            first = min(max(first, part.start), part.stop - length)
            ranges.append(slice(first, first + length))
        place = ranges[0], ranges[1]
        share = float(sample.valid[place].mean())
        if share > most:
            best, most = place, share
        if share >= 0.5:
            break
    return best


def _cut(region: Region, side: int, rng: np.random.Generator) -> tuple[Block, Block | None, Mask]:
    """One patch with a valid pixel, turned, mirrored, and with random signs of its components."""
    height, width = region.valid.shape
    for _ in range(TRIES):
        row = int(rng.integers(0, max(height - side, 0) + 1))
        column = int(rng.integers(0, max(width - side, 0) + 1))
        part = slice(row, row + side), slice(column, column + side)
        if region.valid[part].any():
            break
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    signs = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), len(region.level))

    def turned(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
        piece = data[(..., *part)]
        short = (side - piece.shape[-2], side - piece.shape[-1])
        before = ((0, 0),) * (piece.ndim - 2)
        piece = np.pad(piece, (*before, (0, short[0]), (0, short[1])), mode="symmetric")
        piece = np.rot90(piece, turns, axes=(-2, -1))
        return piece[..., ::-1] if mirrored else piece

    def signed(data: Block) -> Block:
        return np.ascontiguousarray(turned(data) * signs[:, None, None])

    return (
        signed(region.noisy),
        None if region.clean is None else signed(region.clean),
        np.ascontiguousarray(turned(region.valid)),
    )
