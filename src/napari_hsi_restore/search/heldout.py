"""Scores and pictures of pixels that are never trained on."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from napari_hsi_restore.models.architectures.stas import Stas
from napari_hsi_restore.models.basis import Basis, band_basis, eigenbasis
from napari_hsi_restore.training.cubes import Cube
from napari_hsi_restore.training.patches import moments
from napari_hsi_restore.training.validation import CASES

SIDE = 96
"""Pixels of the square in the middle of a held-out part that is scored."""

MOST_CUBES = 4
"""Held-out parts that are scored; more would make every check long."""

_MOST_COMPONENTS = 32
_PICTURED = "sigma30"


@dataclasses.dataclass(frozen=True, eq=False)
class _Scene:
    """One noisy square: cube and truth, (bands, y, x), and what the network is given."""

    case: str
    clean: Cube
    noisy: Cube
    basis: Basis


class HeldOut:
    """The scenes that networks are scored on: the noise cases of the bundled training.

    Parameters
    ----------
    cubes : sequence of float32 ndarray, (bands, y, x)
        Clean, white at 1; the first `MOST_CUBES` are used.
    domain : {'eigenimages', 'bands'}
    """

    def __init__(self, cubes: Sequence[Cube], domain: Literal["eigenimages", "bands"]) -> None:
        self._scenes = [
            _scene(cube, case.name, case.levels, domain)
            for cube in cubes[:MOST_CUBES]
            for case in CASES
        ]

    def score(self, network: Stas, device: torch.device) -> Generator[None, None, float]:
        """PSNR with white at 1, mean over the scenes, in dB.

        Yields
        ------
        None
            After every few convolutions.

        Returns
        -------
        float
        """
        values = []
        for scene in self._scenes:
            restored = yield from self._restored(scene, network, device)
            error = np.mean(np.square(np.clip(restored, 0, 1) - np.clip(scene.clean, 0, 1)))
            values.append(-10.0 * float(np.log10(max(float(error), 1e-12))))
        return float(np.mean(values))

    def picture(
        self,
        network: Stas,
        before: Stas | None,
        device: torch.device,
        path: Path,
        wavelengths_nm: npt.NDArray[np.float64] | None,
    ) -> Generator[None, None, None]:
        """Write one scene as an `napari_hsi_restore.events.Snapshot` describes it.

        Parameters
        ----------
        network, before : Stas
            As it is now, and the bundled one.
        device : torch.device
        path : Path
            ``.npz``; written beside its place and renamed.
        wavelengths_nm : float64 ndarray, (bands,), or None

        Yields
        ------
        None
            After every few convolutions.
        """
        scene = next(scene for scene in self._scenes if scene.case == _PICTURED)
        now = yield from self._restored(scene, network, device)
        old = scene.noisy
        if before is not None:
            old = yield from self._restored(scene, before, device)
        fits = wavelengths_nm is not None and len(wavelengths_nm) == len(scene.clean)
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as file:
            np.savez(
                file,
                noisy=scene.noisy,
                before=old,
                now=now,
                reference=scene.clean,
                wavelengths_nm=wavelengths_nm if fits and wavelengths_nm is not None else [],
            )
        os.replace(partial, path)

    @staticmethod
    def _restored(
        scene: _Scene, network: Stas, device: torch.device
    ) -> Generator[None, None, Cube]:
        components = torch.from_numpy(scene.basis.project(scene.noisy))[None].to(device)
        level = torch.from_numpy(scene.basis.level.astype(np.float32))[None].to(device)
        result = components
        stages = network.stages(components, level)
        while True:
            # The mode must not reach beyond a yield, where others compute.
            with torch.no_grad():
                try:
                    result = next(stages)
                except StopIteration:
                    break
            yield
        return scene.basis.restore(result[0].float().cpu().numpy(), scene.noisy)


def _scene(
    cube: Cube, case: str, levels: tuple[float, ...], domain: Literal["eigenimages", "bands"]
) -> _Scene:
    rng = np.random.default_rng(0)
    top, left = (max(0, (side - SIDE) // 2) for side in cube.shape[1:])
    clean = np.ascontiguousarray(cube[:, top : top + SIDE, left : left + SIDE])
    sigma = rng.choice(np.array(levels), len(clean)) / 255.0
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    noisy = clean + noise * sigma.astype(np.float32)[:, None, None]
    mean, covariance = moments(noisy)
    if domain == "bands":
        basis = band_basis(mean, covariance, sigma)
    else:
        pixels = clean.shape[1] * clean.shape[2]
        basis = eigenbasis(mean, covariance, sigma, pixels, _MOST_COMPONENTS)
    return _Scene(case, clean, noisy, basis)
