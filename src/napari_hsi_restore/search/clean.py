"""The user's cubes as targets: with white at 1, and denoised where they need it."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence

import numpy as np
import numpy.typing as npt

from napari_hsi_restore.classical.engine import restore_classically
from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Done, Event, Note, Progress
from napari_hsi_restore.noise import estimate_sigma
from napari_hsi_restore.training.cubes import Cube
from napari_hsi_restore.training.finetune.alike import check_alike
from napari_hsi_restore.training.finetune.cubes import Sample, samples

HELD_OUT = 0.2
"""Part of every cube that only scores are taken from."""

TOO_NOISY = 3.0
"""Noise (square mean of the bands, white at 255) from which a cube is not called clean [ours]."""


@dataclasses.dataclass(frozen=True, eq=False)
class Targets:
    """What a search learns from and is scored on.

    Attributes
    ----------
    names : tuple of str
    training, held_out : list of float32 ndarray, (bands, y, x)
        White is 1; no pixel is in both.
    wavelengths_nm : float64 ndarray, (bands,), or None
        Of the first cube.
    """

    names: tuple[str, ...]
    training: list[Cube]
    held_out: list[Cube]
    wavelengths_nm: npt.NDArray[np.float64] | None


def targets(cubes: Sequence[HyperCube]) -> Generator[Event, None, Targets]:
    """The cubes as clean ones.

    A cube whose own noise stands out of the noise of the training, so that a network
    would learn to leave it in, is replaced by its restoration with NGmeet [ours].

    Yields
    ------
    Progress, Note

    Returns
    -------
    Targets

    Raises
    ------
    UserError
        If the cubes are not alike, or have too few valid pixels or bands.
    """
    check_alike(cubes, None)
    found: list[Sample] = []
    training, held_out = [], []
    for part in samples(cubes, None, HELD_OUT):
        if isinstance(part, str):
            yield Note(part)
        elif isinstance(part, Sample):
            found.append(part)
        else:
            yield Progress(0.0, "reading cubes")
    for sample in found:
        clean = sample.cube / np.float32(sample.white)
        level = estimate_sigma(clean, sample.valid)
        yield Progress(0.0, "measuring the noise of the cubes")
        typical = 255.0 * float(np.sqrt(np.mean(np.square(level))))
        if typical > TOO_NOISY:
            yield Note(
                f"{sample.name} is itself noisy (about sigma {typical:.1f} where white is 255): "
                "its classical restoration (ngmeet) stands in for a clean cube."
            )
            clean = yield from _denoised(sample.name, clean)
        training.append(np.ascontiguousarray(clean[:, *sample.learned]))
        held_out.append(np.ascontiguousarray(clean[:, *sample.held_out]))
    names = tuple(sample.name for sample in found)
    return Targets(names, training, held_out, found[0].wavelengths_nm)


def _denoised(name: str, noisy: Cube) -> Generator[Event, None, Cube]:
    for event in restore_classically(HyperCube(noisy, name=name, white_level=1.0), "ngmeet"):
        if isinstance(event, Progress):
            yield Progress(0.0, f"denoising {name}: {event.fraction:.0%}")
        elif isinstance(event, Done):
            restored: Cube = event.result.array().astype(np.float32)
    return restored
