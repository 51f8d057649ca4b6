"""``python -m benchmarks.search`` measures whether the search is worth it.

For a few-band set (CAVE) and a many-band set (airborne) a cell is searched on the
training scenes. Then the found cell, the two published ones, chains of only the
smallest spatial (o1) and of only the largest joint operation (o8), the cell found on the
other set, and random cells are trained from random weights with equal settings for
equally many steps, on the same training scenes, and scored on the validation scenes
(96 x 96 pixels in the middle of both halves, or of a small scene; mean PSNR with white at
1 over sigma 10, 30, 50, 70 and non-iid noise). Nothing under ``test/`` is read.

Every search and every row is kept in ``--cache``, so the experiment can be broken off and
called again; searches write checkpoints there, too. The table is printed from what is there.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Generator
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from benchmarks.scenes import DATA
from napari_hsi_restore.models.architectures.stas import Stas
from napari_hsi_restore.search.discretise import cell_state, genotype_of, path_of
from napari_hsi_restore.search.found import Found
from napari_hsi_restore.search.heldout import SIDE, HeldOut
from napari_hsi_restore.search.portions import halve
from napari_hsi_restore.search.recipe import SearchRecipe
from napari_hsi_restore.search.strategy import Search
from napari_hsi_restore.search.supernet import PAIRS
from napari_hsi_restore.search_space.genotype import PUBLISHED, Genotype
from napari_hsi_restore.search_space.operations import OPERATIONS
from napari_hsi_restore.search_space.sharing import read_genotype, write_genotype
from napari_hsi_restore.training import checkpoint, cubes
from napari_hsi_restore.training.cubes import Cube
from napari_hsi_restore.training.loop import Run
from napari_hsi_restore.training.ranks.crew import alone

CACHE = Path(__file__).resolve().parents[1] / "runs" / "search-benchmark"
SPLITS = {
    "few": (("train/cave/*.tif",), ("validation/cave/*.tif",)),
    "many": (("train/airborne/*.mat",), ("validation/airborne/*.mat",)),
}
Form = Literal["single-path", "full"]
SECONDS_COMPONENTS, SECONDS_SIDE = 10, 128


@dataclasses.dataclass(frozen=True)
class Row:
    """One trained cell.

    Attributes
    ----------
    label : str
    genotype : Genotype
    psnr : tuple of float
        dB, one a seed.
    parameters : int
    seconds : float
        Of the network for 128 x 128 pixels of ten components.
    """

    label: str
    genotype: Genotype
    psnr: tuple[float, ...]
    parameters: int
    seconds: float

    @property
    def mean(self) -> float:
        """Mean over the seeds, in dB."""
        return float(np.mean(self.psnr))


def recipe_of(options: argparse.Namespace, kind: str, seed: int = 0) -> SearchRecipe:
    """The settings that searches and rows share; only its step counts end them."""
    return SearchRecipe(
        name=kind,
        device="cpu",
        minutes=10**6,
        seed=seed,
        width=options.width,
        patch=options.patch,
        crops=1,
        patches=1,
        most_components=6,
        domain=options.domain,
        cost_weight=0.0,
        cost="counted",
        search_steps=options.search_steps,
        training_steps=options.steps,
    )


class Experiment:
    """One of the two sets, its scenes read when they are first wanted.

    Parameters
    ----------
    kind : {'few', 'many'}
    options : Namespace
    """

    def __init__(self, kind: str, options: argparse.Namespace) -> None:
        self.kind = kind
        self.options = options
        self.folder: Path = options.cache / f"{options.domain}-w{options.width}-p{options.patch}"
        self._training: list[Cube] | None = None
        self._held_out: HeldOut | None = None

    def training(self) -> list[Cube]:
        """The training scenes."""
        if self._training is None:
            train, validation = SPLITS[self.kind]
            self._training = cubes.load(cubes.find(self.options.data, train))
            held_out = cubes.load(cubes.find(self.options.data, validation))
            self._held_out = HeldOut(squares(held_out), self.options.domain)
        return self._training

    def held_out(self) -> HeldOut:
        """The validation scenes."""
        self.training()
        assert self._held_out is not None
        return self._held_out

    def found(self) -> Genotype:
        """The cell that the search finds, from the cache or by searching."""
        options = self.options
        name = f"found_{self.kind}"
        path = self.folder / f"{name}-{options.search_steps}.json"
        if not path.exists():
            search = self.searched(
                path.with_suffix(".safetensors"), "single-path", options.search_steps
            )
            write_genotype(path, genotype_of(search.path(), name))
        return read_genotype(path)

    def searched(self, path: Path, form: Form, total: int) -> Search:
        """A search in one of its forms, which goes on from its checkpoint in `path`."""
        recipe = recipe_of(self.options, self.kind).model_copy(
            update={"form": form, "search_steps": total}
        )
        search = Search(recipe, halve(self.training()), alone("cpu", recipe.precision))
        state = checkpoint.RunState(recipe_json=recipe.model_dump_json())
        if path.exists():
            state, tensors = checkpoint.load(path)
            search.restore(tensors)
        for step in range(state.step, total):
            begin = time.perf_counter()
            loss = finished(search.theta_step(step, step / total))
            if not search.is_warming(step / total):
                for _ in search.alpha_step(step, 1.0 / total):
                    pass
            spent = state.seconds + time.perf_counter() - begin
            state = state.model_copy(update={"step": step + 1, "seconds": spent})
            if state.step % 25 == 0 or state.step == total:
                checkpoint.save(path, state, search.tensors())
                entropy = cell_state(search.weights(), state.step).entropy
                print(
                    f"# search {self.kind} ({form}): step {state.step}, {spent:.0f} s, "
                    f"loss {loss:.3f}, entropy {entropy:.3f}, "
                    f"{described(genotype_of(search.path(), 'now'))}",
                    flush=True,
                )
        return search

    def row(self, label: str, genotype: Genotype) -> Row:
        """A trained cell, from the cache or by training."""
        seeds = range(self.options.seeds)
        scores = tuple(self._trained(genotype, seed) for seed in seeds)
        network = Stas(genotype, self.options.width)
        parameters = sum(weight.numel() for weight in network.parameters())
        return Row(label, genotype, scores, parameters, seconds_of(network))

    def _trained(self, genotype: Genotype, seed: int) -> float:
        options = self.options
        code = "-".join(f"{edge.source}{edge.operation}" for edge in genotype.nodes)
        path = self.folder / f"{self.kind}-{code}-{options.steps}-{seed}.json"
        if path.exists():
            return float(json.loads(path.read_text())["psnr"])
        recipe = recipe_of(options, self.kind, seed).training(genotype)
        run = Run(
            recipe,
            Found(recipe, self.training(), None),
            self.folder,
            alone("cpu", recipe.precision),
        )
        begin = time.perf_counter()
        for step in range(options.steps):
            run.step(step / options.steps)
        network = run.averaged()
        assert isinstance(network, Stas)
        psnr = finished(self.held_out().score(network, torch.device("cpu")))
        spent = time.perf_counter() - begin
        path.write_text(json.dumps({"psnr": psnr, "seconds": spent}))
        print(f"# {self.kind} {code} seed {seed}: {psnr:.3f} dB, {spent:.0f} s", flush=True)
        return psnr

    def random_cells(self) -> list[Genotype]:
        """Random cells, the same for both sets."""
        rng = np.random.default_rng(2022)
        paths = [tuple(int(rng.integers(len(p))) for p in PAIRS) for _ in range(self.options.cells)]
        return [genotype_of(path, f"random {n}") for n, path in enumerate(paths, start=1)]


def squares(scenes: list[Cube]) -> list[Cube]:
    """Two parts of every scene that is large enough, else the scene: left and right middle."""
    parts = []
    for scene in scenes:
        width = scene.shape[2]
        if width < 2 * SIDE:
            parts.append(scene)
        else:
            parts += [scene[:, :, : width // 2], scene[:, :, width // 2 :]]
    return parts


def chain(operation: str) -> Genotype:
    """Every node from the one before it, by one operation."""
    path = [
        next(n for n, pair in enumerate(pairs) if pair == (node, operation))
        for node, pairs in enumerate(PAIRS)
    ]
    return genotype_of(tuple(path), f"all_{operation}")


def described(genotype: Genotype) -> str:
    """A cell in one cell of a table: the operation and source of every node."""
    return ", ".join(f"{edge.operation} from {edge.source}" for edge in genotype.nodes)


def kinds_of(genotype: Genotype) -> str:
    """How many operations of each kind."""
    kinds = [OPERATIONS[edge.operation].kind for edge in genotype.nodes]
    return ", ".join(f"{kinds.count(k)} {k}" for k in dict.fromkeys(kinds))


def finished(steps: Generator[None, None, float]) -> float:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return float(stop.value)


@torch.inference_mode()
def seconds_of(network: Stas) -> float:
    """Best of three runs."""
    noisy = torch.randn(1, SECONDS_COMPONENTS, SECONDS_SIDE, SECONDS_SIDE)
    level = torch.ones(1, SECONDS_COMPONENTS)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        network(noisy, level)
        times.append(time.perf_counter() - begin)
    return min(times)


def table(kind: str, rows: list[Row]) -> str:
    """Markdown, the best first."""
    text = f"\n**{kind} bands**\n\n| cell | nodes 1 to 4 | PSNR dB | parameters | seconds |\n"
    text += "|---|---|---|---|---|\n"
    for row in sorted(rows, key=lambda row: -row.mean):
        spread = ""
        if len(row.psnr) > 1:
            spread = f" ({min(row.psnr):.2f} to {max(row.psnr):.2f})"
        text += (
            f"| {row.label} | {described(row.genotype)} | {row.mean:.2f}{spread} | "
            f"{row.parameters:,} | {row.seconds:.2f} |\n"
        )
    return text


def verdict(kind: str, rows: list[Row]) -> str:
    """Whether the found cell is the best, and of what it is made."""
    found = next(row for row in rows if row.label == "found")
    others = [row for row in rows if row is not found]
    best = max(others, key=lambda row: row.mean)
    gain = found.mean - best.mean
    rank = 1 + sum(row.mean > found.mean for row in others)
    random = [row.mean for row in rows if row.label.startswith("random")]
    return (
        f"{kind} bands: the found cell ({kinds_of(found.genotype)}) is number {rank} of "
        f"{len(rows)}, {gain:+.2f} dB against the best other one ({best.label}), "
        f"{found.mean - float(np.mean(random)):+.2f} dB against the mean of the random ones."
    )


def finding(found: dict[str, Genotype], rows: dict[str, list[Row]]) -> str:
    """Whether few bands went with spatial and many bands with joint operations."""

    def joint(genotype: Genotype) -> int:
        return sum(OPERATIONS[edge.operation].kind == "joint" for edge in genotype.nodes)

    few, many = joint(found["few"]), joint(found["many"])
    said = "confirmed" if few < 2 <= many and few < many else "not confirmed"
    text = (
        f"'Few bands: spatial, many bands: joint' is {said} by what was found: {few} of 4 "
        f"operations are joint for few bands, {many} of 4 for many."
    )
    for kind in ("few", "many"):
        by_label = {row.label: row.mean for row in rows[kind]}
        text += (
            f" stas_c against stas_p, {kind} bands: {by_label['stas_c'] - by_label['stas_p']:+.2f} "
            "dB."
        )
        if "found on the other set" in by_label:
            loss = by_label["found on the other set"] - by_label["found"]
            text += f" The cell of the other set, {kind} bands: {loss:+.2f} dB."
    return text


def cells_of(experiment: Experiment) -> list[tuple[str, Genotype]]:
    """What is trained on a set, with its labels in the table."""
    return [
        *((cell.name, cell) for cell in PUBLISHED),
        ("all o1", chain("o1")),
        ("all o8", chain("o8")),
        ("found", experiment.found()),
        *((cell.name, cell) for cell in experiment.random_cells()),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m benchmarks.search",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real cubes")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of what is done already")
    parser.add_argument("--search-steps", type=int, default=500)
    parser.add_argument("--steps", type=int, default=300, help="training steps of every row")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of every row")
    parser.add_argument("--cells", type=int, default=4, help="random cells")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--patch", type=int, default=64)
    parser.add_argument("--domain", choices=("eigenimages", "bands"), default="eigenimages")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=SPLITS, help="search and train for this set, no table")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    experiments = {kind: Experiment(kind, options) for kind in SPLITS}
    for experiment in experiments.values():
        experiment.folder.mkdir(parents=True, exist_ok=True)
    if options.only:
        experiment = experiments[options.only]
        for label, genotype in cells_of(experiment):
            experiment.row(label, genotype)
        return
    found = {kind: experiment.found() for kind, experiment in experiments.items()}
    rows: dict[str, list[Row]] = {}
    for kind, experiment in experiments.items():
        cells = cells_of(experiment)
        other = found["many" if kind == "few" else "few"]
        if path_of(other) != path_of(found[kind]):
            cells.append(("found on the other set", other))
        rows[kind] = [experiment.row(label, genotype) for label, genotype in cells]
    print(
        f"\n{options.domain}, width {options.width}, patches of {options.patch}, "
        f"{options.search_steps} steps of search, {options.steps} steps of training for each of "
        f"{options.seeds} seed(s)"
    )
    for kind in SPLITS:
        print(table(kind, rows[kind]))
    for kind in SPLITS:
        print(verdict(kind, rows[kind]))
    print(finding(found, rows))


if __name__ == "__main__":
    main()
