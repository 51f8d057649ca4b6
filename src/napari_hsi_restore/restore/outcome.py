"""What a restoration has to say about its result, from the history of the result."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import numpy as np
import numpy.typing as npt
import pydantic

from napari_hsi_restore.cube import HyperCube
from napari_hsi_restore.events import Event, Progress
from napari_hsi_restore.restore import superres_outcome
from napari_hsi_restore.restore.bad_bands import sentence_of
from napari_hsi_restore.restore.residual import Residual, look_at_residual

# They change what they mend and nothing else: what they take is no noise.
_ONLY_MENDING = ("destripe", "inpaint")


def outcome(result: HyperCube) -> tuple[str, ...]:
    """Sentences for the user.

    Parameters
    ----------
    result : HyperCube
        Of `napari_hsi_restore.restore.restore` or `superres`.

    Returns
    -------
    tuple of str
        Of a denoised cube: why which model was taken where that was left to ``"auto"``,
        what became of bands that are marked as bad, and whether what was removed looks like
        noise. Of an enlarged one see
        `napari_hsi_restore.restore.superres_outcome.outcome`. Empty for any other.
    """
    entry = _entry(result)
    if entry is None:
        return superres_outcome.outcome(result)
    sentences = []
    if entry.get("chosen"):
        sentences.append(f"auto took {entry['model']}: {_lowered(str(entry['chosen']))}")
    if spared := sentence_of(entry):
        sentences.append(spared)
    residual = residual_of(result)
    if residual is not None:
        sentences.append(residual.sentence)
    return tuple(sentences)


def residual_of(result: HyperCube) -> Residual | None:
    """What was found in the residual of a denoised cube; None where nothing is known."""
    entry = _entry(result)
    if entry is None or not entry.get("residual"):
        return None
    try:
        return Residual.model_validate(entry["residual"])
    except pydantic.ValidationError:
        return None


def with_residual(
    cube: HyperCube, result: HyperCube, hidden: npt.NDArray[np.bool_] | None = None
) -> Generator[Event, None, HyperCube]:
    """A denoised cube that also knows what its residual has in it beside noise.

    Parameters
    ----------
    cube : HyperCube
        What was denoised.
    result : HyperCube
        Of the same shape; the last line of its history is that of a denoising.
    hidden : bool ndarray, (y, x), or None
        Pixels that were filled on purpose.

    Yields
    ------
    Progress
    """
    entry = _entry(result)
    if entry is None or entry["model"] in _ONLY_MENDING or not entry.get("strength", 1.0):
        return result
    steps = look_at_residual(cube, result, _sigma(cube, entry.get("sigma")), hidden)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: Residual | None = stop.value
            break
        yield Progress(1.0, "looking at what was removed")
    if found is None:
        return result
    line = json.dumps({**entry, "residual": found.model_dump(mode="json")})
    return result.replace(history=(*result.history[:-1], line))


def _sigma(cube: HyperCube, known: list[float] | None) -> npt.NDArray[np.float64] | None:
    """Noise of all bands, NaN for bad ones, from that of the restored ones; None if not known."""
    usable = cube.usable_bands()
    if known is None or len(known) != usable.sum():
        return None
    sigma = np.full(cube.n_bands, np.nan)
    sigma[usable] = known
    return sigma


def _entry(result: HyperCube) -> dict[str, Any] | None:
    """The last line of the history if it is that of a denoising."""
    try:
        entry = json.loads(result.history[-1])
    except (IndexError, ValueError):
        return None
    return entry if isinstance(entry, dict) and entry.get("step") == "denoise" else None


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
