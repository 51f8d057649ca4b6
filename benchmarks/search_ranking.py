"""``python -m benchmarks.search_ranking`` compares the single-path search with the full one.

Both forms of the supernet are searched on the training scenes, with one seed and in about
as much time: a step of the full one takes several times as long, so it gets fewer. The
single-path search is that of ``benchmarks.search``. Then a number of cells are ranked: for
each of the eight operations the chain and the fan (every node from the one before it, or
from the entry) that have no other, the published cells and random ones;

* by the architecture weights of each form (the product over the nodes),
* by their error with the weights of each supernet, on the same batches of the half of the
  scenes that the weights were not trained on,
* by being trained alone, from random weights (rows shared with ``benchmarks.search``),

and the rank correlations (Spearman) of these five rankings are printed, and that of the
weights of the 80 pairs (edge, operation) of the two forms. Nothing under ``test/`` is
read. Everything is kept in ``--cache``, so that it can be broken off and called again.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr

from benchmarks.scenes import DATA
from benchmarks.search import CACHE, SPLITS, Experiment, Form, chain, described
from napari_hsi_restore.search.discretise import genotype_of, path_of
from napari_hsi_restore.search.strategy import Search
from napari_hsi_restore.search.supernet import PAIRS, Route
from napari_hsi_restore.search_space.genotype import PUBLISHED, Genotype
from napari_hsi_restore.search_space.operations import OPERATIONS

FORMS: tuple[Form, ...] = ("single-path", "full")


def ranked(experiment: Experiment) -> list[Genotype]:
    """Cells that differ much, and random ones, which differ less."""
    alike = [make(name) for name in OPERATIONS for make in (chain, fan)]
    return [*alike, *PUBLISHED, *experiment.random_cells()]


def fan(operation: str) -> Genotype:
    """Every node from the entry, by one operation."""
    path = tuple(pairs.index((0, operation)) for pairs in PAIRS)
    return genotype_of(path, f"fan_{operation}")


def likelihoods(search: Search, paths: list[Route]) -> list[float]:
    """Logarithm of the product of the weights of every path."""
    logs = [torch.log(row) for row in search.weights()]
    return [float(sum(row[c] for row, c in zip(logs, path, strict=True))) for path in paths]


def errors(search: Search, paths: list[Route], batches: int) -> list[float]:
    """Mean log error of every path with the weights of the supernet, on held-out batches."""
    sums = np.zeros(len(paths))
    for step in range(batches):
        # Steps that no search comes to: batches that neither half has seen.
        sums += search.compare(paths, 10**7 + step)
    return [float(value) for value in sums / batches]


def measured(experiment: Experiment, form: Form, options: argparse.Namespace) -> dict[str, object]:
    """Weights and scores of one form, from the cache or by searching."""
    kind, steps = experiment.kind, options.search_steps
    state = experiment.folder / f"found_{kind}-{steps}.safetensors"
    if form == "full":
        steps = options.full_steps
        state = experiment.folder / f"full_{kind}-{steps}.safetensors"
    path = experiment.folder / f"ranking-{kind}-{form}-{steps}-{len(ranked(experiment))}.json"
    if not path.exists():
        search = experiment.searched(state, form, steps)
        paths = [path_of(cell) for cell in ranked(experiment)]
        content = {
            "weights": [value for row in search.weights() for value in row.tolist()],
            "likelihoods": likelihoods(search, paths),
            "errors": errors(search, paths, options.batches),
        }
        path.write_text(json.dumps(content))
    found: dict[str, object] = json.loads(path.read_text())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        prog="python -m benchmarks.search_ranking",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real cubes")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of what is done already")
    parser.add_argument("--set", choices=SPLITS, default="few")
    parser.add_argument("--search-steps", type=int, default=600, help="of the single-path form")
    parser.add_argument("--full-steps", type=int, default=150, help="of the full form")
    parser.add_argument("--steps", type=int, default=300, help="training steps of every cell")
    parser.add_argument("--cells", type=int, default=8, help="random cells")
    parser.add_argument("--batches", type=int, default=48, help="for the scores of the supernets")
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--patch", type=int, default=48)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--domain", choices=("eigenimages", "bands"), default="eigenimages")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    experiment = Experiment(options.set, options)
    experiment.folder.mkdir(parents=True, exist_ok=True)
    forms = {form: measured(experiment, form, options) for form in FORMS}
    cells = ranked(experiment)
    rows = [experiment.row(cell.name, cell) for cell in cells]
    # The higher the better, for each.
    rankings: dict[str, list[float]] = {"trained alone": [row.mean for row in rows]}
    for form, found in forms.items():
        rankings[f"weights, {form}"] = list(found["likelihoods"])  # type: ignore[call-overload]
        rankings[f"supernet, {form}"] = [-value for value in found["errors"]]  # type: ignore[attr-defined]
    print(
        f"\n{options.set} bands, {options.domain}, width {options.width}, patches of "
        f"{options.patch}, {options.search_steps} steps of single-path and {options.full_steps} of "
        f"full search, {len(cells)} cells trained alone for {options.steps} steps\n"
    )
    print("| cell | nodes 1 to 4 | " + " | ".join(rankings) + " |")
    print("|" + "---|" * (len(rankings) + 2))
    for place, row in enumerate(rows):
        values = " | ".join(f"{ranking[place]:.3f}" for ranking in rankings.values())
        print(f"| {row.label} | {described(row.genotype)} | {values} |")
    print("\n| Spearman | " + " | ".join(rankings) + " |\n" + "|---" * (len(rankings) + 1) + "|")
    for name, one in rankings.items():
        values = " | ".join(f"{spearmanr(one, other)[0]:+.2f}" for other in rankings.values())
        print(f"| {name} | {values} |")
    pairs = [forms[form]["weights"] for form in FORMS]
    print(f"\nweights of the 80 pairs, {FORMS[0]} against {FORMS[1]}: {spearmanr(*pairs)[0]:+.2f}")


if __name__ == "__main__":
    main()
