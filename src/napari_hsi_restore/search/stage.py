"""What both parts of a search, the search itself and the training, share."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Generator
from importlib.metadata import version
from pathlib import Path

from lightning_fabric import Fabric

from napari_hsi_restore.errors import UserError
from napari_hsi_restore.events import Event, Metric, Progress, Snapshot
from napari_hsi_restore.models.architectures.stas import Stas, reach
from napari_hsi_restore.models.spec import StasSpec
from napari_hsi_restore.search.clean import Targets
from napari_hsi_restore.search.heldout import HeldOut
from napari_hsi_restore.search.recipe import SearchRecipe
from napari_hsi_restore.search_space.genotype import Genotype
from napari_hsi_restore.training.checkpoint import Tensors
from napari_hsi_restore.training.library import write_best
from napari_hsi_restore.training.ranks.crew import Crew
from napari_hsi_restore.zoo.records import ModelRecord, Provenance

SNAPSHOT = "snapshot.npz"


@dataclasses.dataclass(frozen=True, eq=False)
class Stage:
    """What is at hand in every part of a search.

    Attributes
    ----------
    recipe : SearchRecipe
    targets : Targets
        The user's cubes.
    held_out : HeldOut
    crew : Crew
        The devices.
    folder : Path
        Of the run.
    start : Stas or None
        The bundled network that is best on the held-out pixels.
    start_psnr : float
        Its score; minus infinity if there is none.
    """

    recipe: SearchRecipe
    targets: Targets
    held_out: HeldOut
    crew: Crew
    folder: Path
    start: Stas | None
    start_psnr: float

    def out_of_memory(self) -> UserError:
        """What is said when not even a single patch fits."""
        return UserError(
            f"The memory of {self.crew.label} does not suffice for a single patch; close other "
            "programs, or choose another device or a smaller 'patch'."
        )

    def network(self, genotype: Genotype, weights: Tensors | None = None) -> Stas:
        """A network on the device of the run, with some weights if they are given."""
        network = Stas(genotype, self.recipe.width).to(self.crew.fabric.device)
        if weights is not None:
            network.load_state_dict(weights)
        return network

    def check(self, network: Stas, step: int, progress: Progress) -> Generator[Event, None, float]:
        """Score a network and draw a snapshot.

        Parameters
        ----------
        network : Stas
        step : int
            Counted through search and training.
        progress : Progress
            What is said meanwhile.

        Yields
        ------
        Progress, Metric, Snapshot

        Returns
        -------
        float
            PSNR in dB.
        """
        network.eval()
        device = self.crew.fabric.device
        scoring = self.held_out.score(network, device)
        while True:
            try:
                next(scoring)
            except StopIteration as stop:
                psnr: float = stop.value
                break
            yield progress
        yield Metric("psnr", psnr, step)
        path = self.folder / SNAPSHOT
        for _ in self.held_out.picture(
            network, self.start, device, path, self.targets.wavelengths_nm
        ):
            yield progress
        yield Snapshot(str(path), step)
        return psnr

    def write_best(
        self, genotype: Genotype, weights: Tensors, psnr: float, steps: int, seconds: float
    ) -> None:
        """Write the best network so far, as `training.library.keep` wants it."""
        recipe = self.recipe
        scores = {"psnr": psnr}
        if self.start is not None:
            scores |= {"psnr_start": self.start_psnr, "gain": psnr - self.start_psnr}
        record = ModelRecord(
            name=recipe.name,
            purpose=recipe.purpose or self._purpose(),
            spec=StasSpec(
                genotype=genotype,
                width=recipe.width,
                domain=recipe.domain,
                halo=reach(genotype),
            ),
            parameters=sum(tensor.numel() for tensor in weights.values()),
            sha256="",
            scores={f"held-out/{key}": round(value, 4) for key, value in scores.items()},
            protocol="PSNR of held-out pixels of the cubes that it was made from, mean over sigma "
            "10, 30, 50, 70 and non-iid noise, white at 1",
            provenance=Provenance(
                recipe=recipe.model_dump(mode="json"),
                data=self.targets.names,
                citations=(),
                steps=steps,
                seconds=round(seconds, 1),
                hardware=f"{platform.machine()}, {self.crew.label}",
                versions={n: version(n) for n in ("napari-hsi-restore", "torch", "numpy")},
                seed=recipe.seed,
            ),
            bundled=False,
            recommended=psnr > self.start_psnr,
            remark=self._remark(psnr),
        )
        write_best(self.folder, record, weights)

    def _purpose(self) -> str:
        names = ", ".join(self.targets.names)
        known = self.recipe.genotype
        if known is not None:
            return f"The cell {known.name}, trained on {names}."
        return f"Found by a search on {names}."

    def _remark(self, psnr: float) -> str:
        if self.start is None:
            return f"{psnr:.2f} dB on held-out pixels."
        gain = psnr - self.start_psnr
        against = f"than the best bundled model ({self.start_psnr:.2f} dB) on held-out pixels"
        if gain > 0:
            return f"{gain:.2f} dB better {against}."
        return f"Not recommended: {-gain:.2f} dB worse {against}."


def bundled_scores(
    held_out: HeldOut, fabric: Fabric
) -> Generator[Event, None, tuple[Stas | None, float]]:
    """Score the bundled denoisers on the held-out pixels.

    Yields
    ------
    Progress, Metric

    Returns
    -------
    Stas or None, float
        The best one and its PSNR in dB.
    """
    from napari_hsi_restore.zoo import list_models, load

    best: Stas | None = None
    highest = float("-inf")
    for known in list_models("denoise"):
        if not known.bundled or not isinstance(known.spec, StasSpec):
            continue
        network, _ = load(known.name, str(fabric.device))
        assert isinstance(network, Stas)
        scoring = held_out.score(network, fabric.device)
        while True:
            try:
                next(scoring)
            except StopIteration as stop:
                psnr: float = stop.value
                break
            yield Progress(0.0, f"scoring {known.name} on the held-out pixels")
        yield Metric(f"psnr_{known.name}", psnr, 0)
        if psnr > highest:
            best, highest = network, psnr
    if best is not None:
        yield Metric("psnr_start", highest, 0)
    return best, highest
