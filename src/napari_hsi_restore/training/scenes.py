"""Training cubes of a network that enlarges, laid out for fast random access on a device."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch

from napari_hsi_restore.degradations import resize_bicubic
from napari_hsi_restore.models.basis import detail_basis
from napari_hsi_restore.models.spec import EigenSRSpec
from napari_hsi_restore.training.cubes import Cube
from napari_hsi_restore.training.patches import moments
from napari_hsi_restore.training.places import Places, lost, places_of
from napari_hsi_restore.training.recipe import SuperresTraining

MARGIN = 3
"""Pixels of the shrunk cube around a patch that its shrinking looks at: 4 standard
deviations of the widest point spread function, or two and a half taps of the bicubic one.
"""


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """One cube at one resolution, or a view of it in a basis.

    Attributes
    ----------
    images : float32 tensor, (channels, y, x)
        Bands with white at 1, or components of unit variance, with a mirrored border
        wide enough for a patch with its margin.
    weight : float32 tensor, (bands,) or (components,)
        Factor of each channel's error in the loss, 0 for components that the scene does
        not have.
    area : float
        Pixels without the border, for the draw.
    places : Places or None
        Where it loses much when it is shrunk; None if the recipe does not ask for that.
    colours : bool
        Whether the channels are colours of a photograph, of which bands are yet to be mixed.
    """

    images: torch.Tensor
    weight: torch.Tensor
    area: float
    places: Places | None
    colours: bool = False

    def to(self, device: torch.device) -> Scene:
        """The same scene on another device."""
        images, weight = self.images.to(device), self.weight.to(device)
        return dataclasses.replace(self, images=images, weight=weight)


def scenes_of(
    cubes: Iterable[Cube],
    recipe: SuperresTraining,
    scales: tuple[float, ...] | None = None,
    *,
    colours: bool = False,
) -> list[Scene]:
    """Lay out cubes at some resolutions.

    Parameters
    ----------
    cubes : iterable of float32 ndarray, (bands, y, x)
        White at 1.
    recipe : SuperresTraining
    scales : tuple of float, optional
        None takes those of the recipe.
    colours : bool
        Whether the cubes are photographs, of whose colours bands are mixed for a network that
        goes along bands.

    Returns
    -------
    list of Scene
        On the CPU; the same for the same recipe.
    """
    rng = np.random.default_rng(recipe.seed)
    found = []
    for cube in cubes:
        for scale in recipe.scales if scales is None else scales:
            sized = cube if scale == 1.0 else resize_bicubic(cube, scale=scale)
            sized = np.asarray(sized, dtype=np.float32)
            if isinstance(recipe.network, EigenSRSpec):
                found += [_view(part, recipe, recipe.network) for part in _runs(sized, recipe, rng)]
            else:
                energy = lost(sized, recipe.network.scale)
                weight = np.full(len(sized), _factor(energy, recipe))
                scene = _scene(sized, weight, energy, recipe)
                found.append(dataclasses.replace(scene, colours=colours))
    return found


def _runs(cube: Cube, recipe: SuperresTraining, rng: np.random.Generator) -> list[Cube]:
    """All bands, and random contiguous runs of at least four and a third of them."""
    runs = [cube]
    if len(cube) < 4:
        return runs
    fewest = max(4, len(cube) // 3)
    for _ in range(recipe.views - 1):
        count = int(rng.integers(fewest, len(cube) + 1))
        first = int(rng.integers(0, len(cube) - count + 1))
        runs.append(cube[first : first + count])
    return runs


def _view(cube: Cube, recipe: SuperresTraining, spec: EigenSRSpec) -> Scene:
    """The components of a cube, each error weighted as it counts in the bands."""
    mean, covariance = moments(cube)
    basis = detail_basis(mean, covariance, spec.components)
    lengths = np.linalg.norm(basis.backward, axis=0)
    lengths = np.pad(lengths, (0, spec.components - basis.components))
    energy = lost(cube, spec.scale)
    weight = lengths / np.sqrt(len(cube)) * _factor(energy, recipe)
    return _scene(basis.project(cube), weight, energy, recipe)


def _factor(energy: npt.NDArray[np.float64], recipe: SuperresTraining) -> float:
    """What the error of a cube is multiplied by in the loss."""
    return 1.0 if recipe.loss == "l1" else 1.0 / max(float(np.sqrt(energy.mean())), 1e-4)


def _scene(
    images: Cube,
    weight: npt.NDArray[np.float64],
    energy: npt.NDArray[np.float64],
    recipe: SuperresTraining,
) -> Scene:
    scale = recipe.network.scale
    least = (recipe.patch + 2 * MARGIN) * scale
    pads = []
    for length in images.shape[1:]:
        border = max(MARGIN * scale, -(-(least - length) // 2))
        pads.append((border, border))
    padded = np.pad(images, ((0, 0), *pads), mode="symmetric")
    uneven = [
        (before, after + length - known)
        for (before, after), length, known in zip(pads, images.shape[1:], energy.shape, strict=True)
    ]
    energy = np.pad(energy, uneven, mode="symmetric")
    return Scene(
        torch.from_numpy(np.ascontiguousarray(padded, dtype=np.float32)),
        torch.from_numpy(weight.astype(np.float32)),
        float(images.shape[1] * images.shape[2]),
        places_of(energy, MARGIN * scale, recipe.patch * scale) if recipe.detail_share else None,
    )
