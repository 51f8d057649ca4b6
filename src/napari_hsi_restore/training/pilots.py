"""``python -m napari_hsi_restore.training.pilots``: what the refiner learns from.

A pilot is a noisy region of a training cube that `ngmeet` has denoised, to its end or to the
draft by which its last round goes, as eigenimages: what was removed, what is still wrong, and
the estimate. Making one takes seconds, learning from it a fraction of that, so pilots are made
once and kept; several processes may make them side by side, each its own draws.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

from napari_hsi_restore.classical.collaborative import Filtering
from napari_hsi_restore.classical.ngmeet import RESERVOIR, axes_of, draft, ngmeet, turned
from napari_hsi_restore.classical.refined import load_correction, looked_over
from napari_hsi_restore.classical.subspace import find_subspace
from napari_hsi_restore.errors import UserError
from napari_hsi_restore.noise.measured import Moments
from napari_hsi_restore.noise.portion import finish
from napari_hsi_restore.training import cubes, pictures
from napari_hsi_restore.training.cubes import Cube
from napari_hsi_restore.training.patches import draw_sigma, moments
from napari_hsi_restore.training.recipe import NoiseMix, RefinerTraining, load_recipe

Float = npt.NDArray[np.float64]

Denoiser = Callable[[Cube, int], Filtering]
"""`ngmeet`, guided by a network or not, or its draft alone."""

_SALT = 7
_FEWEST_OF_MANY = 40
_ALL_BANDS = 0.7
_OF_WHOLE_SCENE = 0.6


@dataclasses.dataclass(frozen=True, eq=False)
class Pilot:
    """One denoised region.

    Attributes
    ----------
    removed, error : float16 or float32 ndarray, (components, y, x)
        Noisy minus estimate, and clean minus estimate, in units of the noise; the strongest
        component of the estimate first.
    estimate : float32 ndarray, (components, y, x)
    """

    removed: npt.NDArray[np.floating]
    error: npt.NDArray[np.floating]
    estimate: npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A clean cube that pilots are drawn from.

    Attributes
    ----------
    name : str
    cube : float32 ndarray, (bands, y, x)
        White is 1.
    side : int
        Of a region in pixels, at most.
    fewest : int
        Bands of a region, at least.
    noise : NoiseMix
    """

    name: str
    cube: Cube
    side: int
    fewest: int
    noise: NoiseMix


def sources(recipe: RefinerTraining, data: Path) -> list[Source]:
    """The training cubes and photographs of a recipe.

    Raises
    ------
    UserError
        As `cubes.find`.
    """
    found = []
    for path in cubes.find(data, recipe.train):
        cube = cubes.load([path])[0]
        fewest = recipe.fewest_bands if len(cube) <= _FEWEST_OF_MANY else _FEWEST_OF_MANY
        found.append(Source(path.stem, cube, recipe.side, fewest, recipe.noise))
    photographs = zip(recipe.pictures, pictures.load(recipe.pictures), strict=True)
    found += [
        Source(f"pic-{name}", cube, recipe.picture_side, 3, recipe.picture_noise)
        for name, cube in photographs
    ]
    return found


def make(source: Source, draw: int, misjudged: float, denoiser: Denoiser = ngmeet) -> Pilot:
    """Denoise a random region with random noise: the same for the same source and draw.

    Parameters
    ----------
    source : Source
    draw : int
    misjudged : float
        Relative standard deviation of the error of the noise that is told.
    denoiser : callable
        As `denoiser_of` gives it.
    """
    rng = np.random.default_rng([sum(source.name.encode()), draw, _SALT])
    bands, height, width = source.cube.shape
    count = bands
    if rng.random() >= _ALL_BANDS:
        count = int(rng.integers(min(source.fewest, bands), bands + 1))
    first = int(rng.integers(0, bands - count + 1))
    rows, columns = min(height, source.side), min(width, source.side)
    top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
    scene = source.cube[first : first + count]
    clean = scene[:, top : top + rows, left : left + columns]
    sigma = draw_sigma(source.noise, count, rng)
    told = sigma * np.exp(misjudged * rng.standard_normal(count))
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    noisy = clean + noise * sigma.astype(np.float32)[:, None, None]
    if rng.random() < _OF_WHOLE_SCENE:
        mean, covariance = moments(scene)
        found = Moments(mean, covariance + np.diag(sigma**2), height * width)
    else:
        found = Moments(*moments(noisy), rows * columns)
    return of(clean, noisy, told, found, denoiser)


def of(clean: Cube, noisy: Cube, told: Float, found: Moments, denoiser: Denoiser = ngmeet) -> Pilot:
    """Denoise a noisy region.

    Parameters
    ----------
    clean, noisy : float32 ndarray, (bands, y, x)
    told : float64 ndarray, (bands,)
        Standard deviation of the noise.
    found : Moments
        Of the scene that the region is a part of, with its noise.
    denoiser : callable
        As `denoiser_of` gives it.
    """
    subspace = find_subspace(found, told, RESERVOIR)
    everywhere = np.ones((len(clean), clean[0].size), dtype=bool)

    def components(cube: Cube) -> Cube:
        flat = subspace.project(cube.reshape(len(cube), -1), everywhere)
        return flat.reshape(-1, *cube.shape[1:])

    estimate = finish(denoiser(components(noisy), subspace.strong))
    axes = axes_of(estimate, subspace.strong)
    estimate = turned(axes.T, estimate)
    return Pilot(
        turned(axes.T, components(noisy)) - estimate,
        turned(axes.T, components(clean)) - estimate,
        estimate,
    )


def path_of(folder: Path, name: str, draw: int) -> Path:
    """Where a pilot is kept."""
    return folder / f"{name}_{draw}.npz"


def save(pilot: Pilot, path: Path) -> None:
    """Write a pilot, whole or not at all; what is noise needs half precision only."""
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        removed=pilot.removed.astype(np.float16),
        error=pilot.error.astype(np.float16),
        estimate=pilot.estimate,
    )
    partial.replace(path)


def load(path: Path) -> Pilot:
    """Read a pilot."""
    with np.load(path) as content:
        return Pilot(content["removed"], content["error"], content["estimate"])


def denoiser_of(recipe: RefinerTraining) -> Denoiser:
    """What makes the estimates that the pilots of a recipe hold.

    Raises
    ------
    UserError
        If there is no such model as improves the draft.
    """
    if recipe.looks_over == "draft":
        return draft
    if recipe.drafts is None:
        return ngmeet
    correction = load_correction(recipe.drafts, 1)

    def guided(components: Cube, strong: int) -> Filtering:
        improve = functools.partial(looked_over, correction, strong=strong)
        return ngmeet(components, strong, improve)

    return guided


def missing(
    recipe: RefinerTraining, data: Path, folder: Path, draws: range
) -> Iterator[tuple[int, int]]:
    """Make the pilots that a folder does not have yet.

    Yields
    ------
    int, int
        How many there are, and how many there are to be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = sources(recipe, data)
    total = len(found) * len(draws)
    denoiser = denoiser_of(recipe)
    for number, (draw, source) in enumerate((d, s) for d in draws for s in found):
        path = path_of(folder, source.name, draw)
        if not path.exists():
            save(make(source, draw, recipe.noise.misjudged, denoiser), path)
        yield number + 1, total


def main(
    recipe: Annotated[Path, typer.Argument(help="Recipe file of a refiner.")],
    data: Annotated[Path, typer.Option(help="Folder that the recipe's patterns start from.")],
    first: Annotated[int, typer.Option(help="First draw.")] = 0,
    last: Annotated[int | None, typer.Option(help="The draw after the last one.")] = None,
) -> None:
    """Make the pilots that a refiner learns from."""
    try:
        chosen = load_recipe(recipe)
        if not isinstance(chosen, RefinerTraining):
            raise UserError(f"{recipe}: only a refiner learns from pilots; take its recipe.")
        draws = range(first, chosen.draws if last is None else last)
        for done, total in missing(chosen, data, Path(chosen.pilots), draws):
            print(f"{done} of {total}", flush=True)
    except UserError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
